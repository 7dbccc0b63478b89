import errno
import json
import os
import shutil

import pytest
import torch
from safetensors.torch import load_file

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.models.sizes import SIZES, build
from edgeacc.training import loop, state
from edgeacc.training.augment import NONE, PAPER
from edgeacc.training.config import fastest_precision
from edgeacc.training.contrastive import Contrastive
from edgeacc.training.loop import TrainingDiverged, batch_of_step, fit, learning_rate
from edgeacc.training.masked_input import MaskedInput


class _Killed(Exception):
    pass


@pytest.fixture
def run(make_windows, make_config, tiny_conv, tmp_path):
    """Fits the contrastive baseline (augmentations, BatchNorm, two views); may be killed after some steps."""

    def go(folder="run", killed_after=None, spoil=None, **changes):
        config = make_config("acc-contrastive", augmentation=PAPER, **changes)
        windows = make_windows()
        if spoil is not None:
            windows.acc_BCT[spoil] = torch.nan
        torch.manual_seed(config.seed)
        objective = Contrastive(build(tiny_conv, 3), windows.acc_BCT, config.augmentation)

        def progress(done, total, note=""):
            if done == killed_after:
                raise _Killed

        losses = fit(objective, config, windows.window_id_B, tmp_path / folder, {"store": "abc"}, progress)
        return losses, objective.state_dict()

    return go


@pytest.mark.integration
def test_a_killed_run_ends_bit_by_bit_where_an_unbroken_one_does(run, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_STEPS", 5)
    losses, weights = run("unbroken")
    with pytest.raises(_Killed):
        run("broken", killed_after=12)
    resumed_losses, resumed_state = run("broken")
    assert resumed_losses == losses
    assert len(losses) == 20
    assert all(torch.equal(weights[name], resumed_state[name]) for name in weights)


@pytest.mark.integration
def test_a_run_goes_on_with_another_number_of_threads(run, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_STEPS", 5)
    with pytest.raises(_Killed):
        run(killed_after=12)
    try:
        losses, _ = run(threads=2)
    finally:
        torch.set_num_threads(1)
    assert losses[:10] == run("unbroken")[0][:10]


def test_the_state_is_kept_at_the_last_saved_step(run, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_STEPS", 5)
    with pytest.raises(_Killed):
        run(killed_after=12)
    saved = json.loads((tmp_path / "run" / "state.json").read_text())
    assert saved["step"] == len(saved["losses"]) == 10
    assert sorted(file.name for file in (tmp_path / "run").iterdir()) == ["state.json", saved["tensors"]]


def test_another_configuration_is_refused_with_all_that_differs(run, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_STEPS", 5)
    with pytest.raises(_Killed):
        run(killed_after=6)
    before = sorted((file.name, file.read_bytes()) for file in (tmp_path / "run").iterdir())
    with pytest.raises(BadInput, match="2 mistake") as caught:
        run(seed=3, steps=40, threads=2)
    assert "config.seed: 0 there, 3 now" in caught.value.problem
    assert "config.steps: 20 there, 40 now" in caught.value.problem
    assert sorted((file.name, file.read_bytes()) for file in (tmp_path / "run").iterdir()) == before


def test_a_damaged_state_is_refused(run, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_STEPS", 5)
    with pytest.raises(_Killed):
        run(killed_after=6)
    tensors = next((tmp_path / "run").glob("*.safetensors"))
    tensors.write_bytes(tensors.read_bytes()[:100])
    with pytest.raises(BadInput, match="truncated"):
        run()


def test_nan_stops_the_run_names_the_windows_and_keeps_the_last_good_state(run, make_config, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_STEPS", 1)
    second_batch = int(batch_of_step(1, 24, make_config("acc-contrastive"))[0])
    with pytest.raises(TrainingDiverged) as caught:
        run(spoil=second_batch)
    assert str(1000 + second_batch) in caught.value.problem
    saved = json.loads((tmp_path / "run" / "state.json").read_text())
    assert saved["step"] == 1
    tensors = load_file(tmp_path / "run" / saved["tensors"])
    assert [name for name, value in tensors.items() if not torch.isfinite(value.float()).all()] == []
    with pytest.raises(TrainingDiverged):
        run(spoil=second_batch)


def test_another_seed_another_run(run):
    assert run("a", seed=0)[0] != run("b", seed=1)[0]


def test_an_epoch_shows_every_window_once(make_config):
    config = make_config(batch=8)
    epochs = [torch.cat([batch_of_step(3 * epoch + step, 24, config) for step in range(3)]) for epoch in range(2)]
    assert all(sorted(epoch.tolist()) == list(range(24)) for epoch in epochs)
    assert not torch.equal(epochs[0], epochs[1])


def test_a_store_smaller_than_the_batch_is_one_batch(make_config):
    assert sorted(batch_of_step(5, 6, make_config(batch=8)).tolist()) == list(range(6))


def test_learning_rate_warms_up_and_falls(make_config):
    config = make_config(steps=100, warm_up=0.1)
    rates = [learning_rate(step, config) for step in range(100)]
    assert rates[0] == pytest.approx(config.peak_lr / 10)
    assert max(rates) == pytest.approx(config.peak_lr, rel=0.05)
    assert rates.index(max(rates)) in (8, 9)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.02 * config.peak_lr


def test_precision_is_one_of_two():
    assert fastest_precision() in ("fp32", "bf16")


@pytest.mark.integration
def test_bf16_trains_as_well(run):
    losses, _ = run("bf16", precision="bf16")
    reference, _ = run("fp32")
    assert losses[-1] == pytest.approx(reference[-1], rel=0.25)


def test_batches_that_are_accumulated_make_one_step_of_their_mean_gradient(make_windows, make_config, tiny_conv):
    windows, config = make_windows(), make_config("acc-mae", batch=4, accumulate=3)
    torch.manual_seed(0)
    objective = MaskedInput(build(tiny_conv, 3), windows.acc_BCT, config.augmentation)
    loss, index_B = loop._gradients(objective, 1, 24, config)
    got = [parameter.grad.clone() for parameter in objective.parameters()]
    assert len(index_B.unique()) == 12
    summed, losses = [torch.zeros_like(each) for each in got], []
    for draw in (3, 4, 5):
        objective.zero_grad()
        one = objective.loss(batch_of_step(draw, 24, config), loop._generator(config.seed, draw))
        one.backward()
        losses.append(one.item())
        summed = [a + b.grad / 3 for a, b in zip(summed, objective.parameters(), strict=True)]
    assert loss == pytest.approx(sum(losses) / 3, rel=1e-6)
    assert all(torch.allclose(a, b, atol=1e-7) for a, b in zip(got, summed, strict=True))


@pytest.mark.parametrize("size", ["conv-xxs", "transformer-xxxs"])
def test_computing_activations_again_changes_nothing_but_the_memory(size, make_config):
    config = make_config("acc-mae", encoder=SIZES[size], recompute=True)
    x_BCT = torch.randn(4, 3, 3840)
    told = []
    for recompute in (False, True):
        torch.manual_seed(0)
        objective = MaskedInput(build(size, 3), x_BCT, NONE)
        kept = []
        keeping = torch.autograd.graph.saved_tensors_hooks(
            lambda value, kept=kept: kept.append(value.numel()) or value, lambda value: value
        )
        with loop.prepared(objective, config.model_copy(update={"recompute": recompute})), keeping:
            loss = objective.loss(torch.arange(4), torch.Generator().manual_seed(0))
            loss.backward()
        whole = objective.state_dict() | {f"grad {k}": v.grad for k, v in objective.named_parameters()}
        told.append((loss, sum(kept), whole))
    (loss, much, first), (again, less, second) = told
    assert torch.equal(loss, again)
    assert less < 0.7 * much
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")  # torch's own
@pytest.mark.skipif(shutil.which(os.environ.get("CXX", "g++")) is None, reason="torch.compile needs a C++ compiler")
def test_compiled_code_trains_as_the_plain_one_and_is_gone_afterwards(make_windows, make_config, tiny_conv, tmp_path):
    windows, told, ran = make_windows(), {}, []
    for compiled in (False, True):
        config = make_config("acc-mae", steps=5, compiled=compiled)
        torch.manual_seed(0)
        objective = MaskedInput(build(tiny_conv, 3), windows.acc_BCT, NONE)
        with loop.prepared(objective, config):
            ran.append(hasattr(objective.encoder.tokens, "_torchdynamo_orig_callable"))
            told[compiled] = fit(objective, config, windows.window_id_B, tmp_path / f"{compiled}", {})
        assert "tokens" not in vars(objective.encoder)
    assert ran == [False, True]
    assert told[True] == pytest.approx(told[False], rel=1e-3)


def test_compiled_code_needs_a_compiler(make_windows, make_config, tiny_conv, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    objective = MaskedInput(build(tiny_conv, 3), make_windows().acc_BCT, NONE)
    with (
        pytest.raises(NotPossibleHere, match=r"needs a C\+\+ compiler"),
        loop.prepared(objective, make_config(compiled=True)),
    ):
        pass


@pytest.mark.integration
def test_no_space_while_saving_loses_nothing(run, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_STEPS", 5)
    unbroken, _ = run("unbroken")
    with pytest.raises(_Killed):
        run(killed_after=7)
    folder = tmp_path / "run"
    before = {file.name: file.read_bytes() for file in folder.iterdir()}

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(state, "save_file", full)
        with pytest.raises(NotPossibleHere, match="no space left on the device while writing"):
            run()
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert run()[0] == unbroken
