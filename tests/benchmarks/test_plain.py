"""The plainly written networks compute what ours compute, forwards and backwards."""

import pytest
import torch

from edgeacc.benchmarks.plain import plain_encoder, plain_student
from edgeacc.models.alignment import Student
from edgeacc.models.config import AlignmentConfig
from edgeacc.models.sizes import SIZES, build

FAMILIES = ("conv-xxs", "conv-s", "pyramid-s", "transformer-xxxs")


@pytest.mark.integration
@pytest.mark.parametrize("size", FAMILIES)
def test_a_plain_encoder_is_the_same_function(size):
    torch.manual_seed(0)
    ours = build(size, 3).train()
    plain = plain_encoder(ours)
    assert any(isinstance(module, torch.nn.Conv1d) for module in plain.modules())
    x_BCT = torch.randn(2, 3, SIZES[size].samples)
    for a, b in zip(ours.both_ends(x_BCT), plain.both_ends(x_BCT), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours.eval()(x_BCT), plain.eval()(x_BCT), rtol=1e-4, atol=1e-4)


@pytest.mark.integration
def test_a_plain_student_gets_the_same_gradients():
    torch.manual_seed(0)
    size = SIZES["conv-xxs"]
    ours = Student(build(size, 3), AlignmentConfig.between("time-resolved", size, SIZES["conv-ppg"]))
    plain = plain_student(ours)
    x_BCT = torch.randn(3, 3, size.samples)
    weights_BE = None
    for student in (ours, plain):
        joint_BE, tokens_BPD = student.align_acc(x_BCT)
        weights_BE = torch.randn_like(joint_BE) if weights_BE is None else weights_BE
        torch.autograd.backward((joint_BE * weights_BE).sum() + tokens_BPD.square().mean())
    assert ours.filter_head is not None
    assert plain.filter_head is not None
    expected = ours.filter_head.filters.weight.grad.squeeze(2)
    torch.testing.assert_close(next(plain.filter_head.filters.parameters()).grad, expected, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(
        ours.encoder.tokenizer[0].norm.weight.grad, plain.encoder.tokenizer[0].norm.weight.grad, rtol=1e-3, atol=1e-4
    )
