"""Two processes that train together do what one does."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from edgeacc.errors import BadInput
from edgeacc.training import across
from edgeacc.training.loop import fit
from edgeacc.windows.labels import RHYTHM

WORKER = Path(__file__).with_name("across_worker.py")


@pytest.fixture
def data(make_windows, tmp_path):
    windows = make_windows(40)
    labels_BK = windows.target(RHYTHM)
    labels_BK[::3, 1] = torch.nan
    columns = {name: getattr(windows, name) for name in ("acc_BCT", "ppg_BCT", "beats_BK", "participant_B")}
    save_file(columns | {"labels_BK": labels_BK}, tmp_path / "data.safetensors")
    return tmp_path / "data.safetensors"


def trained_by(processes, data, out):
    """What the first of so many processes found."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    command = [sys.executable, str(WORKER), str(data), str(out)]
    running = [
        subprocess.Popen(command, env=os.environ | place | {"RANK": str(rank), "WORLD_SIZE": str(processes)})
        for rank in range(processes)
    ]
    assert [each.wait(timeout=240) for each in running] == [0] * processes
    return load_file(out)


@pytest.mark.integration
def test_two_processes_equal_one_with_the_whole_batch(data, tmp_path):
    """To 1e-5: losses and statistics of themselves, gradients of the network's largest."""
    one = trained_by(1, data, tmp_path / "one.safetensors")
    two = trained_by(2, data, tmp_path / "two.safetensors")
    assert one.keys() == two.keys()
    worst = {}
    for name in {key.split(":")[0] for key in one}:
        gradients = [key for key in one if key.startswith(f"{name}: gradient")]
        assert len(gradients) > 4
        largest = max(one[key].abs().max() for key in gradients)
        for key in gradients:
            worst[key] = (one[key] - two[key]).abs().max() / largest
    for key in one.keys() - worst.keys():
        worst[key] = (one[key] - two[key]).abs().max() / one[key].abs().max().clamp(min=1)
    assert {key: value.item() for key, value in worst.items() if not value < 1e-5} == {}


def test_processes_that_do_not_divide_the_batch_are_refused(make_windows, make_config, tmp_path, monkeypatch):
    monkeypatch.setattr(across, "processes", lambda: 3)
    windows = make_windows()
    with pytest.raises(BadInput, match="a batch of 8 windows does not divide among 3 processes"):
        fit(None, make_config(), windows.window_id_B, tmp_path / "run", {})


def test_alone_nothing_is_shared():
    across.join()
    x_B = torch.arange(4)
    assert across.own(x_B) is across.gather(x_B) is across.total(x_B) is x_B
    assert across.is_first()
