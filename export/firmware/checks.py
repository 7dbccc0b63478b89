"""What handlers of operators ask of a file's claims."""

from collections.abc import Sequence

from edgeacc.errors import BadInput
from edgeacc.export.firmware.graph import Operator, Tensor
from edgeacc.export.firmware.lower import Lowering


def refusal(operator: Operator, what: str, valid: str) -> BadInput:
    """The error for an operator in a form that the runtime lacks."""
    return BadInput(f"operator {operator.index}, {operator.name}: {what}", valid=valid)


def require_shape(operator: Operator, output: Tensor, *possible: Sequence[int]) -> None:
    """A file's shapes are claims: they must be what the operator gives.

    Raises:
        BadInput: they are not.
    """
    if output.shape not in [tuple(each) for each in possible]:
        raise refusal(operator, f"an output of {output.shape}", f"{tuple(possible[0])}, as its inputs give")


def constants(state: Lowering, operator: Operator, place: int) -> list[int]:
    """An input that must be constant int32, flat.

    Raises:
        BadInput: it is not.
    """
    tensor = state.tensor(operator.inputs[place])
    if tensor.data is None or tensor.type != "int32":
        raise refusal(operator, f"input {place} is computed", "constant int32")
    return [int(value) for value in tensor.data.reshape(-1)]
