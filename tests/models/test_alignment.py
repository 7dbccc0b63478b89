import pytest
import torch
from torch.nn import functional as F

from edgeacc.models.alignment import Student
from edgeacc.models.config import FORMS, AlignmentConfig
from edgeacc.models.sizes import SIZES, build

SERIES = 10
WIDTHS = {
    "pooled": (128, 128),
    "time-resolved": (SERIES * 960, 960),
    "bound": (256, 256),
    "regression": (480, 480),
    "dense": (11_520, 11_520),
}


def _student(form: str, teacher: str = "pyramid-s", encoder: str = "conv-xs") -> Student:
    torch.manual_seed(0)
    student = build(encoder, 3)
    config = AlignmentConfig.between(form, student.config, SIZES[teacher])
    return Student(student, config)


def _teacher_tokens(windows: int, teacher: str = "pyramid-s") -> torch.Tensor:
    return torch.randn(windows, SIZES[teacher].tokens, SIZES[teacher].width)


@pytest.mark.parametrize("form", FORMS)
def test_both_sides_are_unit_vectors(form):
    student = _student(form).eval()
    acc_BE, tokens_BPD = student.align_acc(torch.randn(4, 3, 3840))
    ppg_BE = student.align_ppg(_teacher_tokens(4))
    assert (acc_BE.shape[1], ppg_BE.shape[1]) == WIDTHS[form] == (student.acc_size, student.ppg_size)
    assert tokens_BPD.shape == (4, 120, student.encoder.config.width)
    assert student.score(acc_BE, ppg_BE).shape == (4, 4)
    for side_BE in (acc_BE, ppg_BE):
        assert torch.allclose(side_BE.norm(dim=1), torch.ones(4))


@pytest.mark.parametrize("form", ["time-resolved", "bound"])
@pytest.mark.parametrize(("encoder", "teacher"), [("conv-xs", "transformer-xxxs"), ("transformer-xxxs", "conv-ppg")])
def test_encoders_with_other_token_counts_meet_at_common_times(form, encoder, teacher):
    student = _student(form, teacher, encoder).eval()
    assert student.config.times == {"time-resolved": 960, "bound": 24}[form]
    acc_BE, _ = student.align_acc(torch.randn(2, 3, 3840))
    assert student.score(acc_BE, student.align_ppg(_teacher_tokens(2, teacher))).isfinite().all()


@pytest.mark.parametrize(("form", "keeps_time"), [("pooled", False), ("time-resolved", True), ("bound", True)])
def test_who_keeps_time(form, keeps_time):
    student = _student(form).train()
    tokens_BPD = torch.randn(8, 120, 96)
    forward, backward = student.align_ppg(tokens_BPD), student.align_ppg(tokens_BPD.flip(1))
    same = (forward * backward).sum(dim=1).mean()
    assert (same < 0.9) == keeps_time


def test_series_are_in_the_order_of_time():
    student = _student("time-resolved").eval()
    quiet_BCT = torch.randn(1, 3, 3840)
    burst_BCT = quiet_BCT.clone()
    burst_BCT[:, :, 1900:1940] += torch.randn(1, 3, 40)
    quiet, burst = (student.encoder.both_ends(x_BCT) for x_BCT in (quiet_BCT, burst_BCT))
    for change_BSM in (
        student.filter_head(burst[0]) - student.filter_head(quiet[0]),
        student.acc_head(burst[1]) - student.acc_head(quiet[1]),
    ):
        where_M = change_BSM.abs().sum((0, 1)).nonzero()[:, 0]
        assert 440 < where_M.min() < 475 < 485 < where_M.max() < 520  # of 960; the burst is at 475 to 485


def test_filter_series_are_linear_in_the_window():
    student = _student("time-resolved").eval()
    x_BCT, y_BCT = torch.randn(2, 1, 3, 3840)

    def series(window_BCT):
        return student.filter_head(student.encoder.both_ends(window_BCT)[0])

    assert torch.allclose(series(x_BCT + 2 * y_BCT), series(x_BCT) + 2 * series(y_BCT), atol=1e-4)


def test_both_ends_give_the_tokens_of_tokens():
    for name in ("conv-xs", "pyramid-s", "transformer-xxxs"):
        encoder = build(name, 3).eval()
        x_BCT = torch.randn(2, 3, 3840)
        assert torch.equal(encoder.both_ends(x_BCT)[1], encoder.tokens(x_BCT))


def test_codes_are_the_same_in_every_process():
    codes = [_student("bound").acc_head.codes_SE for _ in range(2)]
    assert torch.equal(codes[0], codes[1])
    assert codes[0].abs().eq(1).all()
    assert abs(codes[0].mean()) < 0.05


def test_without_series_the_score_is_the_cosine_times_the_sharpness():
    student = _student("bound")
    acc_BE, ppg_NE = (F.normalize(torch.randn(n, 256), dim=1) for n in (3, 5))
    assert torch.allclose(student.score(acc_BE, ppg_NE), acc_BE @ ppg_NE.T * 25, atol=1e-4)


def test_the_time_resolved_score_is_the_energy_of_the_agreement():
    student = _student("time-resolved")
    with torch.no_grad():
        student.agreement_S.copy_(torch.randn(SERIES))
    acc_BE, ppg_NE = (F.normalize(torch.randn(n, width), dim=1) for n, width in ((2, SERIES * 960), (3, 960)))
    expected = sum(
        (60 * series_BE @ ppg_NE.T + agreement).square()
        for series_BE, agreement in zip(acc_BE.chunk(SERIES, dim=1), student.agreement_S, strict=True)
    )
    assert torch.allclose(student.score(acc_BE, ppg_NE), expected, atol=1e-4)


@pytest.mark.parametrize("series", [0, 3, 9])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_pulse_in_any_series_and_of_either_sign_finds_its_window(series, sign):
    student = _student("time-resolved")
    ppg_NE = F.normalize(torch.randn(6, 960), dim=1)
    acc_BSE = 0.01 * torch.randn(6, SERIES, 960)
    acc_BSE[:, series] += sign * ppg_NE
    assert student.score(F.normalize(acc_BSE.flatten(1), dim=1), ppg_NE).argmax(dim=1).tolist() == list(range(6))


def test_the_token_part_is_scored_by_itself():
    student = _student("time-resolved").eval()
    acc_BE, _ = student.align_acc(torch.randn(3, 3, 3840))
    part_BE = student.token_part(acc_BE)
    assert part_BE.shape == (3, 4 * 960)
    ppg_BE = student.align_ppg(_teacher_tokens(3))
    assert (student.score(part_BE, ppg_BE) <= student.score(acc_BE, ppg_BE)).all()
