"""Traits: repeatable, plausible, and related as physiology relates them."""

import torch

from edgeacc.cohort.participants import stroke_volume_ml, traits

MANY = traits(0, torch.arange(4000))


def correlation(one, other):
    return torch.corrcoef(torch.stack([one, other]))[0, 1].item()


def test_traits_depend_on_seed_and_number_only():
    some = traits(0, torch.tensor([7, 3999, 7]))
    assert some.age_y[0] == some.age_y[2] == MANY.age_y[7]
    assert torch.equal(some.bcg_axis_B3[1], MANY.bcg_axis_B3[3999])
    assert traits(1, torch.tensor([7])).age_y != MANY.age_y[7]


def test_ranges_are_those_of_adults():
    for values, low, high in (
        (MANY.age_y, 18, 82),
        (MANY.height_m, 1.45, 2.05),
        (MANY.bmi_kg_m2, 17, 48),
        (MANY.rest_hr_bpm, 45, 98),
        (MANY.pwv_m_s, 3.5, 22),
    ):
        assert values.min() >= low
        assert values.max() <= high
    assert set(MANY.sex.tolist()) == {0.0, 1.0}


def test_arteries_stiffen_and_variability_falls_with_age():
    assert correlation(MANY.age_y, MANY.pwv_m_s) > 0.6
    assert correlation(MANY.age_y, MANY.log_sdnn_ms) < -0.3
    assert correlation(MANY.age_y, MANY.stroke_volume_ml) < -0.99


def test_a_heavier_body_moves_less():
    assert correlation(MANY.bmi_kg_m2, MANY.log_bcg_mg) < -0.1


def test_stroke_volume_by_age():
    assert abs(stroke_volume_ml(torch.tensor(25.0)).item() - (92.71 + 39.9575) / 2) < 1e-3
