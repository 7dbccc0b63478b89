"""What a function keeps from call to call: read, and written; `edgeacc.export.coreml.evaluator` keeps it."""

from torch import Tensor


def read_state(*, input: Tensor) -> Tensor:  # MIL's own name
    """The state's value."""
    return input


def update_state(*, state: Tensor, value: Tensor) -> Tensor:
    """The state's new value."""
    return value.reshape(state.shape)
