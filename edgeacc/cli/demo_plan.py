"""The plan of the demo: which edgeacc commands, in which order, at which size. All its numbers are in `SIZES`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from edgeacc.cli.demo_run import Step


class Size(NamedTuple):
    """How much of everything a demo does."""

    participants: int
    windows_per_participant: int
    teacher_steps: int
    student_steps: int
    baseline_steps: int
    real_teacher_steps: int
    batch: int
    bench_options: tuple[str, ...]


SIZES = {
    "full": Size(800, 16, 500, 1_100, 600, 100, 64, bench_options=()),
    "smoke": Size(16, 8, 10, 10, 10, 5, 16, bench_options=("--quick",)),
}
PRESET = "calibrated"
TEACHER, STUDENT = "pyramid-s", "conv-s"
BASELINES = ("acc-mae", "acc-contrastive", "supervised")
LIMIT_WINDOWS_S = (15, 30, 60)


class Plan:
    """Steps in the order in which they are preferred; each waits for the earlier outputs that its command names."""

    def __init__(self, folder: Path) -> None:
        """Begin an empty plan whose outputs lie in `folder`."""
        self.folder = folder
        self.steps: list[Step] = []

    def add(self, output: str, *arguments: object, prints: bool = False, alone: bool = False) -> Path:
        """Add `edgeacc ARGUMENTS -o OUTPUT`.

        Args:
            output: inside the folder; the step is named after it.
            arguments: of the command line.
            prints: the command has no -o, it prints its result.
            alone: wait for everything before it.

        Returns:
            The output's path, for the arguments of later steps.
        """
        path = self.folder / output
        words = tuple(str(argument) for argument in (*arguments, *(() if prints else ("-o", path))))
        needs = tuple(step.name for step in self.steps if alone or str(step.output) in words)
        name = Path(output).with_suffix("").as_posix().replace("/", "-")
        self.steps.append(Step(name, words, path, needs, prints_output=prints))
        return path


def plan(folder: Path, size: Size, recipes: Mapping[str, str], recordings: Sequence[Path] = ()) -> list[Step]:
    """All steps of a demo.

    Args:
        folder: of the demo's results.
        size: one of `SIZES`.
        recipes: recipe -> its target, of every bundle to make.
        recordings: real recordings to repeat it on.
    """
    plan = Plan(folder)
    fit = ("--batch", size.batch, "--seed", 0)
    people = ("--participants", size.participants, "--windows-per-participant", size.windows_per_participant)

    windows = plan.add("windows", "cohort", "make", "--preset", PRESET, *people, "--seed", 0)
    teacher = plan.add(
        "teacher", "train", "teacher", windows, "--encoder", TEACHER, "--objective", "masked-input",
        "--steps", size.teacher_steps, *fit,
    )  # fmt: skip
    student = plan.add(
        "student", "train", "student", windows, "--teacher", teacher, "--encoder", STUDENT,
        "--form", "time-resolved", "--interval-target", "--steps", size.student_steps, *fit,
    )  # fmt: skip
    plan.add("limit.json", "evaluate", "--limit", windows, "--json", prints=True)
    baselines = [
        plan.add(
            f"baseline-{objective}", "train", "baseline", windows, "--objective", objective, "--encoder", STUDENT,
            "--steps", size.baseline_steps, *fit,
        )
        for objective in BASELINES
    ]  # fmt: skip
    compared = [word for baseline in baselines for word in ("--baseline", baseline)]
    plan.add("evaluation.json", "evaluate", "--student", student, "--teacher", teacher, "--store", windows, *compared)
    bundles = [
        plan.add(f"bundles/{recipe}", "export", student, "--target", target, "--recipe", recipe, "--store", windows)
        for recipe, target in recipes.items()
    ]
    plan.add("verify.json", "verify", *bundles, "--json", prints=True)
    for name, path in _by_name(recordings).items():
        _add_real(plan, name, path, size, student, teacher)
    plan.add("bench.json", "bench", *bundles, "--checkpoint", student, *size.bench_options, alone=True)
    return plan.steps


def _add_real(plan: Plan, name: str, path: Path, size: Size, student: Path, teacher: Path) -> None:
    """The same on one set of real recordings: what is achievable, what the student does, what the teacher learns."""
    folder = f"real/{name}"
    for window_s in LIMIT_WINDOWS_S:
        windows = plan.add(f"{folder}/windows-{window_s}s", "import", path, "--window-s", window_s)
        plan.add(
            f"{folder}/limit-{window_s}s.json",
            "evaluate", "--limit", windows, "--window-s", window_s, "--json", prints=True,
        )  # fmt: skip


def _by_name(recordings: Sequence[Path]) -> dict[str, Path]:
    """The recordings under the names of their files or folders, numbered where two are alike."""
    named: dict[str, Path] = {}
    for path in recordings:
        name = path.resolve().stem
        named[f"{name}-{len(named) + 1}" if name in named else name] = path
    return named
