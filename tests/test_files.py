"""Files that appear whole or not at all, and configurations whose mistakes are all told."""

import errno
import hashlib
import json
import math
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.files import discard, parse_model, read_model, refuse_existing, replacing, sha256, write_json


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    steps: int = Field(ge=1)
    rate_hz: float = Field(gt=0)


def test_a_file_appears_when_the_block_ends_well(tmp_path):
    path = tmp_path / "new" / "result.txt"
    with replacing(path) as beside:
        beside.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert os.listdir(path.parent) == ["result.txt"]


def test_a_folder_appears_whole(tmp_path):
    with replacing(tmp_path / "store") as beside:
        beside.mkdir()
        (beside / "part").write_text("1")
    assert (tmp_path / "store" / "part").read_text() == "1"


def write_half_and_fail(path, error, force=False):
    with replacing(path, force=force) as beside:
        beside.write_text("half")
        raise error


@pytest.mark.parametrize(
    "error", [ValueError("defect"), SafetensorError("odd"), BadInput("wrong"), KeyboardInterrupt()]
)
def test_nothing_is_left_when_the_block_fails(tmp_path, error):
    with pytest.raises(type(error)):
        write_half_and_fail(tmp_path / "result", error)
    assert os.listdir(tmp_path) == []


FULL_DISK = (
    OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    shutil.Error([("a", "b", f"[Errno {errno.ENOSPC}] No space left on device: 'a' -> 'b'")]),
)


@pytest.mark.parametrize("error", FULL_DISK, ids=["system", "safetensors", "copied tree"])
def test_a_full_disk_is_the_machines_fault_and_leaves_nothing(tmp_path, error):
    with pytest.raises(NotPossibleHere, match="no space left") as failure:
        write_half_and_fail(tmp_path / "result", error)
    assert failure.value.exit_code == 1
    assert os.listdir(tmp_path) == []


def test_the_file_that_was_in_the_way_is_named(tmp_path):
    said = r"cannot use .*converter: No such file or directory; .*result was not written"
    with pytest.raises(NotPossibleHere, match=said):
        with replacing(tmp_path / "result"):
            (tmp_path / "converter").read_bytes()


def test_what_cannot_be_written_is_told_from_what_cannot_be_read(tmp_path):
    with pytest.raises(NotPossibleHere, match=r"cannot write .*result: No such file or directory"):
        with replacing(tmp_path / "result") as beside:
            (beside / "no-folder" / "part").write_text("x")


@pytest.mark.parametrize(("name", "stays"), [("manifest.json", False), ("mine.txt", True)])
def test_only_what_edgeacc_made_is_discarded(tmp_path, name, stays):
    discard(tmp_path / "nothing")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / name).write_text("{}")
    discard(folder)
    assert folder.exists() == stays


def test_a_file_that_may_not_grow_is_the_machines_fault_too(tmp_path):
    too_large = SafetensorError("Error while serializing: I/O error: File too large (os error 27)")
    with pytest.raises(NotPossibleHere, match=r"cannot write .*result: File too large"):
        write_half_and_fail(tmp_path / "result", too_large)
    assert os.listdir(tmp_path) == []


def test_what_exists_is_refused_and_kept_when_a_forced_block_fails(tmp_path):
    path = tmp_path / "result"
    path.write_text("old")
    with pytest.raises(BadInput, match="exists already") as refusal, replacing(path):
        pytest.fail("the block must not run")
    assert "--force" in refusal.value.valid
    with pytest.raises(ZeroDivisionError):
        write_half_and_fail(path, ZeroDivisionError(), force=True)
    assert path.read_text() == "old"
    with replacing(path, force=True) as beside:
        beside.write_text("new")
    assert path.read_text() == "new"


def test_a_process_that_is_killed_in_the_last_moment_leaves_the_old_file(tmp_path, monkeypatch):
    """A demo's journal and the state of a training run are replaced many times; without them all work is lost."""
    (tmp_path / "steps.json").write_text("old")

    def killed(*_):
        raise KeyboardInterrupt

    for move in ("rename", "replace"):
        monkeypatch.setattr(Path, move, killed)
    with pytest.raises(KeyboardInterrupt):
        write_json(tmp_path / "steps.json", {"new": 1}, force=True)
    assert (tmp_path / "steps.json").read_text() == "old"


def _write(beside, kind):
    if kind == "file":
        beside.write_text(kind)
    else:
        beside.mkdir()
        (beside / "manifest.json").write_text(kind)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_force_replaces_a_result_by_one_of_its_kind(tmp_path, kind):
    path = tmp_path / "result"
    for _ in range(2):
        with replacing(path, force=True) as beside:
            _write(beside, kind)
    assert path.is_dir() == (kind == "folder")
    assert os.listdir(tmp_path) == ["result"]


@pytest.mark.parametrize(("old", "new"), [("file", "folder"), ("folder", "file")])
def test_a_folder_and_a_file_do_not_take_each_others_place(tmp_path, old, new):
    path = tmp_path / "result"
    _write(path, old)
    with pytest.raises(BadInput, match=f"is a {old}, the result a {new}"), replacing(path, force=True) as beside:
        _write(beside, new)
    assert path.is_dir() == (old == "folder")
    assert os.listdir(tmp_path) == ["result"]


def test_force_leaves_folders_that_are_somebody_elses(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("years of work")
    with (
        pytest.raises(BadInput, match="edgeacc did not make"),
        replacing(tmp_path / "precious", force=True),
    ):
        pytest.fail("the block must not run")
    assert (tmp_path / "precious" / "thesis.txt").exists()


@pytest.mark.parametrize("output", ["store", "."])
def test_a_result_does_not_replace_what_it_is_made_from(tmp_path, output):
    (tmp_path / "set" / "store").mkdir(parents=True)
    for folder in (tmp_path / "set", tmp_path / "set" / "store"):
        (folder / "manifest.json").write_text("{}")
    with pytest.raises(BadInput, match="made from, or holds it"):
        refuse_existing(tmp_path / "set" / output, force=True, inputs=[tmp_path / "set" / "store"])


def test_a_result_is_not_put_where_every_file_has_its_hash(tmp_path):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "SHA256SUMS").touch()
    (tmp_path / "bundle" / "SHA256SUMS").touch()
    refuse_existing(tmp_path / "bundle" / "somebody's")
    (tmp_path / "bundle" / "recipe.toml").touch()
    with pytest.raises(BadInput, match="a bundle or a kit with the hash of every file"):
        refuse_existing(tmp_path / "bundle" / "new" / "kit", force=True)


def test_a_path_without_a_name_is_no_place_for_a_result():
    with pytest.raises(BadInput, match="no place for a result"):
        refuse_existing(Path(), force=True)


def test_left_overs_of_a_killed_run_do_not_matter(tmp_path):
    (tmp_path / ".result.writing").mkdir()
    with replacing(tmp_path / "result") as beside:
        beside.write_text("whole")
    assert os.listdir(tmp_path) == ["result"]


@pytest.mark.parametrize("place", ["file/result", "file/deeper/result"])
def test_a_parent_that_is_a_file_is_one_clear_error(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="is not a folder"), replacing(tmp_path / place):
        pytest.fail("the block must not run")


def test_refusing_asks_before_hours_of_work(tmp_path):
    refuse_existing(tmp_path / "free")
    (tmp_path / "result").write_text("old")
    refuse_existing(tmp_path / "result", force=True)
    with pytest.raises(BadInput):
        refuse_existing(tmp_path / "result")


def test_a_folder_that_cannot_be_written_is_told_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(NotPossibleHere, match=f"no permission to write in {tmp_path}"):
        refuse_existing(tmp_path / "deeper" / "result")


@given(steps=st.integers(1, 10**9), rate_hz=st.floats(1e-3, 1e6))
def test_json_written_reads_back(tmp_path_factory, steps, rate_hz):
    path = tmp_path_factory.mktemp("json") / "settings.json"
    write_json(path, Settings(steps=steps, rate_hz=rate_hz))
    assert read_model(path, Settings) == Settings(steps=steps, rate_hz=rate_hz)


def test_json_is_the_same_bytes_each_time_and_never_nan(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": 2})
    assert (tmp_path / "a.json").read_text() == '{\n  "a": 2,\n  "b": 1\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "nan.json", {"a": math.nan})
    assert os.listdir(tmp_path) == ["a.json"]


def test_toml_and_json_give_the_same_model(tmp_path):
    (tmp_path / "s.toml").write_text("steps = 3\nrate_hz = 64.0\n")
    (tmp_path / "s.json").write_text(json.dumps({"steps": 3, "rate_hz": 64.0}))
    assert read_model(tmp_path / "s.toml", Settings) == read_model(tmp_path / "s.json", Settings)


def test_all_mistakes_are_told_at_once_with_their_values():
    with pytest.raises(BadInput) as failure:
        parse_model({"steps": 0, "rate": 64}, Settings, where="train.toml", next_command="edgeacc cat x")
    problem = failure.value.problem
    assert "train.toml: 3 mistakes" in problem
    assert "steps: " in problem
    assert "(got 0)" in problem
    assert failure.value.valid == "the fields steps, rate_hz"
    assert "rate_hz: is missing\n" in problem
    assert "rate: " in problem
    assert failure.value.next_command == "edgeacc cat x"


def test_a_folder_instead_of_a_file_is_one_clear_error(tmp_path):
    (tmp_path / "a.toml").mkdir()
    with pytest.raises(BadInput, match=r"cannot read .*a\.toml"):
        read_model(tmp_path / "a.toml", Settings)


def test_a_long_value_is_shown_in_part():
    with pytest.raises(BadInput) as failure:
        parse_model({"steps": "9" * 500 + "x", "rate_hz": 1.0}, Settings, where="train.toml")
    assert len(failure.value.problem) < 250


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.toml", None, "does not exist"),
        ("a.toml", b"steps =", "not valid TOML"),
        ("a.json", b"\xff", "not valid"),
        ("deep.json", b"[" * 100_000, "not valid JSON"),
    ],
)
def test_an_unreadable_file_is_one_clear_error(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=said) as failure:
        read_model(tmp_path / name, Settings)
    assert name in failure.value.problem


@given(content=st.binary(max_size=1000))
def test_the_digest_is_sha256(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("digest") / "file"
    path.write_bytes(content)
    assert sha256(path) == hashlib.sha256(content).hexdigest()
