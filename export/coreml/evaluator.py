"""Evaluate the program of a Core ML package in PyTorch, with the rounding that the program declares.

Every value that the program declares as `fp16` is rounded to 16 bits as soon as an operation has produced it; inside an
operation, 32-bit arithmetic is used. How Core ML accumulates inside an operation is not published and may differ: it is
a reference for what the artifact means, not a simulation of one chip, and its speed says nothing about a watch.
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

FLOATS = {"fp16": torch.float16, "fp32": torch.float32}


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
        self._constants: dict[str, Tensor] = {}
        self._steps: list[Step] = []
        for step in program.steps:
            if _names(step) <= self._constants.keys():
                self._constants |= evaluate(step, self._constants)
            else:
                self._steps.append(step)

    def __call__(self, acc_BCT: NDArray[np.float32]) -> Outputs:
        """Embed windows of exactly the program's input shape, usually (1, 3, T): its outputs, float32.

        Raises:
            BadInput: another shape.
        """
        if acc_BCT.shape != self._program.input_shape:
            raise BadInput(f"a window of shape {acc_BCT.shape}", valid=f"{self._program.input_shape}")
        values = {**self._constants, self._program.input_name: torch.from_numpy(np.ascontiguousarray(acc_BCT)).float()}
        with torch.inference_mode():
            for step in self._steps:
                values |= evaluate(step, values)
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
    return value.to(FLOATS[output.dtype]).float()


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
    formats = {output.dtype for output in step.outputs} - FLOATS.keys()
    return [
        *(f"operation {step.operation!r} with argument {name!r}" for name in sorted(unknown)),
        *(f"operation {step.operation!r} without argument {name!r}" for name in sorted(missing)),
        *(f"operation {step.operation!r} that gives {name}" for name in sorted(formats)),
    ]
