import pytest
import torch

from edgeacc.models.alignment import FORMS, AlignmentConfig, Student, moved
from edgeacc.models.sizes import SIZES, build

WIDTHS = {"pooled": 128, "time-resolved": 1920, "bound": 256}


def _student(form: str, teacher: str = "pyramid-s", encoder: str = "conv-xs") -> Student:
    torch.manual_seed(0)
    student = build(encoder, 3)
    config = AlignmentConfig.between(form, student.config, SIZES[teacher])
    return Student(student, config)


@pytest.mark.parametrize("form", FORMS)
def test_both_sides_are_unit_vectors_of_one_width(form):
    student = _student(form).eval()
    tokens_BPD = torch.randn(4, SIZES["pyramid-s"].tokens, SIZES["pyramid-s"].width)
    for side_BE in (student.align_acc(torch.randn(4, 3, 3840)), student.align_ppg(tokens_BPD)):
        assert side_BE.shape == (4, WIDTHS[form]) == (4, student.config.embedding_width)
        assert torch.allclose(side_BE.norm(dim=1), torch.ones(4))


def test_encoders_with_other_token_counts_meet_at_common_times():
    student = _student("time-resolved", teacher="transformer-xxxs").eval()
    assert student.config.slots == 24
    assert student.align_acc(torch.randn(2, 3, 3840)).shape == (2, 24 * 16)
    assert student.align_ppg(torch.randn(2, 192, 64)).shape == (2, 24 * 16)


@pytest.mark.parametrize(("form", "keeps_time"), [("pooled", False), ("time-resolved", True), ("bound", True)])
def test_who_keeps_time(form, keeps_time):
    student = _student(form).train()
    tokens_BPD = torch.randn(8, 120, 96)
    forward, backward = student.align_ppg(tokens_BPD), student.align_ppg(tokens_BPD.flip(1))
    same = (forward * backward).sum(dim=1).mean()
    assert (same < 0.9) == keeps_time


def test_codes_are_the_same_in_every_process():
    codes = [_student("bound").acc_head.codes_SE for _ in range(2)]
    assert torch.equal(codes[0], codes[1])
    assert codes[0].abs().eq(1).all()
    assert abs(codes[0].mean()) < 0.05


def test_only_the_time_resolved_form_searches_lags_and_up_to_an_eighth_of_a_second():
    assert {form: _student(form).config.lags for form in FORMS} == {"pooled": 0, "time-resolved": 2, "bound": 0}
    assert _student("time-resolved", teacher="transformer-xxxs").config.lags == 0  # its moments are 312 ms apart


def test_a_vector_moved_back_and_forth_is_the_same_but_for_its_ends():
    series_BE = torch.randn(2, 1920)
    assert torch.equal(moved(series_BE, 0), series_BE)
    assert torch.equal(moved(moved(series_BE, 2), -2)[:, :-4], series_BE[:, :-4])
    assert (moved(series_BE, 2)[:, :4] == 0).all()
    assert torch.equal(moved(series_BE, -1)[:, :-2], series_BE[:, 2:])


def test_without_lags_the_score_is_the_cosine_over_the_temperature():
    student = _student("bound")
    acc_BE, ppg_NE = (torch.nn.functional.normalize(torch.randn(n, 256), dim=1) for n in (3, 5))
    assert torch.allclose(student.score(acc_BE, ppg_NE), acc_BE @ ppg_NE.T / 0.04, atol=1e-4)


@pytest.mark.parametrize("late", [-2, -1, 0, 1, 2])
def test_a_late_pulse_still_scores_best_with_its_own_window(late):
    student = _student("time-resolved")
    acc_BE = torch.nn.functional.normalize(torch.randn(6, 1920), dim=1)
    score_BB = student.score(acc_BE, moved(acc_BE, late))
    assert score_BB.argmax(dim=1).tolist() == list(range(6))
    assert score_BB.diagonal().min() > 0.9 / 0.04


def test_score_is_one_log_sum_over_the_lags():
    student = _student("time-resolved")
    with torch.no_grad():
        student.lag_logits_L.copy_(torch.randn(5))
    acc_BE, ppg_NE = (torch.nn.functional.normalize(torch.randn(n, 1920), dim=1) for n in (2, 3))
    weights = torch.softmax(student.lag_logits_L, dim=0)
    expected = sum(
        w * (acc_BE @ moved(ppg_NE, lag).T / 0.04).exp() for lag, w in zip(range(-2, 3), weights, strict=True)
    )
    assert torch.allclose(student.score(acc_BE, ppg_NE), expected.log(), atol=1e-4)
