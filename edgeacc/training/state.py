"""The state of an unfinished run in `OUT.partial/`: enough to go on bit by bit, replaced in one step.

`state.json` names the tensor file that belongs to it; a run that is killed between the two writes leaves the older
pair. No generator's state is kept: the randomness of a step is a function of (seed, step).
"""

from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue
from safetensors.torch import save_file
from torch import Tensor
from torch.optim import Optimizer

from edgeacc.errors import BadInput
from edgeacc.files import parse_model, read_model, replacing, write_json
from edgeacc.models.checkpoint import load_tensors
from edgeacc.training.config import Precision
from edgeacc.training.objective import Objective

_STATE = "state.json"


class _Config(BaseModel):
    precision: Precision


class _Identity(BaseModel):
    config: _Config


class RunState(BaseModel):
    """Where a run stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity: dict[str, JsonValue]
    step: int
    losses: list[float]
    tensors: str


def partial_folder(out: Path) -> Path:
    """Where the unfinished run that is to become `out` lives."""
    return out.with_name(f"{out.name}.partial")


def save_state(
    folder: Path, identity: dict[str, JsonValue], losses: list[float], objective: Objective, optimizer: Optimizer
) -> None:
    """Write the state after `len(losses)` steps, then remove the one before.

    Raises:
        NotPossibleHere: it cannot be written.
    """
    name = f"step-{len(losses):07d}.safetensors"
    tensors = {f"module.{key}": value for key, value in objective.state_dict().items()} | _optimizer_tensors(optimizer)
    with replacing(folder / name, force=True) as beside:
        save_file({key: value.detach().clone().contiguous() for key, value in tensors.items()}, beside)
    state = RunState(identity=identity, step=len(losses), losses=losses, tensors=name)
    write_json(folder / _STATE, state, force=True)
    for old in folder.glob("step-*.safetensors"):
        if old.name != name:
            old.unlink()


def resume(folder: Path, identity: dict[str, JsonValue], objective: Objective, optimizer: Optimizer) -> list[float]:
    """Put the saved state, if there is one, into the objective and the optimizer.

    Returns:
        The losses of the steps that are done; none without a saved state.

    Raises:
        BadInput: the saved run is another one (what differs is said), or its files are damaged.
    """
    if not (folder / _STATE).is_file():
        return []
    state = read_model(folder / _STATE, RunState)
    _refuse_other_run(folder, state.identity, identity)
    tensors = load_tensors(folder / state.tensors)
    module = {key.removeprefix("module."): value for key, value in tensors.items() if key.startswith("module.")}
    objective.load_state_dict(module)
    _fill_optimizer(optimizer, tensors)
    return list(state.losses)


def saved_precision(folder: Path) -> Precision | None:
    """The precision of the unfinished run, if there is one: the fastest is measured once, not at every resume.

    Raises:
        BadInput: its state is damaged.
    """
    if not (folder / _STATE).is_file():
        return None
    return parse_model(
        read_model(folder / _STATE, RunState).identity, _Identity, where=str(folder / _STATE)
    ).config.precision


def discard_state(folder: Path) -> None:
    """Remove the state of a run that has become a checkpoint, or that is started afresh; nothing else."""
    for file in (folder / _STATE, *folder.glob("step-*.safetensors"), *folder.glob(".*.writing")):
        file.unlink(missing_ok=True)
    with suppress(OSError):  # not there, or somebody's files are in it
        folder.rmdir()


def _refuse_other_run(folder: Path, saved: dict[str, JsonValue], wanted: dict[str, JsonValue]) -> None:
    before, now = _flat(saved), _flat(wanted)
    problems = [
        f"{key}: {before.get(key, 'nothing')} there, {now.get(key, 'nothing')} now"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]
    if problems:
        raise BadInput.several(
            f"{folder} holds an unfinished run with another configuration",
            problems,
            valid="the same command as before goes on with it; with --force it starts afresh",
        )


def _flat(tree: JsonValue, prefix: str = "") -> dict[str, JsonValue]:
    """Nested JSON -> dotted keys."""
    if isinstance(tree, dict):
        return {key: leaf for name, below in tree.items() for key, leaf in _flat(below, f"{prefix}{name}.").items()}
    return {prefix.rstrip("."): tree}


def _optimizer_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    return {f"optimizer.{index}.{name}": value for index, values in state.items() for name, value in values.items()}


def _fill_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
