"""The files of a study."""

import pytest

from edgeacc.errors import BadInput
from edgeacc.models.sizes import SIZES
from edgeacc.study.spec import SHIPPED, read_study

GOOD = """
name = "mine"
seeds = [0]
cohorts = [{ name = "quiet", preset = "quiet", participants = 3, windows_per_participant = 1 }]
teachers = [{ name = "t", encoder = "conv-ppg", steps = 1 }]
students = [{ name = "s", encoder = "conv-xs", steps = 1 }]
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return str(path)

    return write


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.toml")))
def test_shipped_studies_name_themselves_and_encoders_that_exist(name):
    study = read_study(name)
    assert study.name == name
    assert {row.encoder for row in study.networks} <= set(SIZES)


def test_an_unknown_study_lists_the_shipped_ones():
    with pytest.raises(BadInput) as error:
        read_study("nope")
    assert "laptop, paper, smoke" in error.value.valid


def test_all_mistakes_at_once(written):
    text = GOOD.replace("seeds = [0]", "seeds = []").replace('preset = "quiet"', 'preset = "loud"')
    with pytest.raises(BadInput) as error:
        read_study(written(text))
    assert "2 mistakes" in error.value.problem
    assert "seeds" in error.value.problem
    assert "preset" in error.value.problem


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('name = "s"', 'name = "t"', "two things"),
        ("seeds = [0]", "seeds = [0, 0]", "listed twice"),
        ("cohorts = [{", "stores = []\n#", "no windows"),
        ('encoder = "conv-xs"', 'encoder = "conv-xs", seeds = [7]', "the seed 7, which"),
        ('encoder = "conv-xs"', 'encoder = "conv-xs", data = ["loud"]', "the windows 'loud', which"),
        ('encoder = "conv-ppg"', 'encoder = "conv-ppg", seeds = [0]', "where a student of it is"),
    ],
)
def test_refuses_contradictions(written, before, after, told):
    with pytest.raises(BadInput, match=told):
        read_study(written(GOOD.replace(before, after)))


def test_a_store_counts_from_the_file(written, tmp_path):
    study = read_study(written(GOOD + 'stores = [{ name = "real", path = "there" }]'))
    assert study.stores[0].path == tmp_path / "there"


MORE = """
name = "mine"
seeds = [0, 1]
[[cohorts]]
name = "quiet"
preset = "quiet"
participants = 3
windows_per_participant = 1
[[teachers]]
name = "t"
encoder = "conv-ppg"
steps = 1
[[students]]
name = "s"
encoder = "conv-xs"
steps = 1
[[teachers]]
name = "u"
encoder = "conv-ppg"
steps = 1
[[ablations]]
name = "a"
encoder = "conv-xs"
steps = 1
data = ["quiet"]
seeds = [0]
[[ablations]]
name = "of-u"
encoder = "conv-xs"
steps = 1
teacher = "u"
[[joint]]
name = "both"
encoder = "conv-xs"
steps = 1
[[cohorts]]
name = "calibrated"
preset = "calibrated"
participants = 3
windows_per_participant = 1
"""


def test_a_student_has_every_teacher_and_an_ablation_one(written):
    study = read_study(written(MORE))
    told = {
        (data, seed): [(row.name, of.name, ablation) for row, of, ablation in study.pairs(data, seed)]
        for data in ("quiet", "calibrated")
        for seed in (0, 1)
    }
    students = [("s", "t", False), ("s", "u", False)]
    assert told == {
        ("quiet", 0): [*students, ("a", "t", True), ("of-u", "u", True)],
        ("quiet", 1): [*students, ("of-u", "u", True)],
        ("calibrated", 0): [*students, ("of-u", "u", True)],
        ("calibrated", 1): [*students, ("of-u", "u", True)],
    }


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            'students = [{ name = "s", encoder = "conv-xs", steps = 1, teacher = "nobody" }]',
            "s names a teacher, 'nobody'",
        ),
        ('students = [{ name = "of", encoder = "conv-xs", steps = 1 }]', "the name 'of' is kept for a folder"),
    ],
)
def test_refuses_teachers_that_are_not_there_and_names_of_folders(written, row, told):
    with pytest.raises(BadInput, match=told):
        read_study(written(GOOD.replace('students = [{ name = "s", encoder = "conv-xs", steps = 1 }]', row)))
