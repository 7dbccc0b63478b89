"""What a conversion costs in retrieval: the network converted once more, with what retrieval reads as outputs too.

The score reads tokens and what the first layer's filters give, and the artifact gives neither. So the network is
converted again by the bundle's recipe, on the same calibration windows, with both as outputs beside the embedding, and
runs in the target's runtime; the heads and the teacher compute in float, as they would beside a watch.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from edgeacc.bundle.bundle import open_bundle
from edgeacc.bundle.calibration import calibration_set
from edgeacc.evaluation.bootstrap import Interval, mean_interval
from edgeacc.evaluation.result import Direction
from edgeacc.evaluation.retrieval import Ranks, centred_unit
from edgeacc.evaluation.rows import largest_pool
from edgeacc.evaluation.student_retrieval import Aligned
from edgeacc.export.diverging import CANNOT
from edgeacc.export.exporter import Session
from edgeacc.export.quiet import contained
from edgeacc.export.registry import exporter
from edgeacc.export.well_rounded import well_rounded
from edgeacc.models.alignment import Student
from edgeacc.models.card import check_teacher
from edgeacc.models.checkpoint import load_encoder, load_student
from edgeacc.models.deploy import BothEnds, both_ends_program
from edgeacc.progress import Progress, silent
from edgeacc.windows.store import Store, check_contract

_SEED = 0


class RetrievalCost(BaseModel):
    """Top-1 of one direction, with participant-bootstrap intervals.

    Attributes:
        direction: which side asks.
        pool: candidates, the true partner included.
        whole: the float network's, 0 to 1.
        cost: how much less the artifact's is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    direction: Direction
    pool: int
    whole: Interval
    cost: Interval


def retrieval_report(
    bundle: Path, checkpoint: Path, teacher: Path, store: Store, windows: int, progress: Progress = silent
) -> tuple[RetrievalCost, ...]:
    """Retrieval among test windows by what the artifact's recipe leaves of the network, beside the float network.

    Args:
        bundle: folder written by `edgeacc export`.
        checkpoint: of the student that it was made from, with its heads.
        teacher: of that student.
        store: its training participants calibrate, its test participants are judged.
        windows: at most so many of the test participants'.
        progress: told of every window that was run.

    Returns:
        Both directions; none where the target cannot convert or run the network with that many outputs.

    Raises:
        BadInput: not a bundle, a student or its teacher, or a store of another contract.
        NotPossibleHere: what converts to the target is not installed.
    """
    opened = open_bundle(bundle)
    student, card = load_student(checkpoint)
    check_teacher(card, teacher)
    reading, _ = load_encoder(teacher)
    check_contract(str(store.path), store.manifest, card.contract)
    calibration = calibration_set(store.path, card.contract, opened.recipe.calibration_windows)
    acc_BCT = calibration.spread(opened.recipe.calibration_windows).acc_BCT
    program = well_rounded(both_ends_program(student.encoder), opened.recipe, acc_BCT)
    used_BCT = acc_BCT if opened.recipe.activations in ("int8", "int16") else acc_BCT[:0]  # no offset inside
    judged = store.load("test", windows)
    tool = exporter(opened.manifest.target, "convert")
    with tempfile.TemporaryDirectory() as folder:
        try:
            with contained():
                session = tool.load(tool.convert(program, opened.recipe, used_BCT, Path(folder)))
                session(np.zeros((1, *judged.acc_BCT.shape[1:]), np.float32))
        except CANNOT:
            return ()
        placed_BE = _placed(student, session, judged.acc_BCT.float().numpy(), progress)
    whole = Aligned.of(student, reading, judged, _SEED)
    artifact = Aligned(student, judged, centred_unit(placed_BE), whole.ppg_BE, _SEED)
    pool, who_B = largest_pool(len(judged)) or len(judged), judged.participant_B
    found = []
    sides: list[tuple[Direction, Ranks, Ranks]] = [
        ("acc->ppg", whole.forward, artifact.forward),
        ("ppg->acc", whole.backward, artifact.backward),
    ]
    for direction, of_whole, of_artifact in sides:
        hit_B, still_B = of_whole.top(1, pool), of_artifact.top(1, pool)
        found.append(
            RetrievalCost(
                direction=direction,
                pool=pool,
                whole=mean_interval(hit_B, who_B, _SEED),
                cost=mean_interval(hit_B - still_B, who_B, _SEED),
            )
        )
    return tuple(found)


@torch.no_grad()
def _placed(student: Student, session: Session, acc_BCT: NDArray[np.float32], progress: Progress) -> Tensor:
    """The student's place of each window in the common space, its encoder computed by the artifact."""
    placed = []
    for place in range(len(acc_BCT)):
        _, filtered_1N, tokens_1N = (torch.from_numpy(each) for each in session(acc_BCT[place : place + 1]))
        placed.append(student.place_ends(*BothEnds.read(student.encoder, filtered_1N, tokens_1N)))
        progress(place + 1, len(acc_BCT), "held-out windows, for retrieval")
    return torch.cat(placed)
