"""One benchmark run: verify every bundle, measure what passed beside its peers, keep it all in one result."""

import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil

from edgeacc.benchmarks.latency import Worker, interleaved
from edgeacc.benchmarks.layer_times import PROFILED
from edgeacc.benchmarks.machine import busy_warnings, cores, describe, other_work, times
from edgeacc.benchmarks.peers import COMPILED_TARGET, EAGER_TARGET, Peer, eager, peers
from edgeacc.benchmarks.results import EAGER, BenchResult, ColdStart, Roofline, Row, Settings, State, Warm
from edgeacc.benchmarks.roofline import macs_of, measure
from edgeacc.benchmarks.worker import Checked, Job
from edgeacc.bundle.bundle import Bundle, open_bundle
from edgeacc.errors import BadInput, EdgeaccError, NotPossibleHere, ParityFailed
from edgeacc.export.registry import TARGETS, require_packages, target_info
from edgeacc.files import sha256
from edgeacc.models.card import encoder_file
from edgeacc.progress import Progress, silent

NO_CHECKPOINT = "no checkpoint given: nothing of PyTorch eager, and no ratios to it"
OWN_TARGETS = (EAGER_TARGET, COMPILED_TARGET)
"""Of peers that PyTorch itself runs."""


@dataclass(frozen=True)
class Outcome:
    """What a run found, and the errors of the bundles that were not timed for a fault of theirs or of the machine."""

    result: BenchResult
    errors: list[EdgeaccError]


def run_bench(
    bundles: Sequence[Path],
    checkpoint: Path | None,
    settings: Settings,
    progress: Progress = silent,
    *,
    all_peers: bool = False,
) -> Outcome:
    """Measure bundles beside PyTorch eager on the same weights.

    Args:
        bundles: folders written by `edgeacc export`; one that fails its verification is a row, but is not timed.
        checkpoint: what the bundles were made from; the peers need it.
        settings: how much to measure.
        progress: told of each contender and each round.
        all_peers: beside the other usual ways too (`edgeacc.benchmarks.peers`).

    Raises:
        BadInput: `checkpoint` is none, or a bundle was made from another.
    """
    load_average = os.getloadavg()[0]
    run = _Run(settings, progress)
    with ExitStack() as stack:
        opened = run.open_all(bundles)
        if checkpoint is not None:
            _require_made_from(checkpoint, opened)
        contenders = [_artifact(name, bundle, settings) for name, bundle in opened.items()]
        if checkpoint is not None and opened:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            contenders += run.peers(checkpoint, next(iter(opened.values())), folder, all_peers=all_peers)
        run.admit(contenders, stack)
        run.admit(run.on_all_threads(contenders), stack)
        others = run.time_all()
        run.profile()
        parts = next(iter(run.workers.values())).parts(settings.calls_per_turn) if run.workers else None
        run.close()
    roofline = _under_floors(run, checkpoint, opened) if checkpoint is not None and run.workers else None
    warnings = [] if checkpoint is not None else [NO_CHECKPOINT]
    packages = {name for info in TARGETS.values() for name in info.runtime_packages} | {"torch", "numpy", "edgeacc"}
    machine = describe(packages, load_average, others)
    result = BenchResult(
        date_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        settings=settings,
        machine=machine,
        roofline=roofline,
        parts=parts,
        rows=tuple(sorted(run.rows.values(), key=lambda row: row.kind == "peer")),
        warnings=(*warnings, *run.warnings, *busy_warnings(machine)),
    )
    return Outcome(result, run.errors)


@dataclass
class _Run:
    """The rows so far, and the processes that wait for their turn."""

    settings: Settings
    progress: Progress
    rows: dict[str, Row] = field(default_factory=dict)
    errors: list[EdgeaccError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    workers: dict[str, Worker] = field(default_factory=dict)

    def open_all(self, bundles: Sequence[Path]) -> dict[str, Bundle]:
        """Check hashes before anything is loaded; a bundle that is refused becomes a row."""
        opened: dict[str, Bundle] = {}
        for path in bundles:
            try:
                bundle = open_bundle(path)
                raw = "-raw" if bundle.manifest.takes_raw else ""
                name = self._name(f"{bundle.recipe.name}{raw}", path)
                opened[name] = bundle
                self.rows[name] = _artifact(name, bundle, self.settings)[0]
            except EdgeaccError as error:
                name = self._name(path.name, path)
                self._refuse(Row(name=name, kind="artifact", target=None, path=str(path), state="rejected"), error)
        return opened

    def _name(self, wanted: str, path: Path) -> str:
        """Of a bundle's row: no two rows have one."""
        return wanted if wanted not in self.rows else str(path)

    def peers(self, checkpoint: Path, bundle: Bundle, folder: Path, *, all_peers: bool) -> list[tuple[Row, Job]]:
        """PyTorch eager, and the others when they are asked for."""
        found = [_peer(eager(checkpoint), checkpoint, bundle, self.settings)]
        for made in peers(checkpoint, folder) if all_peers else ():
            if isinstance(made, Peer):
                self.progress(len(found), len(found) + 1, made.name)
                found.append(_peer(made, checkpoint, bundle, self.settings))
            else:
                self.warnings.append(made.problem)
        return found

    def on_all_threads(self, contenders: Sequence[tuple[Row, Job]]) -> list[tuple[Row, Job]]:
        """Of artifacts that were admitted, those whose runtime has threads of its own, again with all of them."""
        return [
            (
                row.model_copy(update={"name": f"{row.name}, all threads", "threads": cores()}),
                job.model_copy(update={"threads": cores()}),
            )
            for row, job in contenders
            if row.name in self.workers and row.kind == "artifact" and target_info(job.target).threads and cores() > 1
        ]

    def admit(self, contenders: Sequence[tuple[Row, Job]], stack: ExitStack) -> None:
        """Start all contenders in fresh processes, load them one after another, then verify them.

        Only loading is timed: what goes before (imports) and after it is shared among the processors. The process that
        was verified stays for the rounds.
        """
        waiting = [_Contender(row, job) for row, job in contenders]
        total = len(waiting) * 2
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            self.progress(0, total, "start")
            list(pool.map(lambda each: each.attempt(lambda: each.begin(stack)), waiting))
            for number, each in enumerate(waiting):
                self.progress(number, total, f"load {each.row.name}")
                each.attempt(partial(each.load, self.settings.cold_starts))
            for number, each in enumerate(pool.map(lambda each: each.attempt(each.check), waiting)):
                self.progress(len(waiting) + number, total, f"verify {each.row.name}")
        for each in waiting:
            self._keep(each)

    def _keep(self, contender: "_Contender") -> None:
        row, checked, worker = contender.row, contender.checked, contender.worker
        if contender.error is not None:
            self._refuse(row, contender.error, worker)
            return
        if checked is None or worker is None:
            raise RuntimeError(f"{row.name} was not verified")
        row = row.model_copy(update=checked.model_dump(include={"snr_db", "weights"}) | {"arena": checked.arena})
        if checked.failures:
            self._refuse(row, ParityFailed(f"{row.path}: {'; '.join(checked.failures)}"), worker)
        elif not contender.runs_here:
            self.rows[row.name] = row
            worker.close()
        else:
            self.rows[row.name] = row.model_copy(update={"cold": _median(contender.cold)})
            self.workers[row.name] = worker

    def time_all(self) -> float:
        """All rounds; the share of the processors that other work took meanwhile."""
        if not self.workers:
            return 0.0
        own = [psutil.Process(), *(psutil.Process(worker.pid) for worker in self.workers.values())]
        before = times(own)
        latency = interleaved(self.workers, self.settings, self.progress)
        others = other_work(before, times(own))
        eager = latency.get(EAGER)
        for name, warm in latency.items():
            row = self.rows[name].model_copy(update={"warm": warm})
            self.rows[name] = row.model_copy(update={"vs_eager": _speedup(eager, row)})
        return others

    def profile(self) -> None:
        """The layers of those artifacts whose runtime tells of them."""
        for name, worker in self.workers.items():
            row = self.rows[name]
            if row.kind == "artifact" and row.target in PROFILED and row.threads == 1:
                found = worker.layers(self.settings.burn_in_calls, self.settings.calls_per_turn)
                self.rows[name] = row.model_copy(update={"layers": tuple(found.layers)})

    def close(self) -> None:
        """End all processes at once."""
        with ThreadPoolExecutor(len(self.workers) or 1) as pool:
            list(pool.map(Worker.close, self.workers.values()))

    def _refuse(self, row: Row, error: EdgeaccError, worker: Worker | None = None) -> None:
        state: State = "not possible here" if isinstance(error, NotPossibleHere) else "rejected"
        reason = " ".join(error.problem.split())
        self.rows[row.name] = row.model_copy(update={"state": state, "reason": reason, "level": None})
        if row.kind == "artifact":
            self.errors.append(error)
        else:
            self.warnings.append(f"{row.name}: {error.problem}")
        if worker is not None:
            worker.close()


@dataclass
class _Contender:
    """One contender on its way to the rounds; its first error ends that way."""

    row: Row
    job: Job
    worker: Worker | None = None
    cold: list[ColdStart] = field(default_factory=list)
    checked: Checked | None = None
    error: EdgeaccError | None = None

    @property
    def runs_here(self) -> bool:
        return self.job.target in OWN_TARGETS or bool(target_info(self.job.target).runtime_modules)

    def attempt(self, do: Callable[[], None]) -> "_Contender":
        try:
            if self.error is None:
                do()
        except EdgeaccError as error:
            self.error = error
        return self

    def begin(self, stack: ExitStack) -> None:
        if self.job.target not in OWN_TARGETS:
            require_packages(self.job.target, "run")
        self.worker = Worker(self.job)
        stack.enter_context(self.worker)

    def load(self, cold_starts: int) -> None:
        if not self.runs_here or self.worker is None:
            return
        for _ in range(cold_starts - 1):
            with Worker(self.job) as once:
                self.cold.append(once.start())
        self.cold.append(self.worker.start())

    def check(self) -> None:
        if self.worker is not None:
            self.checked = self.worker.check()


def _require_made_from(checkpoint: Path, opened: dict[str, Bundle]) -> None:
    """Ratios compare only on the same weights.

    Raises:
        BadInput: not a checkpoint, or bundles that were made from another.
    """
    weights = sha256(encoder_file(checkpoint))
    problems = [
        f"{bundle.path} was made from {bundle.manifest.source.name}, other weights"
        for bundle in opened.values()
        if bundle.manifest.source.sha256 != weights
    ]
    if problems:
        raise BadInput.several(f"checkpoint {checkpoint}", problems, valid="the checkpoint that the bundles come from")


def _under_floors(run: "_Run", checkpoint: Path, opened: dict[str, Bundle]) -> Roofline:
    """Measure the machine, and tell of each row what no call can go below."""
    roofline, macs = measure(), macs_of(checkpoint)
    for name in run.workers:
        int8 = name in opened and opened[name].recipe.activations == "int8"
        row = run.rows[name]
        if row.threads == 1:
            floor_ms = roofline.floor_ms(macs, (row.size_bytes or 0) // row.batch, int8=int8)
            run.rows[name] = row.model_copy(update={"floor_ms": floor_ms})
    return roofline


def _artifact(name: str, bundle: Bundle, settings: Settings) -> tuple[Row, Job]:
    target = bundle.manifest.target
    row = Row(
        name=name,
        kind="artifact",
        target=target,
        path=str(bundle.path),
        contract=bundle.contract,
        state="timed" if target_info(target).runtime_modules else "needs an Apple device",
        level=target_info(target).level,
        size_bytes=bundle.manifest.model_bytes,
    )
    job = Job(
        target=target,
        model=bundle.model,
        bundle=bundle.path,
        own_bundle=True,
        burn_in_calls=settings.burn_in_calls,
    )
    return row, job


def _peer(peer: Peer, checkpoint: Path, bundle: Bundle, settings: Settings) -> tuple[Row, Job]:
    file = peer.model if peer.model.is_file() else encoder_file(peer.model)
    row = Row(
        name=peer.name,
        kind="peer",
        target=None,
        path=str(checkpoint),
        contract=bundle.contract,
        state="timed",
        level="executed",
        size_bytes=file.stat().st_size,
        batch=peer.batch,
        threads=peer.threads,
    )
    job = Job(
        target=peer.target,
        model=peer.model,
        bundle=bundle.path,
        own_bundle=False,
        burn_in_calls=settings.burn_in_calls,
        batch=peer.batch,
        threads=peer.threads,
    )
    return row, job


def _median(cold: Sequence[ColdStart]) -> ColdStart:
    """Each quantity's median over the cold starts, the lower of two."""
    return ColdStart(
        load_ms=statistics.median_low(start.load_ms for start in cold),
        first_ms=statistics.median_low(start.first_ms for start in cold),
        baseline_rss_bytes=statistics.median_low(start.baseline_rss_bytes for start in cold),
        peak_rss_bytes=statistics.median_low(start.peak_rss_bytes for start in cold),
    )


def _speedup(eager: Warm | None, row: Row) -> float | None:
    """See `Row.vs_eager`."""
    if eager is None or row.warm is None:
        return None
    return eager.cpu_ms / row.warm.cpu_ms if row.threads == 1 else eager.p50_ms / row.warm.p50_ms
