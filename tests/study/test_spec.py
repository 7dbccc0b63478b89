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
    ],
)
def test_refuses_contradictions(written, before, after, told):
    with pytest.raises(BadInput, match=told):
        read_study(written(GOOD.replace(before, after)))


def test_a_store_counts_from_the_file(written, tmp_path):
    study = read_study(written(GOOD + 'stores = [{ name = "real", path = "there" }]'))
    assert study.stores[0].path == tmp_path / "there"
