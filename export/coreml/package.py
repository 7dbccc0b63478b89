"""Read a saved Core ML package back, as plain data: what it computes, in order, with all its constants."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgeacc.errors import BadInput
from edgeacc.export.coreml.toolkit import coremltools
from edgeacc.export.quiet import REFUSALS, contained


@dataclass(frozen=True)
class Ref:
    """The value that the input or an earlier step of the program has under this name."""

    name: str


Constant = Tensor | float | int | bool | str | tuple[int, ...]
"""Arrays of floats (as float32) or bytes are Tensors; whole-number vectors (axes, shapes), rank 0 and text plain."""

Argument = Constant | Ref | tuple[Constant | Ref, ...]


@dataclass(frozen=True)
class Output:
    """What a step produces: a name, and the number format in MIL's words (`fp16`, `fp32`, `int32`, `bool`)."""

    name: str
    dtype: str


@dataclass(frozen=True)
class Step:
    """One operation of the program, with the arguments that the package states (defaults are left out)."""

    operation: str
    name: str
    arguments: Mapping[str, Argument]
    outputs: tuple[Output, ...]


@dataclass(frozen=True)
class Program:
    """One function of a package.

    Attributes:
        inputs: name -> all dimensions, in the order of the package; of one that takes several windows, those of one.
        steps: in the order of computation.
        output_names: in the order of the package.
        states: name -> all dimensions, of what is kept from call to call; zeros at first.
        batches: how many windows its input takes at once, beside one.
    """

    inputs: Mapping[str, tuple[int, ...]]
    steps: tuple[Step, ...]
    output_names: tuple[str, ...]
    states: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    batches: tuple[int, ...] = ()


def read_program(package: Path) -> Program:
    """Read the program of an `.mlpackage` with one function, one input and no state.

    Raises:
        BadInput: missing, damaged, or not a package of that kind.
    """
    return only_program(package, read_functions(package))


def only_program(package: Path, functions: Mapping[str, Program]) -> Program:
    """The program of a package that has this one function alone; raises as `read_program`."""
    program = functions.get("main")
    if len(functions) != 1 or program is None:
        raise BadInput(f"{package} has the functions {', '.join(functions)}", valid="one: main")
    if len(program.inputs) != 1 or program.states or not program.output_names:
        problem = f"{len(program.inputs) + len(program.states)} inputs and {len(program.output_names)} outputs"
        raise BadInput(f"{package} has {problem}", valid="an encoder: one input")
    return program


def read_functions(package: Path) -> dict[str, Program]:
    """Read every function of an `.mlpackage`, by name.

    Raises:
        BadInput: missing, damaged, or not a Core ML program.
    """
    spec, functions = _read(package)
    programs = {name: _program(function) for name, function in functions.items()}
    batches = _batches(spec) if len(programs) == 1 else ()
    return {name: replace(program, batches=batches) for name, program in programs.items()}


def mil_functions(package: Path) -> dict[str, Any]:
    """The functions of an `.mlpackage` by name, as coremltools' own objects; raises as `read_functions`."""
    return _read(package)[1]


def specification_version(package: Path) -> int:
    """Of a package that `read_functions` reads; systems of one age read up to one version."""
    with contained():
        return int(coremltools().models.MLModel(str(package), skip_model_load=True).get_spec().specificationVersion)


def _program(function: Any) -> Program:  # noqa: ANN401
    from coremltools.converters.mil.mil.types import is_state

    shapes = {
        name: tuple(size if isinstance(size, int) else 1 for size in variable.shape)
        for name, variable in function.inputs.items()
    }
    states = {name: shapes[name] for name, variable in function.inputs.items() if is_state(variable.sym_type)}
    inputs = {name: shape for name, shape in shapes.items() if name not in states}
    steps = tuple(_step(operation) for operation in function.operations if operation.op_type != "const")
    return Program(inputs, steps, tuple(output.name for output in function.outputs), states)


def _batches(spec: Any) -> tuple[int, ...]:  # noqa: ANN401
    """Of the enumerated shapes of the first input, the numbers of windows other than one."""
    shapes = spec.description.input[0].type.multiArrayType.enumeratedShapes.shapes
    return tuple(int(each.shape[0]) for each in shapes if each.shape[0] != 1)


def _read(package: Path) -> tuple[Any, dict[str, Any]]:
    if not package.is_dir():
        raise BadInput(f"{package} is not a folder", valid="a Core ML package (.mlpackage)")
    ct = coremltools()
    from coremltools.converters.mil.frontend.milproto.load import load
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        with contained():
            model = ct.models.MLModel(str(package), skip_model_load=True)
            spec = model.get_spec()
            program = load(spec, specification_version=spec.specificationVersion, file_weights_dir=model.weights_dir)
            return spec, dict(program.functions)
    except (*REFUSALS, OSError, DecodeError) as error:
        problem = f"{package} cannot be read as a Core ML package: {type(error).__name__}: {error}"
        raise BadInput(problem, valid="a Core ML program as `edgeacc export --target coreml` writes it") from error


def _step(operation: Any) -> Step:  # noqa: ANN401
    from coremltools.converters.mil.mil.types import builtin_to_string

    arguments = {name: _argument(value) for name, value in operation.inputs.items() if value is not None}
    outputs = tuple(Output(variable.name, builtin_to_string(variable.dtype)) for variable in operation.outputs)
    return Step(operation.op_type, operation.name, arguments, outputs)


def _argument(value: Any) -> Argument:  # noqa: ANN401
    if isinstance(value, list | tuple):
        return tuple(_single(each) for each in value)
    return _single(value)


def _single(variable: Any) -> Constant | Ref:  # noqa: ANN401
    if variable.op is None or variable.op.op_type != "const":
        return Ref(variable.name)
    return constant(variable.val)


def constant(value: Any) -> Constant:  # noqa: ANN401
    """A constant of coremltools (NumPy array or scalar, or text) in our terms; 16-bit floats become 32-bit exactly."""
    if isinstance(value, str):
        return value
    array = np.asarray(value)
    if array.dtype.kind == "f":
        return torch.from_numpy(array.astype(np.float32)) if array.ndim else float(array)
    if array.ndim == 0:
        return bool(array) if array.dtype.kind == "b" else int(array)
    is_data = array.dtype in (np.int8, np.uint8) or array.ndim > 1
    return torch.from_numpy(array.copy()) if is_data else tuple(array.tolist())
