"""What is kept of a demo between two runs, by way of the runner and real small commands."""

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edgeacc.cli.demo_journal import Recordings, Step, of_other_code, read_journal
from edgeacc.cli.demo_run import Runner
from edgeacc.errors import BadInput

pytestmark = pytest.mark.integration

COPY = "import pathlib, sys; out, *read = map(pathlib.Path, sys.argv[1:]); "
WRITE = "out.write_text(out.name + ''.join(each.read_text() for each in read))"
MAKE_STORE = "out.mkdir(); (out / 'manifest.json').write_text('{}'); (out / 'train.parquet').write_text('windows')"


def step(folder, name, *read, needs=(), code=WRITE):
    """A step that writes what it reads behind its own name."""
    return Step(name, ("-c", COPY + code, folder / name, *read), folder / name, needs)


def chain(folder):
    """b is made from a, c from b; d only comes after all of them."""
    return [
        step(folder, "a"),
        step(folder, "b", folder / "a", needs=("a",)),
        step(folder, "c", folder / "b", needs=("b",)),
        step(folder, "d", needs=("a", "b", "c")),
    ]


def run(steps, folder, recordings=None):
    return Runner(steps, folder, recordings or {}, program=(sys.executable,)).run(lambda statuses: None)


def refused(steps, folder):
    with pytest.raises(BadInput) as refusal:
        run(steps, folder)
    assert refusal.value.exit_code == 2
    return refusal.value


def test_what_was_made_from_a_replaced_output_is_told_with_the_command_that_removes_it(tmp_path):
    run(chain(tmp_path), tmp_path)
    (tmp_path / "a").write_text("another")
    refusal = refused(chain(tmp_path), tmp_path)
    assert "1 mistake" in refusal.problem
    assert f"{tmp_path / 'a'} was changed or replaced" in refusal.problem
    assert refusal.next_command == f"rm -r {tmp_path / 'a'} {tmp_path / 'b'} {tmp_path / 'c'}"
    for name in "abc":
        (tmp_path / name).unlink()
    run(chain(tmp_path), tmp_path)
    assert (tmp_path / "c").read_text() == "cba"


def test_an_output_that_was_replaced_before_it_was_used_is_refused_too(tmp_path):
    run(chain(tmp_path)[:1], tmp_path)
    (tmp_path / "a").write_text("another")
    assert refused(chain(tmp_path), tmp_path).next_command == f"rm -r {tmp_path / 'a'}"
    assert not (tmp_path / "b").exists()


def test_an_output_that_is_removed_and_made_again_alike_leaves_the_later_ones_valid(tmp_path):
    run(chain(tmp_path), tmp_path)
    (tmp_path / "a").unlink()
    made = (tmp_path / "c").stat().st_mtime_ns
    run(chain(tmp_path), tmp_path)
    assert (tmp_path / "a").read_text() == "a"
    assert (tmp_path / "c").stat().st_mtime_ns == made


def test_an_output_that_is_made_again_otherwise_makes_the_later_ones_stale(tmp_path):
    random = step(tmp_path, "a", code="import uuid; out.write_text(str(uuid.uuid4()))")
    steps = [random, *chain(tmp_path)[1:]]
    run(steps, tmp_path)
    (tmp_path / "a").unlink()
    refusal = refused(steps, tmp_path)
    assert f"{tmp_path / 'b'} was made from another {tmp_path / 'a'}" in refusal.problem
    assert refusal.next_command == f"rm -r {tmp_path / 'b'} {tmp_path / 'c'}"


def test_a_folder_that_a_step_fills_beside_its_output_counts_as_made_by_it(tmp_path):
    fill = f"{WRITE}; (out.parent / 'many').mkdir(exist_ok=True); (out.parent / 'many' / 'one').write_text('1')"
    many = tmp_path / "many"
    made = step(tmp_path, "list", code=fill)
    steps = [replace(made, makes=many), step(tmp_path, "read", many / "one", needs=("list",))]
    run(steps, tmp_path)
    run(steps, tmp_path)
    (many / "one").write_text("2")
    refusal = refused(steps, tmp_path)
    assert f"{many} was changed or replaced" in refusal.problem
    assert refusal.next_command == f"rm -r {tmp_path / 'list'} {tmp_path / 'read'}"
    for name in ("list", "read"):
        (tmp_path / name).unlink()
    run(steps, tmp_path)
    assert (tmp_path / "read").read_text() == "read1"


def test_any_file_of_a_folder_and_the_size_of_a_part_count(tmp_path):
    steps = [step(tmp_path, "store", code=MAKE_STORE)]
    run(steps, tmp_path)
    (tmp_path / "store" / "train.parquet").write_text("truncated")
    assert "store was changed or replaced" in refused(steps, tmp_path).problem
    (tmp_path / "store" / "train.parquet").write_text("windows")
    run(steps, tmp_path)
    (tmp_path / "store" / "manifest.json").write_text('{"content_digest": 1}')
    assert "store was changed or replaced" in refused(steps, tmp_path).problem


def test_recordings_and_a_mapping_that_changed_make_what_was_read_from_them_stale(tmp_path):
    mapping, demo = tmp_path / "mapping.toml", tmp_path / "demo"
    mapping.write_text("rate_hz = 64")
    steps = [step(demo, "store", mapping)]
    run(steps, demo)
    run(steps, demo)
    mapping.write_text("rate_hz = 32")
    os.utime(mapping, (1, 1))
    assert f"store was made from another {mapping}" in refused(steps, demo).problem
    mapping.unlink()
    run(steps, demo)


def test_links_in_recordings_that_lead_nowhere_or_in_circles_are_no_hindrance(tmp_path):
    recordings, demo = tmp_path / "recordings", tmp_path / "demo"
    recordings.mkdir()
    (recordings / "gone").symlink_to(tmp_path / "nothing")
    (recordings / "circle").symlink_to(recordings)
    steps = [step(demo, "store", recordings, code="out.write_text('')")]
    run(steps, demo)
    (recordings / "ACC.csv").write_text("1")
    assert f"store was made from another {recordings}" in refused(steps, demo).problem


def test_a_demo_is_the_same_by_a_relative_path_by_an_absolute_one_from_the_parent_and_after_a_move(
    tmp_path, monkeypatch
):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    outside = Path("recording.csv")
    outside.write_text("1")

    def steps(folder, recording):
        return [step(folder, "a", recording), step(folder, "b", folder / "a", needs=("a",))]

    first = run(steps(Path("out"), outside), Path("out"))
    assert run(steps(Path.cwd() / "out", outside.resolve()), Path.cwd() / "out") == first
    monkeypatch.chdir(tmp_path)
    assert run(steps(Path("work/out"), "work" / outside), Path("work/out")) == first
    assert steps(Path("work/out"), "work" / outside)[1].command.endswith("work/out/b work/out/a")
    shutil.move("work/out", "moved")
    assert run(steps(Path("moved"), "work" / outside), Path("moved")) == first


def test_an_output_of_another_command_is_refused(tmp_path):
    run(chain(tmp_path)[:2], tmp_path)
    changed = [step(tmp_path, name, code=f"{WRITE}; 1 + 1") for name in "ab"]
    refusal = refused(changed, tmp_path)
    assert "2 mistake" in refusal.problem
    assert changed[0].command in refusal.problem


def test_what_a_killed_demo_had_made_is_taken_over(tmp_path):
    steps = chain(tmp_path)
    journal = run(steps, tmp_path)
    journal.steps["a"].output = None
    (tmp_path / "steps.json").write_text(journal.model_dump_json())
    assert run(steps, tmp_path).steps["a"].output is not None


def test_steps_of_other_code_are_known_and_no_mistake(tmp_path):
    steps = chain(tmp_path)
    journal = run(steps, tmp_path)
    assert of_other_code(steps, journal.steps) == []
    journal.steps["b"].code = "0.0.1-0"
    (tmp_path / "steps.json").write_text(journal.model_dump_json())
    assert of_other_code(steps, run(steps, tmp_path).steps) == ["b"]


def test_recordings_are_kept_by_their_place_not_by_how_it_was_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run([], tmp_path / "out", {"x": Recordings(path=Path("x.csv"), mapping=Path("m.toml"))})
    kept = read_journal(tmp_path / "out").recordings["x"]
    assert (kept.path, kept.mapping) == (tmp_path / "x.csv", tmp_path / "m.toml")


def test_a_journal_of_an_older_edgeacc_is_refused_with_the_way_out(tmp_path):
    (tmp_path / "steps.json").write_text('{"steps": {"a": {"command": "edgeacc verify", "seconds": 1}}, "wall_s": 1}')
    refusal = refused(chain(tmp_path), tmp_path)
    assert "an older edgeacc's" in refusal.problem
    assert refusal.next_command == f"rm -r {tmp_path}"
