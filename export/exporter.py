"""The seam between the pipeline and a target: convert once, then load and run the result where it really runs.

B windows, C axes, T samples, D embedding width: acc_BCT (B, 3, T) is prepared acceleration, z_BD the embedding.
"""

import json
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.export import ExportedProgram

from edgeacc.compression.recipe import Recipe

Level = Literal["executed", "evaluated"]
"""executed: the target's own runtime ran the artifact here; evaluated: our evaluator ran the artifact's own program."""

Session = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""A loaded artifact: one window (1, 3, T) float32 -> its embedding (1, D) float32.

A window that the artifact does not take raises one of `edgeacc.export.quiet.REFUSALS`, or BadInput.
"""

INPUT_NAME = "acc"
OUTPUT_NAME = "embedding"
"""Names of the input and the output in every artifact whose format has names."""

NOTES = "notes.json"


class Exporter(Protocol):
    """One target. A room implements `convert` and `load`, and inherits `run`."""

    target: ClassVar[str]
    level: ClassVar[Level]

    @abstractmethod
    def convert(self, program: ExportedProgram, recipe: Recipe, calibration_BCT: Tensor, out: Path) -> Path:
        """Write the artifact under the existing folder `out`.

        A decision that the user should know of (which calibration was kept, what was left uncompressed) is recorded
        with `write_notes(out, ...)`.

        Args:
            program: (1, 3, T) -> (1, D); the converter must not change it.
            recipe: of this target.
            calibration_BCT: prepared windows (B, 3, T) float32, B = `recipe.calibration_windows` (0 where it says 0).
            out: an empty folder.

        Returns:
            The artifact's file or folder, directly under `out`.

        Raises:
            NotPossibleHere: the converter refused; its own message is kept.
        """

    @abstractmethod
    def load(self, model: Path) -> Session:
        """Load an artifact and give a session that may be called many times, on one thread.

        Raises:
            BadInput: not an artifact of this target, or one that the runtime or evaluator refuses.
        """

    def run(self, model: Path, acc_BCT: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed prepared windows (B, 3, T) float32 one at a time, with a freshly loaded artifact: (B, D) float32."""
        session = self.load(model)
        return np.concatenate([session(acc_BCT[i : i + 1]) for i in range(len(acc_BCT))])


def write_notes(out: Path, **facts: Any) -> None:  # noqa: ANN401
    """Keep plain facts about a conversion (JSON values) for the bundle's `calibration.json`."""
    (out / NOTES).write_text(json.dumps(facts))


def take_notes(out: Path) -> dict[str, Any]:
    """The facts that `write_notes` left under `out`, if any; the file is removed."""
    path = out / NOTES
    if not path.exists():
        return {}
    facts: dict[str, Any] = json.loads(path.read_text())
    path.unlink()
    return facts
