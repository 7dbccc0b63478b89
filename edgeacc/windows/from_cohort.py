"""Windows of the simulated cohort: simulate, prepare, find the beats, label, store."""

from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from edgeacc.cohort.config import CohortConfig
from edgeacc.cohort.simulate import simulate
from edgeacc.errors import BadInput
from edgeacc.progress import Progress, silent
from edgeacc.signals.beats import detect_beats, labels_of, rate_and_variability
from edgeacc.signals.contract import DEFAULT, SignalContract
from edgeacc.signals.prepare import prepare_acc, prepare_ppg
from edgeacc.windows.labels import DEVICE_PREFIX
from edgeacc.windows.split import FRACTIONS, split_participants
from edgeacc.windows.store import Store, create_store
from edgeacc.windows.window_set import WindowSet

BATCH = 256
WORKERS = 2


def from_cohort(
    config: CohortConfig,
    path: Path,
    progress: Progress = silent,
    *,
    contract: SignalContract = DEFAULT,
    shares: Sequence[float] = FRACTIONS,
    force: bool = False,
) -> Store:
    """Make the cohort's store.

    Args:
        config: which cohort; it is kept in the manifest, so that the store can be made again.
        path: the store's folder, to be created.
        progress: told of the windows written.
        contract: of the windows; the cohort has 64 Hz, 60 s and four PPG channels.
        shares: of participants in train, validation and test: fractions or exact counts.
        force: replace a store that is there.

    Raises:
        BadInput: `path` exists, shares that do not fit, or a contract that the cohort cannot serve.
        NotPossibleHere: no space left.
    """
    people = range(config.first_participant, config.first_participant + config.participants)
    with closing(_batches(config, contract)) as batches:  # no thread is left when this ends early
        return create_store(
            path,
            batches,
            split_participants(people, seed=config.seed, shares=shares),
            contract=contract,
            source="cohort",
            name=config.preset,
            provenance={"cohort": config.model_dump(mode="json")},
            force=force,
            progress=progress,
            total=config.windows,
        )


def cohort_windows(
    config: CohortConfig,
    index_B: Tensor,
    contract: SignalContract = DEFAULT,
    *,
    independent_beats: bool = False,
    device: torch.device | str = "cpu",
) -> WindowSet:
    """Some windows of the cohort, prepared and labelled, without a store.

    Args:
        config: which cohort.
        index_B: (B,) int64 window numbers, which become `window_id_B`.
        contract: as in `from_cohort`.
        independent_beats: the leak control: the accelerometer's heartbeats are another, independent series.
        device: where to work and where the result lies.

    Raises:
        BadInput: a contract that the cohort cannot serve, or a window outside it.
    """
    raw = simulate(config, index_B, device, independent_beats=independent_beats)
    if raw.acc_g_BCT.shape[-1] != contract.samples or contract.rate_hz != DEFAULT.rate_hz:
        raise BadInput(
            f"the cohort cannot serve windows of {contract.window_s:g} s at {contract.rate_hz:g} Hz",
            valid=f"{DEFAULT.window_s:g} s at {DEFAULT.rate_hz:g} Hz",
        )
    ppg_BCT = prepare_ppg(raw.ppg_BCT, contract)
    beats_BK = detect_beats(ppg_BCT, contract.rate_hz)
    told = labels_of(rate_and_variability(beats_BK), prefix=DEVICE_PREFIX)
    told["device_intervals"] = torch.zeros(len(index_B), device=beats_BK.device)
    return WindowSet(
        acc_BCT=prepare_acc(raw.acc_g_BCT, contract).half(),
        ppg_BCT=ppg_BCT.half(),
        beats_BK=beats_BK,
        participant_B=raw.participant_B,
        window_id_B=index_B.to(beats_BK.device),
        labels={**raw.labels, **told},
        contract=contract,
    )


def _batches(config: CohortConfig, contract: SignalContract) -> Generator[WindowSet, None, None]:
    """All windows in order, made by threads a few batches ahead (torch leaves the interpreter free while it works)."""
    starts = iter(range(0, config.windows, BATCH))
    with ThreadPoolExecutor(WORKERS) as pool:

        def ordered(count: int) -> list[Future[WindowSet]]:
            ranges = (torch.arange(start, min(start + BATCH, config.windows)) for start in islice(starts, count))
            return [pool.submit(cohort_windows, config, index_B, contract) for index_B in ranges]

        waiting = ordered(WORKERS + 1)
        while waiting:
            yield waiting.pop(0).result()
            waiting += ordered(1)
