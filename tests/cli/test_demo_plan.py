"""The plan of the demo."""

from pathlib import Path

import pytest
import typer

from edgeacc.cli.demo_journal import Recordings
from edgeacc.cli.demo_plan import SIZES, Plan, beginning, plan
from edgeacc.cli.main import app
from edgeacc.cohort.config import CohortConfig
from edgeacc.export.registry import in_all
from edgeacc.windows.from_cohort import from_cohort

MADE = tuple(in_all())
POLAR = Recordings(path=Path("polar"))
TABLE = Recordings(path=Path("table.csv"), mapping=Path("mapping.toml"))


def planned(folder=Path("out"), size="full", recipes=MADE, recordings=None):
    return plan(folder, SIZES[size], recipes, recordings or {})


@pytest.fixture
def store_of(tmp_path):
    """Makes a store that stands for imported recordings of that many people."""

    def make(people, name):
        config = CohortConfig(preset="calibrated", seed=0, participants=people, windows_per_participant=1)
        from_cohort(config, tmp_path / "real" / name / "windows")

    return make


def parsed(arguments):
    """Walk down to the verb and parse its options, without running it."""
    command, left = typer.main.get_command(app), list(arguments)
    while hasattr(command, "commands"):
        command, left = command.commands[left[0]], left[1:]
    return command.make_context("verb", left)


@pytest.mark.parametrize("size", SIZES)
def test_every_command_is_one_that_the_command_line_takes(size):
    for step in planned(size=size, recordings={"polar": POLAR, "table": TABLE}):
        assert parsed(map(str, step.arguments)).params


def test_names_and_outputs_are_unique_and_inside_the_folder():
    steps = planned(recordings={"a": POLAR, "b": TABLE})
    assert len({step.name for step in steps}) == len({step.output for step in steps}) == len(steps)
    assert all(step.output.is_relative_to("out") for step in steps)


def test_a_step_waits_for_every_output_that_its_command_names_and_these_come_before_it():
    steps = planned(recordings={"polar": POLAR})
    place = {step.name: number for number, step in enumerate(steps)}
    by_output = {step.output: step.name for step in steps}
    for step in steps:
        named = {by_output[word] for word in step.arguments if word in by_output} - {step.name}
        assert named <= set(step.needs)
        assert all(place[need] < place[step.name] for need in step.needs)


def test_the_student_is_preferred_to_the_baselines_and_latency_is_measured_alone():
    steps = planned()
    names = [step.name for step in steps]
    assert names.index("student") < names.index("supervised")
    assert names[-1] == "bench"
    assert set(steps[-1].needs) == set(names[:-1])


def test_one_step_makes_a_bundle_by_every_recipe_and_all_are_verified():
    steps = {step.name: step for step in planned()}
    assert steps["verify"].inputs() == [Path("out/bundles") / name for name in MADE]
    assert steps["verify"].needs == ("bundles",)
    assert steps["verify"].prints_output
    assert steps["bundles"].inputs() == [Path("out/student"), Path("out/windows")]


def test_the_command_can_be_typed():
    made = Plan(Path("a folder"))
    made.add("made.json", "verify", Path("x y"), "--json")
    made.add("store", "import", "z")
    assert [step.command for step in made.steps] == [
        "edgeacc verify 'x y' --json > 'a folder/made.json'",
        "edgeacc import z -o 'a folder/store'",
    ]


def test_a_table_is_imported_by_its_mapping():
    (imported, *_) = planned(recordings={"table": TABLE})
    assert imported.command == "edgeacc import table.csv --mapping mapping.toml -o out/real/table/windows"


def test_the_teacher_continues_where_people_could_be_held_out(tmp_path, store_of):
    store_of(4, "several")
    store_of(1, "alone")
    recordings = dict.fromkeys(("several", "alone", "not-imported-yet"), POLAR)
    steps = {step.name: step for step in planned(tmp_path, recordings=recordings)}
    assert [name for name in steps if name.endswith("continued")] == ["real/several/continued"]
    assert "real/several/continued" in steps["real/several/evaluation"].needs
    assert all(f"real/{name}/limit-15s" in steps for name in recordings)


def test_the_beginning_imports_and_simulates():
    steps = beginning(planned(recordings={"polar": POLAR}))
    assert [step.name for step in steps] == ["real/polar/windows", "windows"]
