"""The plan of the demo: which edgeacc commands, in which order, at which size. All its numbers are in `SIZES`."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from edgeacc.cli.demo_journal import Recordings, Step


class Size(NamedTuple):
    """How much of everything a demo does."""

    participants: int
    windows_per_participant: int
    teacher_steps: int
    student_steps: int
    baseline_steps: int
    continued_steps: int
    batch: int


SIZES = {
    "full": Size(800, 16, 300, 600, 600, 100, batch=64),
    "smoke": Size(24, 8, 20, 60, 10, 5, batch=16),
}
PRESET, SEED = "calibrated", 0
TEACHER, STUDENT = "conv-ppg", "conv-s"
BASELINES = ("acc-mae", "acc-contrastive", "supervised")
PIECES_S = (15, 30)
"""Lengths of window at which the limit of real recordings is measured, beside the contract's own."""


class Plan:
    """Steps in the order in which they are preferred; each waits for the earlier outputs that its command names."""

    def __init__(self, folder: Path) -> None:
        """Begin an empty plan whose outputs lie in `folder`."""
        self.folder = folder
        self.steps: list[Step] = []
        self._place_of: dict[Path, int] = {}

    def add(
        self, output: str, *arguments: object, makes: Path | None = None, alone: bool = False, threads: int = 1
    ) -> Path:
        """Add the command `edgeacc ARGUMENTS -o OUTPUT`; with --json among the arguments, `... > OUTPUT`.

        Args:
            output: inside the folder; the step is named after it.
            arguments: of the command line; files and folders as paths.
            makes: a folder that the command fills besides.
            alone: wait for everything before it.
            threads: more than one where nothing else can run beside it.

        Returns:
            The output's path, for the arguments of later steps.
        """
        path, prints = self.folder / output, "--json" in arguments
        given = (*arguments, *(() if prints else ("-o", path)))
        words = tuple(word if isinstance(word, Path) else str(word) for word in given)
        read = {part for word in words if isinstance(word, Path) for part in (word, *word.parents)}
        places = (
            range(len(self.steps)) if alone else sorted(self._place_of[part] for part in read & self._place_of.keys())
        )
        needs = tuple(dict.fromkeys(self.steps[place].name for place in places))
        step = Step(output.removesuffix(".json"), words, path, needs, prints, threads, makes)
        self._place_of |= dict.fromkeys(step.made, len(self.steps))
        self.steps.append(step)
        return path


def plan(folder: Path, size: Size, recipes: Iterable[str], recordings: Mapping[str, Recordings]) -> list[Step]:
    """All steps of a demo; only what a runtime of this machine executes is timed.

    Args:
        folder: of the demo's results.
        size: one of `SIZES`.
        recipes: those that are possible here; there is a bundle by each.
        recordings: name -> real recordings to repeat it on.
    """
    from edgeacc.compression.recipe import RECIPES
    from edgeacc.export.registry import target_info

    plan = Plan(folder)
    fit = ("--batch", size.batch, "--seed", SEED)
    people = ("--participants", size.participants, "--windows-per-participant", size.windows_per_participant)
    stores = {name: _imported(plan, name, real) for name, real in recordings.items()}
    cohort = plan.add("windows", "cohort", "make", "--preset", PRESET, *people, "--seed", SEED, threads=2)

    teacher = plan.add(
        "teacher", "train", "teacher", cohort, "--encoder", TEACHER, "--objective", "masked-input",
        "--steps", size.teacher_steps, *fit,
    )  # fmt: skip
    student = plan.add(
        "student", "train", "student", cohort, "--teacher", teacher, "--encoder", STUDENT,
        "--form", "time-resolved", "--interval-target", "--steps", size.student_steps, *fit,
    )  # fmt: skip
    baselines = [
        plan.add(
            objective, "train", "baseline", cohort, "--objective", objective, "--encoder", STUDENT,
            "--steps", size.baseline_steps, *fit,
        )
        for objective in BASELINES
    ]  # fmt: skip
    compared = [word for baseline in baselines for word in ("--baseline", baseline)]
    networks = ("--student", student, "--teacher", teacher)
    plan.add("evaluation.json", "evaluate", *networks, "--store", cohort, *compared)

    together = folder / "bundles"
    plan.add(
        "bundles.json", "export", student, "--target", "all", "--store", cohort, "-o", together, "--force", "--json",
        makes=together,
    )  # fmt: skip
    bundles = [together / recipe for recipe in recipes]
    plan.add("verify.json", "verify", *bundles, "--json")

    for name, store in stores.items():
        for piece_s in PIECES_S:
            plan.add(f"real/{name}/limit-{piece_s}s.json", "evaluate", "--limit", store, "--window-s", piece_s)
        also: tuple[object, ...] = ()
        if _holds_training_windows(store):
            more = ("--encoder", TEACHER, "--steps", size.continued_steps, *fit)
            continued = plan.add(f"real/{name}/continued", "train", "teacher", store, "--from", teacher, *more)
            also = ("--baseline", continued)
        plan.add(f"real/{name}/evaluation.json", "evaluate", *networks, "--store", store, *also)

    timed = [together / recipe for recipe in recipes if target_info(RECIPES[recipe].target).runtime_modules]
    plan.add("bench.json", "bench", *(timed or bundles), "--checkpoint", student, "--quick", alone=True)
    return plan.steps


def beginning(steps: Sequence[Step]) -> list[Step]:
    """The steps that need no other: afterwards the stores are there, and the plan of the rest is known."""
    return [step for step in steps if not step.needs]


def _imported(plan: Plan, name: str, real: Recordings) -> Path:
    mapping = () if real.mapping is None else ("--mapping", real.mapping)
    return plan.add(f"real/{name}/windows", "import", real.path, *mapping)


def _holds_training_windows(store: Path) -> bool:
    """Recordings of one or two people hold none: nobody could be held out."""
    from edgeacc.windows.store import open_store

    return store.exists() and open_store(store).count("train") > 0
