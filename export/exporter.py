"""The seam between the pipeline and a target: convert once, then load and run the result where it really runs.

B windows, C axes, T samples, D embedding width: acc_BCT (B, 3, T) is prepared acceleration, z_BD the embedding.
"""

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.export import ExportedProgram
from torch.utils._pytree import tree_unflatten

from edgeacc.bundle.manifest import Needs
from edgeacc.compression.recipe import Recipe
from edgeacc.errors import NotPossibleHere
from edgeacc.export.precision import Operation

if TYPE_CHECKING:
    from edgeacc.export.streaming import StreamingProgram

Level = Literal["executed", "evaluated"]
"""executed: the target's own runtime ran the artifact here; evaluated: our evaluator ran the artifact's own program."""

Outputs = tuple[NDArray[np.float32], ...]
"""What an artifact gives, in the order of `output_names`: the embedding, then the heads if it has any."""

Session = Callable[[NDArray[np.float32]], Outputs]
"""A loaded artifact: one window (1, 3, T) float32 -> its outputs float32, the embedding (1, D) first.

A window that the artifact does not take raises one of `edgeacc.export.quiet.REFUSALS`, or BadInput.
"""

INPUT_NAME = "acc"
OUTPUT_NAME = "embedding"
"""Names of the input and the first output in every artifact whose format has names."""

FUNCTIONS = EMBED, HEADS = ("embed", "heads")
"""Of an artifact of two functions, which share their weights: the embedding alone, and all outputs."""

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
            program: (1, 3, T) -> (1, D), or a dictionary of several outputs; the converter must not change it.
            recipe: of this target.
            calibration_BCT: prepared windows (B, 3, T) float32, B = `recipe.calibration_windows` (0 where it says 0).
            out: an empty folder.

        Returns:
            The artifact's file or folder, directly under `out`.

        Raises:
            NotPossibleHere: the converter refused; its own message is kept.
        """

    def layers(self, program: ExportedProgram) -> list[str]:
        """The layers whose format a `mixed` recipe can choose, as `edgeacc.export.mixed` names them, in their order."""
        del program
        return []

    def convert_streaming(self, program: "StreamingProgram", recipe: Recipe, out: Path) -> Path:
        """Write an artifact of both parts under `out`; only the targets of `edgeacc.export.streaming.RECIPES` can.

        Raises:
            NotPossibleHere: another target, or the converter refused; its own message is kept.
        """
        raise NotPossibleHere(f"{self.target} has no streaming flavour")

    def convert_functions(
        self, network: ExportedProgram, program: ExportedProgram, recipe: Recipe, calibration_BCT: Tensor, out: Path
    ) -> Path:
        """Write an artifact of two functions under `out`, the embedding alone and all outputs; only Core ML can.

        Raises:
            NotPossibleHere: another target, or the converter refused; its own message is kept.
        """
        raise NotPossibleHere(f"an artifact of {self.target} has one function", valid="target coreml")

    @abstractmethod
    def load(self, model: Path) -> Session:
        """Load an artifact and give a session that may be called many times, on one thread.

        Raises:
            BadInput: not an artifact of this target, or one that the runtime or evaluator refuses.
        """

    def load_on_threads(self, model: Path, threads: int) -> Session:
        """`load`, on several threads of the runtime's own; only targets of which `TargetInfo.threads` is set can.

        Raises:
            BadInput: as `load`.
            NotPossibleHere: another target.
        """
        raise NotPossibleHere(f"the runtime of {self.target} has one thread")

    @abstractmethod
    def needs(self, model: Path) -> Needs:
        """Format versions and operators of an artifact that `load` accepts, read from its file."""

    def operations(self, model: Path) -> tuple[Operation, ...]:
        """In which formats an artifact that `load` accepts computes and keeps its weights, read from its file.

        Returns:
            Its operations in the order of computation; none where nothing reads the target's format.
        """
        del model
        return ()

    def run(self, model: Path, acc_BCT: NDArray[np.float32]) -> Outputs:
        """Embed prepared windows (B, 3, T) float32 one at a time, with a fresh session: each output (B, ...)."""
        return run_session(self.load(model), acc_BCT)


def run_session(session: Session, acc_BCT: NDArray[np.float32]) -> Outputs:
    """The outputs of prepared windows (B, 3, T) float32, computed one at a time: each (B, ...) float32."""
    several = [session(acc_BCT[i : i + 1]) for i in range(len(acc_BCT))]
    return tuple(np.concatenate(each) for each in zip(*several, strict=True))


def eager_session(program: ExportedProgram) -> Session:
    """What the program itself computes, in PyTorch."""
    network = program.module()

    def embed(acc_1CT: NDArray[np.float32]) -> Outputs:
        with torch.inference_mode():
            return tuple(each.numpy() for each in named_outputs(network(torch.from_numpy(acc_1CT))).values())

    return embed


def named_outputs(outputs: Tensor | Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What a program returned, by name: a network without heads returns the embedding alone."""
    return {OUTPUT_NAME: outputs} if isinstance(outputs, Tensor) else dict(outputs)


def output_names(program: ExportedProgram) -> list[str]:
    """The names of what a program returns, in its order: the embedding, then the heads if it has any."""
    spec = program.call_spec.out_spec
    returned = tree_unflatten([torch.empty(0)] * spec.num_leaves, spec)
    return list(named_outputs(returned))


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
