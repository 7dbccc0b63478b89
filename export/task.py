"""What a conversion costs in the task's own units, on people whom no training has seen.

Probes of heart rate and its variability are fitted on the whole network's embeddings of training participants, and read
the artifact's embeddings of test participants. Of retrieval tells `edgeacc.export.retrieval`.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from edgeacc.bundle.bundle import open_bundle
from edgeacc.bundle.calibration import calibration_set
from edgeacc.bundle.golden_windows import golden_windows
from edgeacc.bundle.manifest import LayerCheck
from edgeacc.errors import BadInput
from edgeacc.evaluation.bootstrap import Interval, improvement, mean_interval
from edgeacc.evaluation.probes import PROBES, FittedProbe
from edgeacc.export.diverging import check_layers
from edgeacc.export.exporter import Session
from edgeacc.export.parity import parity
from edgeacc.export.precision import Operation
from edgeacc.export.registry import exporter
from edgeacc.export.retrieval import RetrievalCost
from edgeacc.files import sha256
from edgeacc.models.card import encoder_file
from edgeacc.models.checkpoint import load_encoder
from edgeacc.models.deploy import exported_program
from edgeacc.models.encoder import Encoder
from edgeacc.progress import Progress, silent
from edgeacc.windows.labels import RHYTHM
from edgeacc.windows.store import Store, check_contract
from edgeacc.windows.window_set import WindowSet

FITTED_WINDOWS = 4096
"""The most windows that a probe is fitted on (our choice)."""
_BATCH = 64
_SEED = 0


class TaskCost(BaseModel):
    """The error of one probe, with participant-bootstrap intervals.

    Attributes:
        target: what is predicted; the name ends in its unit.
        probe: `ridge` or `mlp`.
        whole: mean absolute error on the whole network's embeddings, in the target's unit.
        cost: how much larger it is on the artifact's.
        part: the same as a part of `whole`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str
    probe: FittedProbe
    whole: Interval
    cost: Interval
    part: Interval


class TaskReport(BaseModel):
    """What one artifact costs.

    Attributes:
        bundle: its folder.
        recipe: how it was made.
        model_bytes: size of the artifact.
        store_digest: whose windows these are.
        windows: of test participants, which the artifact ran.
        participants: whose they are.
        snr_db: of the artifact's embeddings, mean-removed, against the whole network's, on these windows.
        costs: one for each target that the store knows, and each probe.
        min_snr_db: the recipe's floor, of the embedding and of `layers`.
        layers: of each layer's result, on golden windows; none where that was not asked, or the target cannot tell.
        operations: the formats that the artifact's own file tells; none where that was not asked, or it tells none.
        retrieval: both directions; none where no teacher was given, or the target cannot tell.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bundle: str
    recipe: str
    model_bytes: int
    store_digest: str
    windows: int
    participants: int
    snr_db: float
    min_snr_db: float
    costs: tuple[TaskCost, ...]
    layers: tuple[LayerCheck, ...] = ()
    operations: tuple[Operation, ...] = ()
    retrieval: tuple[RetrievalCost, ...] = ()


def task_report(
    bundle: Path,
    checkpoint: Path,
    store: Store,
    windows: int,
    progress: Progress = silent,
    *,
    against: Path | None = None,
) -> TaskReport:
    """Run an artifact on held-out windows, and read its embeddings with probes.

    Args:
        bundle: folder written by `edgeacc export`.
        checkpoint: of the network that it was made from.
        store: its training participants fit the probes, its test participants are judged.
        windows: at most so many of the test participants', spread evenly over them.
        progress: told of every window that was run.
        against: the network that costs are told against, where `checkpoint` was itself made from another.

    Raises:
        BadInput: not a bundle or a checkpoint, a bundle of another checkpoint or of raw g, embeddings of another width,
            a store of another contract, or one without training or test windows, or with labels of fewer than two
            training participants.
        NotPossibleHere: the target's runtime is not installed.
    """
    opened = open_bundle(bundle)
    encoder, card = load_encoder(checkpoint)
    _require_source(bundle, opened.manifest.source.sha256, checkpoint)
    if opened.manifest.takes_raw:
        raise BadInput(
            f"{bundle} takes raw g, and a store holds prepared windows", valid="a bundle that was made without --raw"
        )
    check_contract(str(store.path), store.manifest, card.contract)
    session = exporter(opened.manifest.target).load(opened.model)
    fitted, judged = store.load("train", FITTED_WINDOWS), store.load("test", windows)
    z_BD = _embedded(session, judged.acc_BCT.float().numpy(), progress)
    if against is not None:
        made_from, (encoder, card) = encoder, load_encoder(against)
        if encoder.embedding_width != made_from.embedding_width:
            raise BadInput(f"{against} has an embedding of another width than {checkpoint}")
        check_contract(str(store.path), store.manifest, card.contract)
    whole_BD = _whole(encoder, judged)
    return TaskReport(
        bundle=str(bundle),
        recipe=opened.recipe.name,
        model_bytes=opened.manifest.model_bytes,
        store_digest=store.manifest.content_digest,
        windows=len(judged),
        participants=len(judged.participant_B.unique()),
        snr_db=parity(whole_BD.numpy(), z_BD).snr_db,
        min_snr_db=opened.recipe.min_snr_db,
        costs=_costs(_whole(encoder, fitted), fitted, whole_BD, torch.from_numpy(z_BD), judged),
    )


def layer_report(bundle: Path, checkpoint: Path, store: Store) -> tuple[LayerCheck, ...]:
    """Mean-removed SNR of every layer's result, the network converted once more by the bundle's recipe.

    Args:
        bundle: folder written by `edgeacc export`.
        checkpoint: of the network that it was made from.
        store: its training participants calibrate.

    Raises:
        BadInput: not a bundle or a checkpoint, a bundle of another checkpoint, or a store of another contract.
        NotPossibleHere: what converts to the target is not installed.
    """
    opened = open_bundle(bundle)
    encoder, card = load_encoder(checkpoint)
    _require_source(bundle, opened.manifest.source.sha256, checkpoint)
    calibration = calibration_set(store.path, card.contract, opened.recipe.calibration_windows)
    acc_BCT = calibration.spread(opened.recipe.calibration_windows).acc_BCT
    network, tool = exported_program(encoder, card.contract), exporter(opened.manifest.target, "convert")
    return check_layers(tool, network, opened.recipe, acc_BCT, golden_windows(encoder, card.contract).acc_BCT)


def operations_of(bundle: Path) -> tuple[Operation, ...]:
    """What a bundle's artifact computes in and keeps its weights in; none where nothing reads its format.

    Raises:
        BadInput: not a bundle.
        NotPossibleHere: what reads the target's format is not installed.
    """
    opened = open_bundle(bundle)
    return exporter(opened.manifest.target).operations(opened.model)


def _require_source(bundle: Path, expected: str, checkpoint: Path) -> None:
    if sha256(encoder_file(checkpoint)) != expected:
        raise BadInput(
            f"{bundle} was not made from {checkpoint}", valid=f"the checkpoint with encoder weights {expected[:12]}"
        )


def _embedded(session: Session, acc_BCT: NDArray[np.float32], progress: Progress) -> NDArray[np.float32]:
    embeddings = []
    for place in range(len(acc_BCT)):
        embeddings.append(session(acc_BCT[place : place + 1])[0])
        progress(place + 1, len(acc_BCT), "held-out windows")
    return np.concatenate(embeddings)


@torch.no_grad()
def _whole(encoder: Encoder, windows: WindowSet) -> Tensor:
    return torch.cat([encoder(acc_BCT.float()) for acc_BCT in windows.acc_BCT.split(_BATCH)])


def _costs(
    z_BD: Tensor, fitted: WindowSet, whole_BD: Tensor, artifact_BD: Tensor, judged: WindowSet
) -> tuple[TaskCost, ...]:
    found = []
    for target in RHYTHM:
        label_B, truth_B = _label(fitted, target), _label(judged, target)
        known_B = label_B.isfinite()
        if not known_B.any() or not truth_B.isfinite().any():
            continue
        fit_on = (z_BD[known_B], label_B[known_B, None], fitted.participant_B[known_B])
        for name, probe in PROBES.items():
            predicted_B = probe(*fit_on, torch.cat([whole_BD, artifact_BD]), _SEED)[:, 0]
            whole_B, artifact_B = ((half_B - truth_B).abs() for half_B in predicted_B.chunk(2))
            worse = improvement(artifact_B, whole_B, judged.participant_B, _SEED)
            whole = mean_interval(whole_B, judged.participant_B, _SEED)
            found.append(
                TaskCost(target=target, probe=name, whole=whole, cost=worse.difference, part=worse.over_method)
            )
    return tuple(found)


def _label(windows: WindowSet, target: str) -> Tensor:
    """The truth where it is known, the device's value elsewhere, NaN where neither is."""
    truth_B, device_B = (windows.target([target], source)[:, 0] for source in ("truth", "device"))
    return torch.where(truth_B.isfinite(), truth_B, device_B)
