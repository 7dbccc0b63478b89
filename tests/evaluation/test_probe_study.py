"""Rows of probes, trivial methods and paired comparisons, on targets that are known."""

import pytest
import torch

from edgeacc.errors import BadInput
from edgeacc.evaluation.probe_study import Labelled, ProbeStudy, labelled, others_mean, scored_on


def quiet(note):
    pass


def people_with_targets(people=30, each=10, seed=0):
    generator = torch.Generator().manual_seed(seed)
    who = torch.arange(people).repeat_interleave(each)
    own = 60 + 8 * torch.randn(people, 1, generator=generator)
    target = own[who] + 4 * torch.randn(people * each, 2, generator=generator)
    return Labelled(target, who), generator


@pytest.fixture(scope="module")
def study_of_two():
    """A study with a good and a poor method."""
    fitted, generator = people_with_targets()
    scored, _ = people_with_targets(12, seed=1)
    study = ProbeStudy(["hr_bpm", "sdnn_ms"], scored, seed=0)
    for name, noise in (("good", 0.5), ("poor", 6.0)):
        z = fitted.target_BK + noise * torch.randn(fitted.target_BK.shape, generator=generator)
        z_test = scored.target_BK + noise * torch.randn(scored.target_BK.shape, generator=generator)
        study.fit(name, z, fitted, z_test, quiet)
        if name == "good":
            study.fit_shuffled(name, z, fitted, z_test)
    return study


def rows_of(study, method, probe="ridge", fraction=1.0):
    return {r.target: r for r in study.rows if (r.method, r.probe, r.fraction) == (method, probe, fraction)}


def test_every_method_has_the_same_rows(study_of_two):
    keys = {
        method: [(r.probe, r.fraction, r.target) for r in study_of_two.rows if r.method == method]
        for method in ("good", "poor")
    }
    assert keys["good"] == keys["poor"]
    assert len(keys["good"]) == 2 * 5 * 2


def test_the_better_embedding_has_the_smaller_error_and_counts_are_told(study_of_two):
    good, poor = rows_of(study_of_two, "good")["hr_bpm"], rows_of(study_of_two, "poor")["hr_bpm"]
    assert good.mae.value < 0.6 < 2 < poor.mae.value
    assert good.mae.low < good.mae.value < good.mae.high
    assert good.pearson_r > 0.98 > poor.pearson_r
    assert (good.windows, good.fitted_windows, good.fitted_participants) == (120, 300, 30)
    few = rows_of(study_of_two, "good", fraction=0.01)["hr_bpm"]
    assert (few.fitted_windows, few.fitted_participants) == (20, 2)


def test_fractions_of_the_same_people_have_the_same_errors(study_of_two):
    counts = {row.fraction: row.fitted_participants for row in study_of_two.rows if row.method == "good"}
    assert counts == {0.001: 2, 0.01: 2, 0.1: 3, 0.5: 15, 1.0: 30}
    errors = study_of_two.errors
    assert torch.equal(errors["good", "mlp", 0.001], errors["good", "mlp", 0.01])
    assert not torch.equal(errors["good", "mlp", 0.01], errors["good", "mlp", 0.1])


def test_parts_of_the_windows_have_their_own_errors(study_of_two):
    scored = study_of_two.scored
    first_B = scored.participant_B < 3
    whole, part = study_of_two.parts("good", "ridge", [("sex", "all", first_B | True), ("sex", "first", first_B)])[::2]
    assert (part.part, part.target, part.windows, part.participants) == ("first", "hr_bpm", 30, 3)
    assert part.mae.value == pytest.approx(
        study_of_two.errors["good", "ridge", 1.0][first_B, 0].mean().item(), rel=1e-5
    )
    assert whole.mae.value == pytest.approx(rows_of(study_of_two, "good")["hr_bpm"].mae.value)


def test_shuffled_pairs_tell_nothing(study_of_two):
    row = rows_of(study_of_two, "good, shuffled pairs")["hr_bpm"]
    assert row.mae.value > 5
    assert abs(row.pearson_r or 0) < 0.3


def test_improvements_are_paired_and_in_both_normalisations(study_of_two):
    rows = list(study_of_two.improvements("good", ["poor"]))
    assert len(rows) == 2 * 5 * 2
    ridge = next(r for r in rows if (r.probe, r.fraction, r.target) == ("ridge", 1.0, "hr_bpm"))
    good = rows_of(study_of_two, "good")["hr_bpm"].mae.value
    poor = rows_of(study_of_two, "poor")["hr_bpm"].mae.value
    assert ridge.improvement.difference.value == pytest.approx(poor - good)
    assert ridge.improvement.over_method.value == pytest.approx((poor - good) / good)
    assert ridge.improvement.over_base.value == pytest.approx((poor - good) / poor)
    assert ridge.improvement.difference.low > 0


def test_trivial_methods(paired):
    windows = paired(8, 6)
    scored = labelled(windows, {"hr_bpm": "device", "sdnn_ms": "device"})
    study = ProbeStudy(["hr_bpm", "sdnn_ms"], scored, seed=0)
    study.trivial(windows, torch.tensor([70.0, 40.0]))
    assert rows_of(study, "global mean", "none")["hr_bpm"].pearson_r is None
    expected = (scored.target_BK[:, 0] - 70).abs().mean()
    assert rows_of(study, "global mean", "none")["hr_bpm"].mae.value == pytest.approx(float(expected), rel=1e-5)
    assert set(rows_of(study, "accelerometer spectrum", "none")) == {"hr_bpm"}
    assert set(rows_of(study, "participant's own mean", "none")) == {"hr_bpm", "sdnn_ms"}


def test_each_participant_is_held_out():
    scored, generator = people_with_targets(6, 8)
    study = ProbeStudy(["a", "b"], scored, seed=0)
    study.leave_out("informed", scored.target_BK + 0.5 * torch.randn(48, 2, generator=generator), "ridge")
    identity = torch.eye(6)[scored.participant_B]
    study.leave_out("identity", identity, "ridge")
    study.leave_out_shuffled("informed", scored.target_BK)
    assert rows_of(study, "informed")["a"].mae.value < 0.8
    assert rows_of(study, "identity")["a"].mae.value > 3
    assert rows_of(study, "informed, shuffled pairs")["a"].mae.value > 3


def test_the_mean_of_the_others_does_not_know_the_person():
    scored = Labelled(torch.tensor([[60.0], [70.0], [80.0], [float("nan")]]), torch.tensor([0, 0, 1, 1]))
    assert others_mean(scored)[:, 0].tolist() == [80, 80, 65, 65]


def test_truth_is_scored_where_there_is_any(paired):
    windows = paired()
    windows.labels["hr_bpm"] = windows.labels["device_hr_bpm"] + 1
    windows.labels["sdnn_ms"] = torch.full((48,), torch.nan)
    windows.labels["rmssd_ms"] = torch.full((48,), torch.nan)
    assert scored_on(windows) == {"hr_bpm": "truth", "sdnn_ms": "device", "rmssd_ms": "device"}


def test_labels_that_a_store_does_not_have_are_told(paired):
    windows = paired()
    windows.labels["sdnn_ms"] = torch.full((48,), torch.nan)
    with pytest.raises(BadInput, match="no truth label of sdnn_ms"):
        labelled(windows, {"hr_bpm": "device", "sdnn_ms": "truth"})
