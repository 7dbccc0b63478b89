"""Where the numbers of a report come from, in words that stand where a pointer rests on one."""

from edgeacc.benchmarks.results import BenchResult, Machine
from edgeacc.evaluation.result import EvaluationResult

SIMULATED = "edgeacc simulate: typical (low to high)"


def told_machine(bench: BenchResult) -> str:
    """Where, when and how latency was measured."""
    machine, settings = bench.machine, bench.settings
    calls = settings.rounds * settings.calls_per_turn
    return (
        f"edgeacc bench, {bench.date_utc}, {_hardware(machine)}, one thread but where the name says otherwise, "
        f"{calls} calls in {settings.rounds} interleaved rounds after {settings.burn_in_calls} of burn-in"
    )


def _hardware(machine: Machine) -> str:
    commit, changes, _ = (machine.commit or "").partition("+changes")
    told = f", commit {commit[:12]}{changes}" if commit else ""
    governor = machine.governor or "governor unknown"
    return f"{machine.cpu} ({machine.cores} cores, {governor}, load {machine.load_average:.2f}){told}"


def told_evaluation(result: EvaluationResult) -> str:
    """On which windows, from which seed."""
    store = result.store
    return f"edgeacc evaluate on {store.name} ({store.source}, digest {store.content_digest}), seed {result.seed}"
