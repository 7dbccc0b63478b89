import pytest
import torch

from edgeacc.models.alignment import FORMS, AlignmentConfig, Student
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
