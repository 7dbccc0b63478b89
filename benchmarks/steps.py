"""How long a step of training takes, in the loop that trains."""

import itertools
import statistics
import tempfile
import time
from pathlib import Path

from torch import Tensor

from edgeacc.training.config import TrainConfig
from edgeacc.training.loop import fit
from edgeacc.training.objective import Objective

WARM_STEPS = 2
"""That are not counted: others used the caches meanwhile."""


def step_s(objective: Objective, config: TrainConfig, window_id_N: Tensor, steps: int) -> float:
    """Seconds of a step, the median of some; the objective is trained on from where it is.

    Args:
        objective: what to train.
        config: of the run; its number of steps is not read.
        window_id_N: the windows' names.
        steps: that are counted.
    """
    ends_s: list[float] = []

    def step_ended(done: int, total: int, note: str = "") -> None:
        ends_s.append(time.perf_counter())  # the loop has read the loss: a GPU is done too

    config = config.model_copy(update={"steps": WARM_STEPS + steps})
    with tempfile.TemporaryDirectory() as folder:
        fit(objective, config, window_id_N, Path(folder) / "run", {}, step_ended)
    return statistics.median(end - start for start, end in itertools.pairwise(ends_s[WARM_STEPS - 1 :]))
