import pytest

from edgeacc.errors import BadInput
from edgeacc.recordings import e4
from edgeacc.recordings.registry import FORMATS, Format, find, recognised
from edgeacc.recordings.table import TableMapping

MAPPING = TableMapping(
    acc_columns=("x", "y", "z"), acc_unit="g", ppg_columns=("p",), ppg_upstroke="positive", rate_hz=64
)


def who(found):
    return [recording.participant for one in found for recording in one.read()]


def test_a_folder_of_folders_of_two_formats(tmp_path, write_e4, write_polar):
    write_e4(tmp_path / "set" / "S02", seconds=2)
    write_e4(tmp_path / "set" / "S01" / "monday", seconds=2)
    write_e4(tmp_path / "set" / "S01" / "tuesday", seconds=2)
    write_polar(tmp_path / "set" / "P", seconds=4)
    (tmp_path / "set" / "LICENSE").write_text("free")
    found = find(tmp_path / "set")
    assert [one.format for one in found] == ["polar-sense", "empatica-e4", "empatica-e4", "empatica-e4"]
    assert who(found) == ["P", "S01", "S01", "S02"]
    assert who(find(tmp_path / "set", "empatica-e4")) == ["S01", "S01", "S02"]
    assert who(find(tmp_path / "set" / "S02")) == ["S02"]


@pytest.mark.parametrize("name", ["s2.avro", "S2.CWA", "s2.mat", "s2.pkl", "s2.zip"])
def test_an_empty_file_beside_recordings_is_told_not_passed_over(tmp_path, write_e4, name):
    write_e4(tmp_path / "set" / "S01", seconds=2)
    (tmp_path / "set" / name).touch()
    with pytest.raises(BadInput, match=rf"{name} is empty"):
        find(tmp_path / "set")
    assert who(find(tmp_path / "set", "empatica-e4")) == ["S01"]


def test_tables_in_a_folder_and_alone(tmp_path):
    for name in ("b.csv", "a.csv"):
        (tmp_path / name).write_text("x,y,z,p\n0,0,1,4\n0,0,1,4\n")
    assert who(find(tmp_path, mapping=MAPPING)) == ["a.csv", "b.csv"]
    assert who(find(tmp_path / "b.csv", "table", MAPPING)) == ["b.csv"]


def test_a_link_back_up_does_not_go_round_for_ever(tmp_path, write_e4):
    write_e4(tmp_path / "set" / "S01", seconds=2)
    (tmp_path / "set" / "up").symlink_to(tmp_path / "set")
    assert len(find(tmp_path / "set")) == 1


def test_nothing_known_lists_what_is(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(BadInput, match="holds no recording that is known") as caught:
        find(tmp_path)
    for name in FORMATS:
        assert name in caught.value.valid
    assert caught.value.next_command == "edgeacc ls formats"
    with pytest.raises(BadInput, match="holds no recording") as caught:
        find(tmp_path, "polar-sense")
    assert "empatica" not in caught.value.valid


@pytest.mark.parametrize(
    ("name", "told"), [("fitbit", "unknown format 'fitbit'"), ("table", "a table needs a mapping of its columns")]
)
def test_formats_that_cannot_be_asked_for(tmp_path, name, told):
    with pytest.raises(BadInput, match=told):
        find(tmp_path, name)


def test_a_mapping_for_a_format_that_needs_none(tmp_path, write_e4):
    write_e4(tmp_path / "S01", seconds=2)
    with pytest.raises(BadInput, match="a mapping has no part in the format empatica-e4"):
        find(tmp_path, "empatica-e4", MAPPING)


def test_a_missing_path(tmp_path):
    with pytest.raises(BadInput, match="nowhere does not exist"):
        find(tmp_path / "nowhere")


def test_one_entry_makes_a_format_of_single_files(tmp_path, monkeypatch, write_e4):
    """Files are found beside folders, by content, in a folder of both and alone."""

    class Lines:
        NAME = "lines"

        @staticmethod
        def recognise(path):
            return path.is_file() and path.read_bytes().startswith(b"LINES")

        @staticmethod
        def read(path, participant):
            one = e4.read(tmp_path / "set" / "S01", participant)
            return iter([one, one])

    monkeypatch.setitem(FORMATS, "lines", Format("lines", "any", "a file", "its first bytes", "nothing", Lines))
    write_e4(tmp_path / "set" / "S01", seconds=2)
    (tmp_path / "set" / "S02.csv").write_text("LINES")
    found = find(tmp_path / "set")
    assert [one.format for one in found] == ["empatica-e4", "lines"]
    assert who(found) == ["S01", "S02.csv", "S02.csv"]
    assert who(find(tmp_path / "set" / "S02.csv")) == ["S02.csv"] * 2
    assert recognised(tmp_path / "set") is None
    assert recognised(tmp_path / "set" / "S02.csv").format == "lines"


def test_every_format_tells_licence_source_and_axes():
    for format in FORMATS.values():
        told = format.provenance()
        assert set(told) == {"licence", "source", "axes"}
        assert all(told.values())
        assert told["source"] != "unknown"
        assert not set(told) & set(format.told())
