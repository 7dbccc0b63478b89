"""What a benchmark run found, with all that is needed to judge it: machine, settings, versions, date."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from edgeacc.signals.contract import SignalContract

State = Literal["timed", "needs an Apple device", "rejected", "not possible here"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Settings(_Frozen):
    """How much is measured.

    Attributes:
        cold_starts: fresh processes per contender; load, first call and memory are medians over them.
        burn_in_calls: calls after loading that are not counted.
        rounds: turns per contender; in each round every contender has one turn, the first of them a different one.
        turn_burn_in_calls: calls at the start of a turn that are not counted, because others used the caches meanwhile.
        calls_per_turn: calls of a turn that are counted.
        threads: of every contender whose row does not tell another number.
    """

    cold_starts: int = Field(ge=1)
    burn_in_calls: int = Field(ge=0)
    rounds: int = Field(ge=1)
    turn_burn_in_calls: int = Field(ge=0)
    calls_per_turn: int = Field(ge=1)
    threads: Literal[1] = 1


EAGER = "pytorch-eager"
"""The peer that ratios refer to."""

FULL = Settings(cold_starts=3, burn_in_calls=20, rounds=20, turn_burn_in_calls=2, calls_per_turn=25)
QUICK = Settings(cold_starts=1, burn_in_calls=10, rounds=8, turn_burn_in_calls=2, calls_per_turn=10)


class Roofline(_Frozen):
    """What this machine can do at best on one thread.

    Attributes:
        fp32_gflops: 1e9 operations per second of a product of matrices in 32-bit float, two per multiply-accumulate;
            the better of PyTorch's and onnxruntime's.
        int8_gops: the same of int8 matrices by onnxruntime; None where it is not installed.
        copy_gb_s: 1e9 bytes per second read and written by a copy.
    """

    fp32_gflops: float
    int8_gops: float | None
    copy_gb_s: float

    def floor_ms(self, macs: int, bytes_read: int, *, int8: bool) -> float | None:
        """The longer of computing and reading the weights once; None for int8 where its peak is unknown.

        Args:
            macs: multiply-accumulates of one call.
            bytes_read: of the artifact.
            int8: activations are int8.
        """
        peak = self.int8_gops if int8 else self.fp32_gflops
        if peak is None:
            return None
        return max(2 * macs / peak, bytes_read / (self.copy_gb_s / 2)) * 1e-6


class ColdStart(_Frozen):
    """One fresh process that loads an artifact and calls it.

    Attributes:
        load_ms: from the artifact's path to a callable session, its runtime imported before.
        first_ms: the first window.
        baseline_rss_bytes: resident before loading: Python, the imported runtime, and this benchmark's own imports.
        peak_rss_bytes: highest resident size while loading, at the first call, and in the burn-in calls.
    """

    load_ms: float
    first_ms: float
    baseline_rss_bytes: int
    peak_rss_bytes: int


class Arena(_Frozen):
    """Memory for what an artifact computes, as its format plans it.

    Attributes:
        size_bytes: None where nothing tells it.
        source: who planned it, and what is in it; or why it is not known.
    """

    size_bytes: int | None
    source: str


class LayerTime(_Frozen):
    """One operator of an artifact, as the runtime executes it: its name there, its kind, and its median time."""

    name: str
    operator: str
    ms: float


class Parts(_Frozen):
    """What is done beside the network for every window, by Python on one thread; a watch does it in C.

    Attributes:
        prepare_ms: raw g to the network's input, in Python; an artifact of raw g (`-raw`) does that within its call.
        probe_ms: embedding to heart rate; None without a probe.
    """

    prepare_ms: float
    probe_ms: float | None


class Warm(_Frozen):
    """Latency of one window at a time, after burn-in, over all rounds.

    Attributes:
        p50_ms: median.
        p90_ms: 90th percentile.
        p99_ms: 99th percentile.
        max_ms: the longest; None in a result of an older version.
        calls: how many were counted.
        round_p50_ms: the median of each turn, in order: a drifting machine shows here.
        cpu_ms: median processor time of one call, all threads: waiting for a busy processor is not in it.
        cpu_per_wall: processor time over wall time; below 1 it waited, above 1 more than one thread was busy.
    """

    p50_ms: float
    p90_ms: float
    p99_ms: float
    calls: int
    round_p50_ms: tuple[float, ...]
    cpu_ms: float
    cpu_per_wall: float
    max_ms: float | None = None


COUNTS_DB = 30.0
"""A contender whose embeddings are further off than this has no speed worth comparing."""


class Row(_Frozen):
    """One contender.

    Attributes:
        name: an artifact's recipe, or the peer's name.
        kind: `artifact` of a bundle, or a `peer` on the same weights.
        target: the artifact's target; None for a peer.
        path: the bundle, or the peer's checkpoint.
        contract: what its windows are; None where the bundle could not be read.
        state: `timed`; `needs an Apple device` (our evaluator is no runtime); `rejected` by its verification;
            `not possible here`.
        reason: why it was not timed; empty when it was.
        level: how its output was checked: `executed` or `evaluated`; None where it was not.
        size_bytes: of the artifact, or of the peer's weights; None where the bundle could not be read.
        snr_db: mean-removed, against the fp32 network on the golden windows.
        arena: planned memory; None where the contender was not loaded, or in a result of an older version.
        weights: bytes of its weights by their format, the most first; empty where nothing tells.
        cold: medians over the cold starts.
        warm: latency.
        layers: time of each layer on one thread, of a separate session with the runtime's profiler on; empty where the
            runtime gives none to Python (`edgeacc.benchmarks.layer_times.PROFILED`).
        floor_ms: no window can take less on one thread of this machine: its multiply-accumulates at the measured peak,
            or reading the artifact once a call, whichever is longer; None without a checkpoint, on several threads, or
            where the peak is not known.
        vs_eager: `cpu_ms` of PyTorch eager in the same run over this one's; None without eager. On one thread of an
            idle machine that is the ratio of latencies too; on a busy one latencies hold waiting time, and it grows
            faster than the work (seen: calls of 6 ms waited for 70 ms, calls of 0.5 ms for nothing). Of several
            threads, whose processor times add up, it is the ratio of `p50_ms`, waiting and all.
        batch: windows of one call; times are of one window.
        threads: that it may use.
    """

    name: str
    kind: Literal["artifact", "peer"]
    target: str | None
    path: str
    contract: SignalContract | None = None
    state: State
    reason: str = ""
    level: Literal["executed", "evaluated"] | None = None
    size_bytes: int | None = None
    snr_db: float | None = None
    arena: Arena | None = None
    weights: dict[str, int] = {}
    cold: ColdStart | None = None
    warm: Warm | None = None
    layers: tuple[LayerTime, ...] = ()
    floor_ms: float | None = None
    vs_eager: float | None = None
    batch: int = Field(1, ge=1)
    threads: int = Field(1, ge=1)

    @property
    def counts(self) -> bool:
        """Whether its speed can be compared: timed, a window at a time, on one thread, and right."""
        alone = self.warm is not None and (self.batch, self.threads) == (1, 1)
        return alone and (self.snr_db or 0.0) >= COUNTS_DB

    @property
    def times_floor(self) -> float | None:
        """Processor time of a call over its floor; at least about 1."""
        return None if self.floor_ms is None or self.warm is None else self.warm.cpu_ms / self.floor_ms

    @property
    def above_baseline_bytes(self) -> int | None:
        """Peak resident memory that loading and calling added."""
        return None if self.cold is None else self.cold.peak_rss_bytes - self.cold.baseline_rss_bytes


class Machine(_Frozen):
    """Where it ran.

    Attributes:
        cpu: the processor's model.
        cores: logical processors that this process may use.
        governor: frequency policy of the first processor; None where the system does not tell.
        memory_bytes: physical memory.
        system: operating system and release.
        python: version.
        versions: of the packages that take part.
        commit: of edgeacc's own sources, with `+changes` where files differ from it; None outside a repository.
        load_average: of one minute, before the run.
        other_work: share of all processors that anything but this run used while latency was measured, 0 to 1.
    """

    cpu: str
    cores: int
    governor: str | None
    memory_bytes: int
    system: str
    python: str
    versions: dict[str, str]
    commit: str | None
    load_average: float
    other_work: float


class Reference(_Frozen):
    """An encoder on a GPU, as `edgeacc bench --suite reference` measured it.

    Attributes:
        date_utc: when.
        commit: of edgeacc's own sources; None outside a repository.
        device: the GPU's name, as CUDA tells it.
        driver: of the GPU; None where nothing told.
        clock_mhz: of its multiprocessors after the run; None where nothing told.
        torch: version, with its CUDA build.
        checkpoint: that was run; its weights' SHA-256 follows.
        weights_sha256: of the encoder's file.
        precision: of weights and activations.
        snr_db: mean-removed, of its embeddings against fp32 on the processor.
        p50_ms: median of one window, from a tensor on the GPU to an embedding there, CUDA graph replayed.
        p99_ms: 99th percentile.
        best_batch: of the highest throughput.
        windows_per_s: at that batch.
    """

    kind: Literal["reference"] = "reference"
    date_utc: str
    commit: str | None
    device: str
    driver: str | None
    clock_mhz: float | None
    torch: str
    checkpoint: str
    weights_sha256: str
    precision: Literal["bf16"]
    snr_db: float
    p50_ms: float = Field(gt=0)
    p99_ms: float
    best_batch: int
    windows_per_s: float


class BenchResult(_Frozen):
    """One run of `edgeacc bench`."""

    schema_version: Literal[1] = 1
    date_utc: str
    settings: Settings
    machine: Machine
    roofline: Roofline | None = None
    parts: Parts | None = None
    rows: tuple[Row, ...]
    warnings: tuple[str, ...] = ()

    def best(self, kind: Literal["artifact", "peer"]) -> Row | None:
        """The one that takes the least processor time of those that count."""
        rows = [(row.warm.cpu_ms, row) for row in self.rows if row.kind == kind and row.counts and row.warm is not None]
        return min(rows, key=lambda pair: pair[0])[1] if rows else None
