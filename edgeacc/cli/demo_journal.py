"""What a demo has made so far, and whether that still belongs together.

Every step leaves a record: its command, what it read and what it wrote (as short digests), the code, and when it ran.
"""

import hashlib
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

import edgeacc
from edgeacc.errors import BadInput
from edgeacc.files import read_model, sha256

JOURNAL = "steps.json"
CODE = (".py", ".toml", ".html")
VOUCHED_FOR = ".parquet"
"""Parts of a store: its manifest holds their hashes, so that no gigabytes are read here."""
_INSIDE = "DEMO"
_DIGITS = 16


@dataclass(frozen=True)
class Step:
    """One command of the plan. Its `output` appears when it has succeeded, and only then: that is its done mark.

    Attributes:
        name: unique in the plan.
        arguments: of edgeacc; files and folders are paths.
        output: what it makes.
        needs: steps that come before it.
        prints_output: what the command prints is its output.
        threads: that it may use.
        makes: a folder that it fills before its output appears.
    """

    name: str
    arguments: tuple[str | Path, ...]
    output: Path
    needs: tuple[str, ...] = ()
    prints_output: bool = False
    threads: int = 1
    makes: Path | None = None

    @property
    def command(self) -> str:
        """What a user types in the present folder to run this step alone."""
        typed = shlex.join(("edgeacc", *map(str, self.arguments)))
        return f"{typed} > {shlex.quote(str(self.output))}" if self.prints_output else typed

    def told_from(self, folder: Path) -> list[str]:
        """Its arguments as they are kept: the same from every working directory, and when the demo is moved."""
        return [_told_from(folder, word) if isinstance(word, Path) else word for word in self.arguments]

    def inputs(self) -> list[Path]:
        """The files and folders that its command reads."""
        return [word for word in self.arguments if isinstance(word, Path) and not self.gives(word)]

    def gives(self, word: str | Path) -> bool:
        """Whether this step makes that file or folder, or one that holds it."""
        return isinstance(word, Path) and not {word, *word.parents}.isdisjoint(self.made)

    @property
    def made(self) -> list[Path]:
        """All that it makes."""
        return [path for path in (self.output, self.makes) if path is not None]

    def digest(self) -> str | None:
        """What it made; None where its output is not there."""
        output = digest(self.output)
        return output if self.makes is None or output is None else f"{output}-{digest(self.makes)}"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StepRecord(_Record):
    """What is known of a step.

    Attributes:
        arguments: of its command, with paths as `Step.told_from` gives them.
        code: digest of edgeacc's sources when it was started.
        inputs: path as kept -> digest of what was there when it was started.
        output: digest of what it made; None while it has not been seen to end.
        ran: when it began (seconds since 1970) and how many seconds that took, for every attempt.
        cpu_s: processor seconds, user and system, over the attempts that ended by themselves.
    """

    arguments: list[str]
    code: str
    inputs: dict[str, str | None]
    output: str | None = None
    ran: list[tuple[float, float]] = []
    cpu_s: float = 0.0

    @property
    def seconds(self) -> float:
        """Over all its attempts."""
        return sum(seconds for _, seconds in self.ran)


class Recordings(_Record):
    """Real recordings that the demo is repeated on: where they are, and the mapping of tables."""

    path: Path
    mapping: Path | None = None

    def resolved(self) -> "Recordings":
        """The same, from every working directory."""
        return Recordings(path=self.path.resolve(), mapping=self.mapping and self.mapping.resolve())


class Journal(_Record):
    """What a demo keeps over re-runs in `steps.json`."""

    steps: dict[str, StepRecord] = {}
    recordings: dict[str, Recordings] = {}
    peak_memory_bytes: int = 0

    def wall_s(self, names: Iterable[str]) -> float:
        """Seconds in which at least one of these steps ran; what was done before is not counted again."""
        return _covered_s(ran for name in names for ran in self.steps[name].ran)


def read_journal(folder: Path) -> Journal:
    """The journal of a demo's folder; an empty one where there is none.

    Raises:
        BadInput: it is damaged, or of another edgeacc.
    """
    path = folder / JOURNAL
    try:
        return read_model(path, Journal) if path.exists() else Journal()
    except BadInput as error:
        raise BadInput(
            f"{path} is damaged, or an older edgeacc's",
            valid="another -o, or all of it made anew",
            next_command=f"rm -r {shlex.quote(str(folder))}",
        ) from error


def begun(step: Step, folder: Path, before: StepRecord | None) -> StepRecord:
    """The record of a step that starts now; times are kept where it goes on with an attempt that did not end."""
    arguments = step.told_from(folder)
    goes_on = before is not None and before.output is None and before.arguments == arguments
    return StepRecord(
        arguments=arguments,
        code=code_digest(),
        inputs=_digests(step, folder),
        ran=before.ran if before is not None and goes_on else [],
        cpu_s=before.cpu_s if before is not None and goes_on else 0.0,
    )


def check(folder: Path, steps: Sequence[Step], records: Mapping[str, StepRecord]) -> None:
    """Refuse to go on from outputs that do not belong together.

    Args:
        folder: of the demo.
        steps: those whose output may be there, in the plan's order.
        records: what is known of them.

    Raises:
        BadInput: an output is of another command, was changed or replaced since, or was made from something else than
            what is there now; tells what to remove.
    """
    there = [step for step in steps if step.output.exists()]
    foreign = [
        f"{step.output} exists, but not from: {step.command}"
        for step in there
        if step.name not in records or records[step.name].arguments != step.told_from(folder)
    ]
    if foreign:
        raise BadInput.several(str(folder), foreign, valid="another -o, or the same options as before")
    problems: list[str] = []
    stale: list[Step] = []
    for step in there:
        if any(old.gives(path) for old in stale for path in step.inputs()):
            stale.append(step)
        elif problem := _problem(step, folder, records[step.name]):
            problems.append(problem)
            stale.append(step)
    if stale:
        raise BadInput.several(
            str(folder),
            problems,
            valid="results that were made from one another: remove these and all that was made from them",
            next_command=f"rm -r {shlex.join(str(step.output) for step in stale)}",
        )


def _problem(step: Step, folder: Path, record: StepRecord) -> str:
    if record.output is not None and record.output != step.digest():
        return f"{step.makes or step.output} was changed or replaced since it was made"
    now = _digests(step, folder)
    other = [
        str(path)
        for path in step.inputs()
        if now[_told_from(folder, path)] not in (None, record.inputs.get(_told_from(folder, path)))
    ]
    return f"{step.output} was made from another {', '.join(other)} than is there now" if other else ""


def of_other_code(steps: Iterable[Step], records: Mapping[str, StepRecord]) -> list[str]:
    """Names of the steps that are done, but not by the code that runs now."""
    now = code_digest()
    return [step.name for step in steps if step.output.exists() and records[step.name].code != now]


def digest(path: Path) -> str | None:
    """What a file or folder that edgeacc made holds; None where nothing is.

    Of a store's parts only the sizes are read.
    """
    if path.is_file():
        return sha256(path)[:_DIGITS]
    if not path.is_dir():
        return None
    found = hashlib.sha256()
    for file in _files(path):
        told = file.stat().st_size if file.suffix == VOUCHED_FOR else sha256(file)
        found.update(f"{file.relative_to(path)} {told}\n".encode())
    return found.hexdigest()[:_DIGITS]


def code_digest() -> str:
    """The version of edgeacc with a digest of its sources."""
    package = Path(edgeacc.__file__).parent
    found = hashlib.sha256()
    for file in _files(package, behind_links=True):  # some of its rooms are links
        if file.suffix in CODE:
            found.update(f"{file.relative_to(package)} {sha256(file)}\n".encode())
    return f"{edgeacc.__version__}-{found.hexdigest()[:_DIGITS]}"


def _digests(step: Step, folder: Path) -> dict[str, str | None]:
    return {
        _told_from(folder, path): digest(path) if _is_inside(folder, path) else _stamp(path) for path in step.inputs()
    }


def _stamp(path: Path) -> str | None:
    """What recordings are, without reading them: names, sizes and times of their files; None where nothing is."""
    if not path.exists():
        return None
    found = hashlib.sha256()
    for file in [path] if path.is_file() else _files(path):
        state = file.stat()
        found.update(f"{file.relative_to(path)} {state.st_size} {state.st_mtime_ns}\n".encode())
    return found.hexdigest()[:_DIGITS]


def _files(folder: Path, *, behind_links: bool = False) -> list[Path]:
    """Every file below the folder, in order; links that lead nowhere are none."""
    walked = os.walk(folder, followlinks=behind_links)
    return sorted(path for place, _, names in walked for name in names if (path := Path(place, name)).is_file())


def _told_from(folder: Path, path: Path) -> str:
    return f"{_INSIDE}/{os.path.relpath(path, folder)}" if _is_inside(folder, path) else str(path.resolve())


def _is_inside(folder: Path, path: Path) -> bool:
    return path.absolute().is_relative_to(folder.absolute()) and ".." not in path.parts


def _covered_s(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds that are in at least one of the spans (begin, seconds)."""
    covered_s, until_s = 0.0, float("-inf")
    for begin_s, seconds in sorted(spans):
        end_s = begin_s + seconds
        covered_s += max(0.0, end_s - max(begin_s, until_s))
        until_s = max(until_s, end_s)
    return covered_s
