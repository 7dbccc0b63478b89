"""What all bundles of one export share: the network as a program, golden and calibration windows, probes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.export import ExportedProgram

from edgeacc.bundle.calibration import CalibrationSet, calibration_set
from edgeacc.bundle.fit_probe import FEWEST_WINDOWS, fit_probe
from edgeacc.bundle.golden import Golden
from edgeacc.bundle.golden_windows import golden_windows
from edgeacc.bundle.manifest import SourceCheckpoint
from edgeacc.bundle.probe import Probe
from edgeacc.errors import BadInput, command
from edgeacc.export.exporter import output_names
from edgeacc.export.heads import with_heads
from edgeacc.export.raw import from_raw
from edgeacc.export.streaming import StreamingProgram, streaming_program
from edgeacc.files import sha256
from edgeacc.models.card import Card, encoder_file
from edgeacc.models.checkpoint import load_encoder
from edgeacc.models.deploy import exported_program, largest_batch
from edgeacc.models.encoder import Encoder
from edgeacc.progress import Progress, silent
from edgeacc.windows.labels import RHYTHM

_BATCH = 64


@dataclass(frozen=True)
class Source:
    """All that the bundles of one export share.

    Attributes:
        checkpoint: what `manifest.json` says of the checkpoint.
        card: the checkpoint's card.
        network: the one program from which every target starts, (1, 3, T) -> (1, D).
        program: the same with its heads, if they are wanted.
        golden: golden windows and the fp32 network's embeddings.
        calibration: training windows.
        probes: heart rate and its variability from an embedding, by label; those that the windows have labels for.
        streaming: the network in pieces, if that is wanted, with its heads.
        raw: the programs prepare their windows themselves: they take acceleration in g.
        stage_s: seconds that reading and preparing took.
    """

    checkpoint: SourceCheckpoint
    card: Card
    network: ExportedProgram
    program: ExportedProgram
    golden: Golden
    calibration: CalibrationSet
    probes: dict[str, Probe]
    streaming: StreamingProgram | None = None
    raw: bool = False
    stage_s: dict[str, float] = field(default_factory=dict)

    @property
    def probe(self) -> Probe | None:
        """Of the heart rate, in which the cost of a conversion is told."""
        return self.probes.get("hr_bpm")

    @property
    def batches(self) -> tuple[int, ...]:
        """How many windows the programs take at once, beside one."""
        batch = largest_batch(self.network)
        return (batch,) if batch > 1 else ()

    @property
    def given_BCT(self) -> NDArray[np.float32]:
        """The golden windows as the programs take them."""
        return self.golden.given(raw=self.raw)

    @property
    def heads(self) -> list[str]:
        """Names of the outputs beside the embedding."""
        return output_names(self.program)[1:]


def read_source(
    checkpoint: Path,
    store: Path | None,
    calibration_windows: int,
    progress: Progress = silent,
    *,
    heads: bool = False,
    in_pieces: bool = False,
    raw: bool = False,
    batch: int = 1,
) -> Source:
    """Read the network and everything that does not depend on the target.

    Args:
        checkpoint: folder of a student or an accelerometer baseline.
        store: its training participants give the calibration set; None for the cohort.
        calibration_windows: the most that any recipe wants.
        progress: told of the two stages.
        heads: heart rate and its variability as further outputs.
        in_pieces: the streaming flavour; not together with `raw`.
        raw: windows are prepared inside the artifact, which takes acceleration in g.
        batch: how many windows the artifact takes at once, beside one; not together with `in_pieces` or `raw`.

    Raises:
        BadInput: not a checkpoint, one that does not read three axes, a store that does not fit it, or too few labels
            for any head.
        NotPossibleHere: a network that cannot take a window in pieces.
    """
    stage_s: dict[str, float] = {}
    progress(0, 2, "read the network")
    with timed(stage_s, "read"):
        encoder, card = load_encoder(checkpoint)
        _require_accelerometer(checkpoint, card)
        network = program = exported_program(encoder, card.contract, batch)
        pieces = streaming_program(encoder, card.contract) if in_pieces else None
    progress(1, 2, "golden and calibration windows")
    with timed(stage_s, "windows"):
        calibration = calibration_set(store, card.contract, calibration_windows)
        golden = golden_windows(encoder, card.contract)
        probes = _fitted_probes(encoder, calibration)
        if heads:
            program, golden = _with_heads(network, golden, probes, calibration)
            pieces = pieces.with_heads(probes) if pieces else None
        if raw:
            network, program = (from_raw(each, card.contract) for each in (network, program))
    progress(2, 2, "network and windows ready")
    origin = SourceCheckpoint(
        name=checkpoint.resolve().name,
        kind=card.kind,
        objective=card.objective,
        encoder=card.encoder.name,
        sha256=sha256(encoder_file(checkpoint)),
    )
    return Source(origin, card, network, program, golden, calibration, probes, pieces, raw, stage_s)


@contextmanager
def timed(stage_s: dict[str, float], name: str) -> Iterator[None]:
    """Note how many seconds a block took, under its name."""
    start_s = time.perf_counter()
    yield
    stage_s[name] = round(time.perf_counter() - start_s, 3)


def _require_accelerometer(checkpoint: Path, card: Card) -> None:
    if card.sensor != "acc":
        raise BadInput(
            f"{checkpoint} is a {card.kind}, which reads the PPG and is not exported",
            valid="a student, or an accelerometer baseline",
            next_command=command("edgeacc", "train", "student", "STORE", "--teacher", checkpoint, "-o", "DIR"),
        )


@torch.no_grad()
def _fitted_probes(encoder: Encoder, calibration: CalibrationSet) -> dict[str, Probe]:
    z_BD = torch.cat([encoder(chunk) for chunk in calibration.acc_BCT.split(_BATCH)])
    labels_KB = calibration.rhythm_BK.T
    fitted = {
        name: fit_probe(z_BD, label_B, calibration.participant_B)
        for name, label_B in zip(RHYTHM, labels_KB, strict=True)
    }
    return {name: probe for name, probe in fitted.items() if probe is not None}


def _with_heads(
    program: ExportedProgram, golden: Golden, probes: dict[str, Probe], calibration: CalibrationSet
) -> tuple[ExportedProgram, Golden]:
    if not probes:
        raise BadInput(
            f"{calibration.origin}: too few labels to fit heads on",
            valid=f"at least {FEWEST_WINDOWS} windows of two people with {', '.join(RHYTHM)}; or no --heads",
        )
    heads_BK = np.stack([probe.predict(golden.z_BD) for probe in probes.values()], axis=1)
    return with_heads(program, probes), replace(golden, heads_BK=heads_BK)
