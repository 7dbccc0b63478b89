"""The commands of a study's cells, and what each needs."""

from pathlib import Path

import pytest

from edgeacc.cli.study_plan import StudyPlan
from edgeacc.study.spec import SHIPPED, read_study


@pytest.fixture
def laptop(tmp_path):
    return StudyPlan(read_study("laptop"), tmp_path / "out")


@pytest.mark.integration
@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.toml")))
def test_the_command_line_takes_every_cell_of_a_shipped_study(name, tmp_path):
    StudyPlan(read_study(name), tmp_path / "out").check()


def test_an_ablation_is_compared_with_no_baseline_and_a_student_with_all(laptop):
    compared = {
        (place.network, place.ablation): step.arguments.count("--baseline")
        for step in laptop.steps
        if (place := laptop.places[step.name]).kind == "evaluation"
    }
    assert {count for (_, ablation), count in compared.items() if ablation} == {0}
    assert {count for (_, ablation), count in compared.items() if not ablation} == {3}


def test_one_trained_together_is_evaluated_with_the_teacher_that_it_made(laptop):
    (step,) = (step for step in laptop.steps if step.name == "evaluation/calibrated/0/joint/trained-together")
    assert step.needs == ("windows/calibrated", "trained/calibrated/0/joint/trained-together")
    student = Path(step.arguments[step.arguments.index("--student") + 1])
    assert Path(step.arguments[step.arguments.index("--teacher") + 1]) == student / "teacher"


def test_a_teacher_that_nobody_has_is_not_trained(laptop):
    teachers = {(place.data, place.network) for place in laptop.places.values() if place.kind == "teacher"}
    assert teachers == {("calibrated", "masked"), ("calibrated", "contrastive"), ("quiet", "masked")}
