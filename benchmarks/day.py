"""A day of one still simulated person, as an Empatica E4 would write it: what import must stand in bounded memory."""

from pathlib import Path

import numpy as np
import torch

from edgeacc.cohort.config import CohortConfig
from edgeacc.cohort.simulate import simulate
from edgeacc.progress import Progress, silent
from edgeacc.recordings.e4 import COUNTS_PER_G
from edgeacc.signals.contract import DEFAULT

START_S = 1_700_000_000


def write_day(folder: Path, hours: int = 24, progress: Progress = silent) -> None:
    """Write ACC.csv and BVP.csv.

    Args:
        folder: to be made.
        hours: how long.
        progress: told of the hours written.
    """
    config = CohortConfig(participants=1, windows_per_participant=60 * hours, seed=1)
    folder.mkdir(parents=True)
    with (folder / "ACC.csv").open("w") as acc, (folder / "BVP.csv").open("w") as bvp:
        acc.write(f"{START_S}, {START_S}, {START_S}\n32, 32, 32\n")
        bvp.write(f"{START_S}\n{DEFAULT.rate_hz:g}\n")
        for hour in range(hours):
            windows = simulate(config, torch.arange(hour * 60, (hour + 1) * 60))
            acc_g_BCT = windows.acc_g_BCT - windows.acc_g_BCT.mean(-1, keepdim=True)
            acc_g_BCT = acc_g_BCT + torch.tensor([[0.1], [-0.3], [0.95]])  # one posture: no step between minutes
            counts_NC = (COUNTS_PER_G * acc_g_BCT[..., ::2]).round().permute(0, 2, 1).flatten(0, 1).int().numpy()
            np.savetxt(acc, counts_NC, fmt="%d", delimiter=",")
            np.savetxt(bvp, windows.ppg_BCT[:, 0].flatten().numpy(), fmt="%.3f")
            progress(hour + 1, hours)
