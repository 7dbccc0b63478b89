"""Which real recordings a demo is repeated on."""

from pathlib import Path

import pytest

from edgeacc.cli.demo_journal import Recordings
from edgeacc.cli.demo_recordings import all_recordings
from edgeacc.cli.demo_run import Runner
from edgeacc.errors import BadInput

MAPPING = """
acc_columns = ["x", "y", "z"]
acc_unit = "g"
ppg_columns = ["p"]
ppg_upstroke = "positive"
rate_hz = 64
"""


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Two tables of the same name and a mapping, in the working directory."""
    monkeypatch.chdir(tmp_path)
    for folder in ("first", "second"):
        Path(folder).mkdir()
        Path(folder, "table.csv").write_text("x,y,z,p")
    Path("mapping.toml").write_text(MAPPING)
    return Path("out"), Path("first/table.csv"), Path("second/table.csv"), Path("mapping.toml")


def keep(folder, recordings):
    """A demo that imported them."""
    Runner([], folder, recordings).run(lambda statuses: None)
    for name in recordings:
        (folder / "real" / name).mkdir(parents=True)


def test_names_are_those_of_files_and_numbered_where_two_are_alike(places):
    folder, first, second, mapping = places
    found = all_recordings(folder, [first, second], mapping)
    assert found == {
        "table": Recordings(path=first, mapping=mapping),
        "table-2": Recordings(path=second, mapping=mapping),
    }


def test_those_of_before_are_kept_under_their_names_as_they_are_typed_here(places, monkeypatch):
    folder, first, second, mapping = places
    keep(folder, all_recordings(folder, [first], mapping))
    assert all_recordings(folder, [], None) == {"table": Recordings(path=first, mapping=mapping)}
    assert set(all_recordings(folder, [second], None)) == {"table", "table-2"}
    assert set(all_recordings(folder, [first.resolve()], mapping)) == {"table"}
    monkeypatch.chdir("first")
    (again,) = all_recordings(".." / folder, [], None).values()
    assert (again.path, again.mapping) == (Path("table.csv"), Path("../mapping.toml"))


def test_those_whose_results_were_removed_are_forgotten(places):
    folder, first, _, mapping = places
    keep(folder, all_recordings(folder, [first], mapping))
    (folder / "real" / "table").rmdir()
    assert all_recordings(folder, [], None) == {}


def test_mistakes_in_a_mapping_are_told_before_anything_is_run(places):
    folder, first, _, mapping = places
    mapping.write_text(MAPPING.replace('"g"', '"kg"'))
    with pytest.raises(BadInput, match=r"mapping.toml: 1 mistake[\s\S]*acc_unit"):
        all_recordings(folder, [first], mapping)
    assert not folder.exists()
