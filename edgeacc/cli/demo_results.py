"""Reads what the steps of a demo left in its folder."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel

from edgeacc.benchmarks.report.report import Demo, RealReport, Report, StepRow, target_rows, verified_row
from edgeacc.benchmarks.report.results import Verified
from edgeacc.benchmarks.results import BenchResult
from edgeacc.cli.demo_journal import Journal, Step, of_other_code
from edgeacc.evaluation.result import EvaluationResult, LimitResult
from edgeacc.files import read_model
from edgeacc.windows.store import open_store
from edgeacc.windows.window_set import WindowSet

LOOKED_AT = 64


class _Imported(BaseModel):
    acc_step_mg: float | None = None


class _Provenance(BaseModel):
    recordings: list[_Imported]


def gather(
    folder: Path, size: str, steps: Sequence[Step], journal: Journal, real: Iterable[str], missing: dict[str, str]
) -> Report:
    """The report of a finished demo.

    Args:
        folder: of the demo.
        size: as `--size`.
        steps: all of its steps.
        journal: times and memory.
        real: names of the real recordings.
        missing: recipe -> why there is no bundle.
    """
    bench = read_model(folder / "bench.json", BenchResult)
    verified = read_model(folder / "verify.json", Verified).bundles
    return Report(
        targets=target_rows([verified_row(each, "edgeacc verify, verify.json") for each in verified], bench),
        evaluation=read_model(folder / "evaluation.json", EvaluationResult),
        bench=bench,
        real=[_real(name, folder / "real" / name) for name in real],
        demo=Demo(
            size=size,
            missing=missing,
            steps=[StepRow(name=s.name, command=s.command, seconds=journal.steps[s.name].seconds) for s in steps],
            of_other_code=of_other_code(steps, journal.steps),
            wall_s=journal.wall_s(step.name for step in steps),
            peak_memory_bytes=journal.peak_memory_bytes,
        ),
    )


def example_window(folder: Path) -> WindowSet:
    """The test window of median accelerometer signal-to-noise ratio among `LOOKED_AT`."""
    windows = open_store(folder / "windows").load("test", limit=LOOKED_AT)
    middle = windows.labels["acc_snr"].argsort()[len(windows) // 2]
    return windows.take(middle[None])


def _real(name: str, folder: Path) -> RealReport:
    evaluation = read_model(folder / "evaluation.json", EvaluationResult)
    limits = [read_model(path, LimitResult) for path in sorted(folder.glob("limit-*.json"))]
    provenance = _Provenance.model_validate(open_store(folder / "windows").manifest.provenance)
    steps_mg = [each.acc_step_mg for each in provenance.recordings if each.acc_step_mg is not None]
    coarsest_mg = max(steps_mg, default=None)
    return RealReport(name=name, acc_step_mg=coarsest_mg, limits=limits, evaluation=evaluation)
