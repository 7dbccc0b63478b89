"""The constant part of the error that rounded weights leave in the embedding: measured, and taken back.

Rounding shifts every output by nearly the same amount for every window, and more so where a mean over time removes all
that varies. Source: Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction",
section 4.2 (here for what the network gives only, and from windows).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import ExportedProgram

from edgeacc.export.exporter import Session, eager_session, named_outputs, output_names, run_session
from edgeacc.export.parity import parity
from edgeacc.models.deploy import export_like

FEWEST = 4
"""Windows: two measure the offset, two judge it; recipes ask for many more."""


class Offset(NamedTuple):
    """What to add to an artifact's outputs, and what that does on windows that it was not measured on.

    Attributes:
        offsets: one for each output, in the order of `output_names`: that of the embedding (D,) first, float32.
        before_db: mean-removed SNR of the embedding as it is.
        after_db: mean-removed SNR of the embedding with its offset added.
    """

    offsets: tuple[NDArray[np.float32], ...]
    before_db: float
    after_db: float

    @property
    def helps(self) -> bool:
        """It makes the embedding more exact."""
        return self.after_db > self.before_db


def settle(
    program: ExportedProgram,
    rounded: Sequence[ExportedProgram],
    write: Callable[..., Path],
    load: Callable[[Path], Session],
    calibration_BCT: Tensor,
) -> dict[str, float | bool]:
    """Write an artifact; and once more with its offset taken back, if that makes it more exact.

    Args:
        program: the fp32 network, with all outputs.
        rounded: the programs that go into the artifact.
        write: of these programs; replaces an artifact that it wrote before.
        load: that artifact.
        calibration_BCT: prepared windows (B, 3, T); with fewer than `FEWEST` the offset stays.

    Returns:
        What was found, for the bundle's notes.
    """
    artifact = write(*rounded)
    if len(calibration_BCT) < FEWEST:
        return {}
    offset = measure_offset(program, load(artifact), calibration_BCT)
    if offset.helps:
        write(*(with_offset(each, offset) for each in rounded))
    return {"offset": offset.helps, "snr_db_before": offset.before_db, "snr_db_after": offset.after_db}


def measure_offset(program: ExportedProgram, session: Session, acc_BCT: Tensor) -> Offset:
    """Compare an artifact with its network: every second window measures the offset, the others judge it.

    Args:
        program: the fp32 network, (1, 3, T) -> (1, D), or with heads.
        session: the artifact.
        acc_BCT: prepared windows (B, 3, T), at least 4 that differ.
    """
    expected = run_session(eager_session(program), acc_BCT.numpy())
    got = run_session(session, acc_BCT.numpy())
    offsets = tuple((want - has)[::2].mean(axis=0) for want, has in zip(expected, got, strict=True))
    before, after = (parity(expected[0][1::2], z_BD[1::2]).snr_db for z_BD in (got[0], got[0] + offsets[0]))
    return Offset(offsets, before, after)


def with_offset(program: ExportedProgram, offset: Offset) -> ExportedProgram:
    """The same network, or one with the first of its outputs, with its offset added to each."""
    names = output_names(program)
    offsets = [torch.from_numpy(each) for each in offset.offsets[: len(names)]]
    return export_like(program, _Shifted(program.module(), names, offsets))


class _Shifted(nn.Module):
    def __init__(self, network: nn.Module, names: Sequence[str], offsets: Sequence[Tensor]) -> None:
        super().__init__()
        self.network = network
        for name, offset in zip(names, offsets, strict=True):
            self.register_buffer(f"offset_{name}", offset)

    def forward(self, acc_1CT: Tensor) -> dict[str, Tensor]:
        outputs = named_outputs(self.network(acc_1CT))
        return {name: output + self.get_buffer(f"offset_{name}") for name, output in outputs.items()}
