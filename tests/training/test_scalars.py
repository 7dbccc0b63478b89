"""Curves of a run, as TensorBoard reads them."""

import pytest
import torch

from edgeacc.models.cost import cost
from edgeacc.models.sizes import build
from edgeacc.training.augment import NONE
from edgeacc.training.contrastive import Contrastive
from edgeacc.training.loop import fit
from edgeacc.training.scalars import tensorboard

NAMES = {"loss", "gradient_norm", "learning_rate", "windows_per_s", "gflop_per_s"}


@pytest.fixture
def run(make_windows, make_config, tiny_conv, tmp_path):
    """Fits some steps and gives their losses."""

    def go(scalars, **changes):
        config = make_config("acc-contrastive", augmentation=NONE, **changes)
        windows = make_windows()
        torch.manual_seed(config.seed)
        objective = Contrastive(build(tiny_conv, 3), windows.acc_BCT, config.augmentation)
        return fit(objective, config, windows.window_id_B, tmp_path / "run", {}, scalars=scalars)

    return go


def test_every_step_is_told(run):
    told = {}
    losses = run(told.__setitem__, steps=3)
    assert list(told) == [1, 2, 3]
    assert [values["loss"] for values in told.values()] == losses
    assert all(set(values) == NAMES for values in told.values())
    assert all(value > 0 for values in told.values() for name, value in values.items() if name != "loss")


def test_operations_are_those_of_the_windows(run, make_config):
    """Three passes of two views through the encoder at least, and no more than the heads can add."""
    told = {}
    run(told.__setitem__, steps=1)
    done_per_window = told[1]["gflop_per_s"] / told[1]["windows_per_s"] * 1e9
    encoder = 2 * 3 * 2 * cost(make_config("acc-contrastive").encoder).macs_per_window
    assert 0.9 * encoder < done_per_window < 3 * encoder


@pytest.mark.integration
def test_what_a_broken_run_wrote_is_hidden_by_the_one_that_goes_on(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for first, last in ((1, 4), (3, 5)):
        with tensorboard(tmp_path) as scalars:
            for step in range(first, last + 1):
                scalars(step, {"loss": 10.0 * first + step})
    events = EventAccumulator(str(tmp_path)).Reload().Scalars("loss")
    assert [(event.step, event.value) for event in events] == [(1, 11), (2, 12), (3, 33), (4, 34), (5, 35)]
