import math

import pytest
import torch

from edgeacc.errors import BadInput
from edgeacc.models.alignment import FORMS, AlignmentConfig, Student
from edgeacc.models.sizes import build
from edgeacc.training.augment import MILD, NONE, PAPER
from edgeacc.training.contrastive import Contrastive
from edgeacc.training.distill import Distill, teacher_tokens
from edgeacc.training.masked_input import MaskedInput, mask_patches
from edgeacc.training.supervised import Supervised
from edgeacc.training.token_dropping import TokenDropping
from edgeacc.windows.labels import RHYTHM


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def make_objective(make_windows, tiny_conv, tiny_transformer):
    def make(name):
        windows = make_windows()
        torch.manual_seed(0)
        acc, ppg = build(tiny_conv, 3), build(tiny_transformer, 4)
        if name in FORMS:
            student = Student(acc, AlignmentConfig.between(name, acc.config, ppg.config))
            return Distill(student, windows, teacher_tokens(ppg, windows.ppg_BCT), MILD, interval_target=True)
        return {
            "masked-input": lambda: MaskedInput(ppg, windows.ppg_BCT, NONE),
            "token-dropping": lambda: TokenDropping(ppg, windows.ppg_BCT, NONE),
            "acc-mae": lambda: MaskedInput(acc, windows.acc_BCT, NONE),
            "acc-contrastive": lambda: Contrastive(acc, windows.acc_BCT, PAPER),
            "supervised": lambda: Supervised(acc, windows.acc_BCT, windows.target(RHYTHM), MILD),
        }[name]()

    return make


NAMES = ("masked-input", "token-dropping", "acc-mae", "acc-contrastive", "supervised", *FORMS)


@pytest.mark.parametrize("name", NAMES)
def test_loss_depends_on_windows_and_generator_alone(make_objective, name):
    objective = make_objective(name)
    index_B = torch.arange(8)
    first = objective.loss(index_B, _generator())
    torch.manual_seed(7)
    assert torch.equal(objective.loss(index_B, _generator()), first)
    assert not torch.equal(objective.loss(index_B + 8, _generator()), first)


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_is_trained_gets_a_gradient(make_objective, name):
    objective = make_objective(name)
    objective.loss(torch.arange(8), _generator()).backward()
    without = [key for key, parameter in objective.named_parameters() if parameter.grad is None]
    assert without == []


@pytest.mark.parametrize("name", NAMES)
def test_a_few_steps_on_the_same_windows_lower_the_loss(make_objective, name):
    objective = make_objective(name)
    optimizer = torch.optim.Adam(objective.parameters(), lr=3e-3)
    losses = []
    for _ in range(25):
        loss = objective.loss(torch.arange(8), _generator())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.95 * losses[0]


def test_masks_hide_three_fifths_in_whole_patches():
    masked_BT = mask_patches(5, 640, _generator())
    patches = masked_BT.reshape(5, 32, 20)
    assert (patches.all(dim=2) == patches.any(dim=2)).all()
    assert patches.all(dim=2).sum(dim=1).tolist() == [19] * 5


def test_masked_samples_do_not_reach_the_encoder(make_objective, make_windows, tiny_conv):
    objective = make_objective("acc-mae")
    seen = []
    objective.encoder.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    objective.encoder.tokenizer.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    objective.loss(torch.arange(4), _generator())
    masked_BT = mask_patches(4, 640, _generator())
    assert (seen[0].abs().sum(dim=1)[masked_BT] == 0).all()
    assert (seen[0].abs().sum(dim=1)[~masked_BT] > 0).all()


def test_token_dropping_refuses_tokens_that_overlap(make_windows, tiny_conv):
    with pytest.raises(BadInput, match="cannot train tiny-conv") as caught:
        TokenDropping(build(tiny_conv, 4), make_windows().ppg_BCT, NONE)
    assert "--objective masked-input" in caught.value.valid


def test_supervised_ignores_unknown_labels(make_windows, tiny_conv):
    windows = make_windows()
    labels_NK = windows.target(RHYTHM)
    labels_NK[::2, 1] = torch.nan
    objective = Supervised(build(tiny_conv, 3), windows.acc_BCT, labels_NK, NONE)
    assert math.isfinite(objective.loss(torch.arange(8), _generator()).item())
    with pytest.raises(BadInput, match="known for no training window"):
        Supervised(build(tiny_conv, 3), windows.acc_BCT, labels_NK * torch.nan, NONE)


def test_the_interval_target_uses_beats_and_no_label(make_windows, tiny_conv, tiny_transformer):
    windows = make_windows()
    acc, ppg = build(tiny_conv, 3), build(tiny_transformer, 4)
    student = Student(acc, AlignmentConfig.between("time-resolved", acc.config, ppg.config))
    tokens = teacher_tokens(ppg, windows.ppg_BCT)
    index_B = torch.arange(8)
    plain, with_target = (
        Distill(student, windows, tokens, NONE, interval_target=on).loss(index_B, _generator()) for on in (False, True)
    )
    assert with_target > plain
    windows.beats_BK.fill_(torch.nan)
    no_beats = Distill(student, windows, tokens, NONE, interval_target=True).loss(index_B, _generator())
    assert torch.allclose(no_beats, plain)
    assert not {"labels", "target"} & set(Distill.loss.__code__.co_names)


def test_the_teacher_stays_frozen(make_objective):
    objective = make_objective("time-resolved")
    tokens = objective._teacher_tokens_NPD
    assert tokens.dtype == torch.float16
    assert not tokens.requires_grad
