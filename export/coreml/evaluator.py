"""Evaluate the program of a Core ML package in PyTorch, with the rounding that the program declares.

Every value that the program declares as `fp16` is rounded to 16 bits as soon as an operation has produced it; inside an
operation, 32-bit arithmetic is used. Between `quantize` and `dequantize` values are the whole numbers of `int8` or
`uint8`, held in 32-bit float, which has them all. How Core ML accumulates inside an operation is not published and may
differ: it is a reference for what the artifact means, not a simulation of one chip, and its speed says nothing about a
watch.
"""

import inspect
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgeacc.errors import BadInput
from edgeacc.export.coreml.operations import OPERATIONS
from edgeacc.export.coreml.package import Argument, Output, Program, Ref, Step
from edgeacc.export.exporter import Outputs

UPDATE_STATE = "coreml_update_state"
FORMATS = {"fp16": torch.float16, "fp32": torch.float32, "int8": torch.int8, "uint8": torch.uint8}
WHOLE = ("int8", "uint8")
GIVE_WHOLE = ("concat", "expand_dims", "quantize", "reshape", "slice_by_index", "split", "squeeze", "transpose")
"""What gives whole numbers within the range of their format: `quantize`, and what only moves them."""


class Evaluator:
    """A program, ready to be called with one window after another.

    Operations whose arguments are all constants (unpacking compressed weights) are computed once, when it is made.
    """

    def __init__(self, program: Program) -> None:
        """Check that everything in the program is known, and compute what is constant.

        Raises:
            BadInput: operations, arguments or number formats that this evaluator does not know, all of them by name.
        """
        _refuse_unknown(program.steps)
        self._program = program
        self._states = {name: torch.zeros(shape) for name, shape in program.states.items()}
        self._constants: dict[str, Tensor] = {}
        self._steps: list[Step] = []
        for step in program.steps:
            if _names(step) <= self._constants.keys():
                self._constants |= evaluate(step, self._constants)
            else:
                self._steps.append(step)

    def __call__(self, *inputs: NDArray[np.float32]) -> Outputs:
        """Compute from inputs of the program's shapes, usually one window (1, 3, T): its outputs, float32.

        Raises:
            BadInput: another shape.
        """
        given = dict(zip(self._program.inputs, inputs, strict=True))
        for name, shape in self._program.inputs.items():
            possible = [shape, *((count, *shape[1:]) for count in self._program.batches)]
            if given[name].shape not in possible:
                raise BadInput(f"a window of shape {given[name].shape}", valid=" or ".join(map(str, possible)))
        values = {name: torch.from_numpy(np.ascontiguousarray(each)).float() for name, each in given.items()}
        values = {**self._constants, **self._states, **values}
        with torch.inference_mode():
            for step in self._steps:
                values |= evaluate(step, values)
                if step.operation == UPDATE_STATE:
                    values[_state(step)] = values[step.outputs[0].name]
        self._states = {name: values[name] for name in self._states}
        return tuple(values[name].numpy() for name in self._program.output_names)


def evaluate(step: Step, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Compute one step from the values so far: its outputs by name, rounded as the program declares them."""
    arguments = {name: _resolve(argument, values) for name, argument in step.arguments.items()}
    results = OPERATIONS[step.operation](**arguments)
    if isinstance(results, Tensor):
        results = (results,)
    pairs = zip(step.outputs, results, strict=True)
    return {output.name: _rounded(result, output) for output, result in pairs}


def _rounded(value: Tensor, output: Output) -> Tensor:
    return value.to(FORMATS[output.dtype]).float()


def _state(step: Step) -> str:
    state = step.arguments["state"]
    if not isinstance(state, Ref):
        raise BadInput(f"operation {step.operation!r} of a constant at {step.name!r}", valid="a state of the function")
    return state.name


def _resolve(argument: Argument, values: Mapping[str, Tensor]) -> object:
    if isinstance(argument, Ref):
        return values[argument.name]
    if isinstance(argument, tuple):
        return tuple(_resolve(each, values) for each in argument)
    return argument


def _names(step: Step) -> set[str]:
    """Names of the values that a step needs."""
    several = (argument if isinstance(argument, tuple) else (argument,) for argument in step.arguments.values())
    return {each.name for arguments in several for each in arguments if isinstance(each, Ref)}


def _refuse_unknown(steps: Sequence[Step]) -> None:
    problems = list(dict.fromkeys(problem for step in steps for problem in _problems(step)))
    if problems:
        known = ", ".join(sorted(OPERATIONS))
        raise BadInput.several("the evaluator does not know all of this Core ML program", problems, valid=known)


def _problems(step: Step) -> list[str]:
    if step.operation not in OPERATIONS:
        return [f"operation {step.operation!r}, first at {step.name!r}"]
    taken = inspect.signature(OPERATIONS[step.operation]).parameters.values()
    missing = {each.name for each in taken if each.default is each.empty} - step.arguments.keys()
    unknown = step.arguments.keys() - {each.name for each in taken}
    known = FORMATS.keys() if step.operation in GIVE_WHOLE else FORMATS.keys() - WHOLE
    formats = {output.dtype for output in step.outputs} - known
    return [
        *(f"operation {step.operation!r} with argument {name!r}" for name in sorted(unknown)),
        *(f"operation {step.operation!r} without argument {name!r}" for name in sorted(missing)),
        *(f"operation {step.operation!r} that gives {name}" for name in sorted(formats)),
    ]
