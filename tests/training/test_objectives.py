import math
from dataclasses import replace

import pytest
import torch

from edgeacc.errors import BadInput
from edgeacc.models.alignment import Student
from edgeacc.models.config import FORMS, AlignmentConfig
from edgeacc.models.sizes import build
from edgeacc.training.augment import MILD, NONE, PAPER
from edgeacc.training.contrastive import Contrastive
from edgeacc.training.distill import NO_MORE, Distill, Negatives, Regress, teacher_tokens
from edgeacc.training.losses import without_false_negatives
from edgeacc.training.masked_input import MaskedInput, mask_patches
from edgeacc.training.momentum import Momentum, Partners
from edgeacc.training.negatives import LikeRate, Queue
from edgeacc.training.sources import Frozen, Kept, Learned
from edgeacc.training.supervised import Supervised
from edgeacc.training.token_dropping import TokenDropping
from edgeacc.windows.labels import RHYTHM


def _generator(seed=0):
    return torch.Generator().manual_seed(seed)


def make_distill(name, student, windows, ppg):
    """An option of distillation, by name."""
    source = Kept(teacher_tokens(ppg, windows.ppg_BCT))
    negatives = NO_MORE
    match name:
        case "joint":
            source = Learned(ppg, windows.ppg_BCT, PAPER)
        case "augmented teacher":
            source = Frozen(ppg, windows.ppg_BCT, PAPER)
        case "fixed temperature":
            student.fix_temperature(0.04)
        case "queue":
            negatives = Negatives(Queue(16, student.acc_size, student.ppg_size))
        case "like rate":
            negatives = Negatives(like_rate=LikeRate(windows.beats_BK), each=2)
    return Distill(student, windows, source, MILD, window_s=10.0, interval_target=False, negatives=negatives)


@pytest.fixture
def make_objective(make_windows, tiny_conv, tiny_transformer):
    def make(name, windows=None):
        windows = windows or make_windows(40)
        torch.manual_seed(0)
        acc, ppg = build(tiny_conv, 3), build(tiny_transformer, 4)
        if name in FORMS:
            student = Student(acc, AlignmentConfig.between(name, acc.config, ppg.config))
            kept = Kept(teacher_tokens(ppg, windows.ppg_BCT))
            if name in ("regression", "dense"):
                return Regress(student, windows.acc_BCT, kept, MILD)
            return Distill(student, windows, kept, MILD, window_s=10.0, interval_target=True)
        if name in DISTILL:
            student = Student(acc, AlignmentConfig.between("bound", acc.config, ppg.config))
            return make_distill(name, student, windows, ppg)
        return {
            "masked-input": lambda: MaskedInput(build(tiny_conv, 4), windows.ppg_BCT, NONE),
            "token-dropping": lambda: TokenDropping(ppg, windows.ppg_BCT, NONE),
            "contrastive": lambda: Momentum(ppg, windows.ppg_BCT, PAPER),
            "of a participant": lambda: Momentum(ppg, windows.ppg_BCT, PAPER, Partners(windows.participant_B)),
            "acc-mae": lambda: MaskedInput(acc, windows.acc_BCT, NONE),
            "acc-contrastive": lambda: Contrastive(acc, windows.acc_BCT, PAPER),
            "supervised": lambda: Supervised(acc, windows.acc_BCT, windows.target(RHYTHM), MILD),
        }[name]()

    return make


DISTILL = ("joint", "augmented teacher", "fixed temperature", "queue", "like rate")
TEACHERS = ("masked-input", "token-dropping", "contrastive", "of a participant")
NAMES = (*TEACHERS, "acc-mae", "acc-contrastive", "supervised", *FORMS, *DISTILL)


@pytest.mark.parametrize("name", NAMES)
def test_loss_depends_on_windows_and_generator_alone(make_objective, name):
    objective = make_objective(name)
    index_B = torch.arange(8)
    first = objective.loss(index_B, _generator())
    torch.manual_seed(7)
    assert torch.equal(objective.loss(index_B, _generator()), first)
    assert not torch.equal(objective.loss(index_B + 8, _generator()), first)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_makes_everything_where_its_windows_lie(make_objective, name):
    """No GPU is needed to see it: under another default device, whatever names no device of its own is misplaced."""
    objective, index_B, generator = make_objective(name), torch.arange(8), _generator()
    with torch.device("meta"):
        loss = objective.loss(index_B, generator)
        torch.autograd.backward(loss)
        objective.after_step()
    assert loss.device.type == "cpu"
    assert math.isfinite(loss.item())


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_is_trained_gets_a_gradient(make_objective, name):
    objective = make_objective(name)
    objective.loss(torch.arange(8), _generator()).backward()
    without = [key for key, parameter in objective.named_parameters() if parameter.grad is None]
    assert [key for key in without if not key.startswith("slow.") and not key.endswith("log_sharpness")] == []
    followers = [key for key in dict(objective.named_parameters()) if key.startswith("slow.")]
    assert set(followers) <= set(without)


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
        objective.after_step()
        losses.append(loss.item())
    assert losses[-1] < 0.95 * losses[0]


MASKED = ("masked-input", "token-dropping", "acc-mae")


def beating(windows, slower=1.0):
    """Windows of which both sides show the same beats, each in noise; labels of these beats; a rate for each person.

    `slower` stretches the time.
    """
    generator = _generator(0)
    interval_B = (0.6 + 0.6 * torch.rand(len(windows), generator=generator))[windows.participant_B]
    start_B1 = interval_B[:, None] * torch.rand(len(windows), 1, generator=generator)
    jitter_BK = 0.05 * torch.randn(len(windows), 20, generator=generator)
    beats_BK = start_B1 + interval_B[:, None] * torch.arange(20) + jitter_BK
    since_BKT = torch.arange(640) / 64 / slower - beats_BK[..., None]
    pulse_BT = torch.exp(-0.5 * (since_BKT / 0.08) ** 2).sum(1)
    wave_BT = (torch.exp(-0.5 * (since_BKT / 0.05) ** 2) * torch.cos(2 * torch.pi * 6 * since_BKT)).sum(1)

    def standard(x_BT, channels):
        x_BCT = x_BT[:, None] + 0.15 * torch.randn(len(x_BT), channels, 640, generator=generator)
        return ((x_BCT - x_BCT.mean(2, keepdim=True)) / x_BCT.std(2, keepdim=True)).half()

    return replace(
        windows,
        acc_BCT=standard(wave_BT, 3),
        ppg_BCT=standard(pulse_BT, 4),
        beats_BK=torch.where(beats_BK * slower < 10.0, beats_BK * slower, torch.nan),
        labels=windows.labels | dict.fromkeys(RHYTHM, 60 / interval_B),
    )


def without_meaning(name, windows, training):
    """The control: training windows that hold the same values, and nothing to learn.

    Of both sides: other pairs. Of a label: other labels. Of one side: samples in any order.
    """
    generator = _generator(1)
    acc_BCT, ppg_BCT, labels = windows.acc_BCT.clone(), windows.ppg_BCT.clone(), dict(windows.labels)
    if name == "supervised":
        labels |= {name: torch.cat([labels[name][:training].roll(7), labels[name][training:]]) for name in RHYTHM}
    elif name in (*FORMS, *DISTILL):
        acc_BCT[:training] = acc_BCT[:training].roll(7, 0)
    else:
        for x_BCT in (acc_BCT, ppg_BCT):
            order_BT = torch.rand(training, 640, generator=generator).argsort(1)[:, None].expand(-1, x_BCT.shape[1], -1)
            x_BCT[:training] = x_BCT[:training].gather(2, order_BT)
    return replace(windows, acc_BCT=acc_BCT, ppg_BCT=ppg_BCT, labels=labels)


def held_out_loss(objective, training, windows, steps=150):
    """Mean loss on windows that were not trained on."""
    optimizer = torch.optim.Adam(objective.parameters(), lr=3e-3)
    generator = _generator(2)
    for _ in range(steps):
        optimizer.zero_grad()
        objective.loss(torch.randperm(training, generator=generator)[:16], generator).backward()
        optimizer.step()
        objective.after_step()
    objective.eval()
    with torch.no_grad():
        parts = torch.arange(training, windows).split(16)
        return sum(objective.loss(part_B, generator).item() for part_B in parts) / len(parts)


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize("name", NAMES)
def test_what_is_learned_holds_for_other_windows_and_is_more_than_the_control_learns(
    make_objective, make_windows, name
):
    windows, training = beating(make_windows(160), slower=6.0 if name in MASKED else 1.0), 128
    control = without_meaning(name, windows, training)
    learned = held_out_loss(make_objective(name, windows), training, 160)
    assert learned < 0.9 * held_out_loss(make_objective(name, control), training, 160)


def test_masks_hide_three_fifths_in_whole_patches():
    masked_BT = mask_patches(5, 640, _generator())
    patches = masked_BT.reshape(5, 32, 20)
    assert (patches.all(dim=2) == patches.any(dim=2)).all()
    assert patches.all(dim=2).sum(dim=1).tolist() == [19] * 5


def test_masked_samples_do_not_reach_the_encoder(make_objective, make_windows, tiny_conv):
    objective = make_objective("acc-mae")
    seen = []
    objective.encoder.tokenizer[0].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
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
    tokens = Kept(teacher_tokens(ppg, windows.ppg_BCT))
    index_B = torch.arange(8)
    plain, with_target = (
        Distill(student, windows, tokens, NONE, window_s=10.0, interval_target=on).loss(index_B, _generator())
        for on in (False, True)
    )
    assert with_target > plain
    windows.beats_BK.fill_(torch.nan)
    no_beats = Distill(student, windows, tokens, NONE, window_s=10.0, interval_target=True).loss(index_B, _generator())
    assert torch.allclose(no_beats, plain)
    assert not {"labels", "target"} & set(Distill.loss.__code__.co_names)


def test_a_frozen_teacher_is_no_part_of_what_is_trained(make_objective):
    for name in ("time-resolved", "augmented teacher"):
        assert not [key for key in make_objective(name).state_dict() if key.startswith("teacher.")]
    joint = make_objective("joint")
    joint.loss(torch.arange(8), _generator()).backward()
    gradients = [value.grad.abs().sum() for key, value in joint.named_parameters() if key.startswith("teacher.")]
    assert len(gradients) > 10
    assert min(gradients) >= 0 < max(gradients)


def test_the_augmented_teacher_sees_other_windows_than_the_student(make_objective):
    frozen = make_objective("augmented teacher").teacher
    one, other = (frozen.tokens(torch.arange(8), _generator(seed)) for seed in (0, 1))
    assert not torch.equal(one, other)
    assert not one.requires_grad


def test_a_fixed_temperature_stays(make_objective):
    objective = make_objective("fixed temperature")
    objective.loss(torch.arange(8), _generator()).backward()
    assert objective.student.log_sharpness.grad is None
    assert objective.student.log_sharpness.exp().item() == pytest.approx(25)


def test_the_slow_encoder_follows_by_a_hundredth(make_objective):
    objective = make_objective("contrastive")
    before = [value.clone() for value in objective.slow.parameters()]
    fast = [*objective.encoder.parameters(), *objective.head.parameters()]
    with torch.no_grad():
        for value in fast:
            value += 1
    objective.after_step()
    after = list(objective.slow.parameters())
    assert all(torch.allclose(a, b + 0.01, atol=1e-6) for a, b in zip(after, before, strict=True))


def test_partners_are_other_windows_of_the_same_participant():
    participant_N = torch.tensor([7, 3, 7, 3, 7, 9])
    partners, index_B = Partners(participant_N), torch.arange(6)
    drawn = torch.stack([partners.draw(index_B, _generator(seed)) for seed in range(40)])
    assert (participant_N[drawn] == participant_N).all()
    assert (drawn[:, :5] != index_B[:5]).all()
    assert (drawn[:, 5] == 5).all()  # who has one window gives two views of it
    assert set(drawn[:, 0].tolist()) == {2, 4}


def test_nobody_with_two_windows_is_refused():
    with pytest.raises(BadInput, match="each of the 5 training participants has one window"):
        Partners(torch.arange(5))


def test_negatives_are_of_like_heart_rate(make_windows):
    windows = make_windows(40)
    index_B = torch.arange(40)
    drawn = LikeRate(windows.beats_BK).draw(index_B, 4, _generator()).reshape(40, 4)
    assert (drawn != index_B[:, None]).all()
    interval_N = windows.beats_BK.diff(dim=1).nanmedian(dim=1).values
    middle_B = (interval_N.argsort().argsort() - 20).abs() < 4
    away = (interval_N[drawn] - interval_N[:, None]).abs().mean(dim=1)[middle_B].mean()
    assert away < (interval_N[:, None] - interval_N).abs().max() / 2
    with pytest.raises(BadInput, match="too few"):
        LikeRate(windows.beats_BK[:32])


def test_a_queue_gives_the_last_embeddings_and_no_window_against_itself(make_objective):
    objective = make_objective("queue")
    first = objective.loss(torch.arange(8), _generator())
    assert not objective.queue.known().any()
    objective.after_step()
    assert objective.queue.name_Q.tolist() == [*range(8), *[-1] * 8]
    again = objective.loss(torch.arange(8), _generator())
    assert again > _plain(objective, torch.arange(8))
    assert torch.allclose(first, _plain(objective, torch.arange(8)))


def _plain(objective, index_B):
    """The same loss without the queue."""
    queue, objective.queue = objective.queue, None
    loss = objective.loss(index_B, _generator())
    objective.queue = queue
    return loss


def test_a_name_is_not_its_own_negative():
    logits_BN = without_false_negatives(torch.zeros(2, 4), torch.tensor([5, 6]), torch.tensor([5, 6, 5, 7]))
    assert logits_BN.tolist() == [[0, 0, -math.inf, 0], [0, 0, 0, 0]]
