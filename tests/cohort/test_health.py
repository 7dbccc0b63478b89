"""Yes-or-no traits: common enough, of the person alone, and seen in what they are named after."""

import torch

from edgeacc.cohort.health import CLASSES, CONTROL, confounders, health
from edgeacc.cohort.participants import traits

MANY = torch.arange(4000)
FOUND = health(0, MANY)


def correlation(one, other):
    return torch.corrcoef(torch.stack([one.double(), other.double()]))[0, 1].item()


def test_there_are_twenty_and_a_control_and_each_is_common_enough():
    assert len(CLASSES) >= 20
    assert FOUND.keys() == CLASSES.keys() | {CONTROL}
    shares = {name: has_P.double().mean().item() for name, has_P in FOUND.items()}
    assert [name for name, share in shares.items() if not 1 / 7 < share < 2 / 3] == []


def test_a_class_depends_on_the_seed_and_the_number_alone():
    some = health(0, torch.tensor([3999, 7]))
    assert all(has_P.tolist() == FOUND[name][[3999, 7]].tolist() for name, has_P in some.items())
    other = health(1, MANY)
    assert all(not torch.equal(has_P, FOUND[name]) for name, has_P in other.items())


def test_the_coin_goes_with_no_trait():
    for values in traits(0, MANY):
        if values.ndim == 1:
            assert abs(correlation(FOUND[CONTROL], values)) < 0.06


def test_hypertension_stiffens_at_the_same_age():
    who = traits(0, MANY)
    reference = 0.00083 * who.age_y**2 + 5.55
    ratio = who.pwv_m_s / reference
    assert ratio[FOUND["hypertension-like stiffness"]].mean() > 1.2 > 1.03 > ratio[who.hypertension == 0].mean()


def test_confounders_are_age_sex_and_bmi():
    who = traits(0, MANY)
    assert torch.equal(confounders(0, MANY), torch.stack([who.age_y, who.sex, who.bmi_kg_m2], 1))
