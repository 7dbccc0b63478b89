"""Retrieval rows from embeddings whose quality is known."""

import math

import pytest
import torch

from edgeacc.evaluation.matching import noisier
from edgeacc.evaluation.retrieval import centred_unit
from edgeacc.evaluation.student_retrieval import Aligned
from edgeacc.models.alignment import Student
from edgeacc.models.config import AlignmentConfig
from edgeacc.models.sizes import SIZES, build

COSINE = Student(build("conv-xs", 3), AlignmentConfig.between("bound", SIZES["conv-xs"], SIZES["conv-ppg"])).eval()
"""A student whose score is the cosine over a temperature; its networks are not used here."""


def aligned(windows, noise, seed=0):
    """PPG vectors at random, accelerometer vectors that are the same plus noise."""
    generator = torch.Generator().manual_seed(seed)
    ppg = torch.randn(len(windows), 24, generator=generator)
    acc = ppg + noise * torch.randn(len(windows), 24, generator=generator)
    return Aligned(COSINE, windows, centred_unit(acc), centred_unit(ppg), seed)


def test_perfect_embeddings_are_found_both_ways_in_every_pool(paired):
    rows = list(aligned(paired(20, 8), 0.0).headline())
    headline = [(row.direction, row.pool) for row in rows if row.group == "headline"]
    assert headline == [("acc->ppg", 100), ("ppg->acc", 100), ("acc->ppg", None), ("ppg->acc", None)]
    assert all(row.top1.value == row.top5 == row.mean_rank == 1 for row in rows)


def test_useless_embeddings_are_at_chance(paired):
    for row in aligned(paired(20, 8), 1e6).headline():
        assert row.top1.value == pytest.approx(row.chance_top1, abs=0.03)


def test_strata_are_told_apart(paired):
    windows = paired(20, 8)
    snr = torch.rand(160, generator=torch.Generator().manual_seed(0))
    windows.labels["acc_snr"] = snr
    windows.labels["posture"] = torch.tensor([0.0, 2.0]).repeat(80)
    good = snr > snr.median()
    two = aligned(windows, 0.0)
    noise = torch.randn(160, 24, generator=torch.Generator().manual_seed(1))
    mixed = torch.where(good[:, None], two.acc_BE, noise)
    rows = {row.variant: row for row in Aligned(COSINE, windows, centred_unit(mixed), two.ppg_BE, 0).headline()}
    quartiles = [row for name, row in rows.items() if name.startswith("SNR quartile")]
    assert [row.queries for row in quartiles] == [40] * 4
    assert max(row.top1.value for row in quartiles[:2]) < 0.2 < 0.9 < min(row.top1.value for row in quartiles[2:])
    assert {name for name in rows if name in ("supine", "seated", "arm held")} == {"supine", "arm held"}


def test_people_are_told_apart_by_age_sex_and_bmi(paired):
    windows = paired(6, 30)
    windows.labels["age_y"] = torch.tensor([20.0, 35.0, 49.9, 50.0, 65.0, torch.nan])[windows.participant_B]
    windows.labels["bmi_kg_m2"] = torch.tensor([18.0, 18.5, 24.0, 27.0, 30.0, 40.0])[windows.participant_B]
    windows.labels["sex"] = (windows.participant_B % 2).float()
    rows = [row for row in aligned(windows, 0.0).headline() if row.group in ("age", "sex", "bmi")]
    assert {row.variant: row.queries for row in rows} == {
        **{"age under 35": 30, "age 35-50": 60, "age 50-65": 30, "age from 65": 30},
        **{"female": 90, "male": 90},
        **{"BMI under 18.5": 30, "BMI 18.5-25": 60, "BMI 25-30": 30, "BMI from 30": 60},
    }


def test_every_size_of_the_pool_that_fits_is_told(paired):
    rows = [row for row in aligned(paired(75, 4, window_s=5.0), 3.0).headline() if row.group in ("headline", "pool")]
    top1 = {row.pool or 300: row.top1.value for row in rows if row.direction == "acc->ppg"}
    assert sorted(top1) == [100, 200, 300]
    assert [top1[pool] for pool in sorted(top1)] == sorted(top1.values(), reverse=True)
    assert top1[100] > top1[300] + 0.02


def test_windows_that_are_missed_are_those_with_useless_vectors(paired):
    windows = paired(20, 8)
    windows.labels["motion_mg"] = torch.arange(160) / 160
    two = aligned(windows, 0.0)
    noise = torch.randn(160, 24, generator=torch.Generator().manual_seed(1))
    mixed = torch.where(windows.labels["motion_mg"][:, None] > 0.5, noise, two.acc_BE)
    misses = Aligned(COSINE, windows, centred_unit(mixed), two.ppg_BE, 0).misses()
    (row,) = misses.rows
    assert 60 < misses.missed < 80
    assert row.quantity == "motion_mg"
    assert row.found < 0.3 < 0.7 < row.missed
    assert {row.quantity for row in misses.winners} == {"same participant"}


def test_within_a_participant_the_others_do_not_compete(paired):
    forward, backward = aligned(paired(20, 8), 1.0).within_participant("control")
    assert (forward.direction, backward.direction) == ("acc->ppg", "ppg->acc")
    assert forward.candidates == 8
    assert forward.chance_top1 == pytest.approx(1 / 8)


def test_wrong_pairs_are_not_found(paired):
    two = aligned(paired(20, 8), 0.0)
    assert two.wrong_pairs().top1.value < 0.02
    within = two.wrong_pairs(within=True)
    assert (within.top1.value, within.candidates) == (0, 8)


def test_noise_lowers_the_snr_by_what_is_asked(paired):
    """A heartbeat of SNR 2 in its own noise: with 6 dB less, what remains of the window's variance is the rest's."""
    windows = paired(4, 8)
    windows.labels["acc_snr"] = torch.full((32,), 2.0)
    noisy = noisier(windows, 6.0, seed=0)
    acc = windows.acc_BCT.float()
    heart = 2 / 3  # of the variance
    kept = ((noisy * acc).mean((1, 2)) / acc.square().mean((1, 2))).square()
    assert (heart * kept / (1 - heart * kept)).log10().mean() * 10 == pytest.approx(10 * math.log10(2) - 6, abs=0.2)
    assert noisy.var() == pytest.approx(1, abs=0.02)


def test_noise_is_added_where_the_snr_is_known_and_finite(paired):
    windows = paired(4, 8, window_s=60.0)
    ppg_BE = centred_unit(torch.randn(32, 256, generator=torch.Generator().manual_seed(0)))
    two = Aligned(COSINE, windows, ppg_BE, ppg_BE, 0)
    assert list(two.noisier()) == []
    late = next(two.late())
    for snr, same in ((1e12, True), (1.0, False)):
        windows.labels["acc_snr"] = torch.full((32,), snr)
        rows = list(two.noisier())
        assert [row.variant for row in rows] == [f"SNR lowered by {lower} dB" for lower in (3, 6, 12)]
        assert [row.mean_rank == late.mean_rank for row in rows] == [same] * 3


def test_embeddings_that_are_mapped_to_the_teachers_are_found(paired):
    windows = paired(20, 8)
    ppg = torch.randn(160, 12, generator=torch.Generator().manual_seed(0))
    found, lost = (aligned(windows, 0.0).mapped(acc, ppg) for acc in (2 * ppg + 3, torch.randn(160, 12)))
    assert (found.top1.value, found.variant, found.pool) == (1, "embeddings, by a linear map", 100)
    assert lost.top1.value < 0.06


def test_identity_of_the_nearest_window(paired):
    windows = paired(20, 8)
    nothing = aligned(windows, 0.0).nearest_identity()
    assert nothing.chance_top1 == pytest.approx(7 / 159)
    assert nothing.top1.value < 0.15
    person = torch.randn(20, 24, generator=torch.Generator().manual_seed(0))[windows.participant_B]
    leaky = Aligned(COSINE, windows, centred_unit(person + 0.01 * torch.randn(160, 24)), person, 0)
    assert leaky.nearest_identity().top1.value == 1


def test_time_resolved_students_are_also_scored_by_their_tokens_alone(paired):
    windows = paired(10, 8)
    config = AlignmentConfig.between("time-resolved", SIZES["conv-xs"], SIZES["conv-ppg"])
    student = Student(build("conv-xs", 3), config).eval()
    ppg = torch.randn(80, 960, generator=torch.Generator().manual_seed(0))
    acc = 0.1 * torch.randn(80, 10, 960)
    acc[:, 7] += ppg  # a series of the first layer
    rows = list(Aligned(student, windows, centred_unit(acc.flatten(1)), centred_unit(ppg), 0).headline())
    found = {row.variant: row.top1.value for row in rows if row.pool is None and row.direction == "acc->ppg"}
    assert found[""] == 1
    assert found["by the tokens alone"] < 0.2
