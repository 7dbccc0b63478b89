"""Inputs of a firmware from an .npy, and its outputs back into one: int8 as the model stores it, or real numbers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeacc.errors import BadInput
from edgeacc.export.firmware.compile import Port
from edgeacc.files import replacing

SEED = 0


def read_inputs(path: Path, port: Port) -> list[bytes]:
    """The inputs of one or more inferences.

    Args:
        path: an .npy of the input's shape, or of it with another number of rows, one an inference; int8 is taken as
            it is, real numbers are rounded to the input's scale.
        port: the model's input.

    Raises:
        BadInput: no .npy, another shape or type, or a number that is not finite.
    """
    try:
        with path.open("rb") as stream:
            array = np.lib.format.read_array(stream, allow_pickle=False)
    except FileNotFoundError as error:
        raise BadInput(f"{path} does not exist") from error
    except (OSError, ValueError, EOFError, OverflowError, MemoryError) as error:
        raise BadInput(f"{path} is no .npy of numbers", valid="a file that numpy.save wrote") from error
    if array.ndim != len(port.shape) or array.shape[1:] != port.shape[1:]:
        rows = ", ".join(["N", *map(str, port.shape[1:])])
        raise BadInput(f"{path} holds an array of {array.shape}", valid=f"an array of ({rows}), N inferences")
    if not len(array):
        raise BadInput(f"{path} holds no input", valid="one or more")
    return [stored(one, port).tobytes() for one in array]


def drawn_input(port: Port) -> bytes:
    """An input of random values; how much is executed depends on them by next to nothing."""
    rng = np.random.default_rng(SEED)
    return rng.integers(-128, 128, int(np.prod(port.shape)), dtype=np.int8).tobytes()


def stored(array: NDArray[np.generic], port: Port) -> NDArray[np.int8]:
    """An array as the model's int8.

    Raises:
        BadInput: neither int8 nor real numbers, or a number that is not finite.
    """
    if array.dtype == np.int8:
        return array.astype(np.int8)
    if not np.issubdtype(array.dtype, np.floating):
        raise BadInput(f"inputs of type {array.dtype}", valid="int8 or real numbers")
    real = array.astype(np.float64)
    if not np.isfinite(real).all():
        raise BadInput("NaN or infinity in the inputs", valid="finite numbers")
    return np.clip(np.round(real / port.scale) + port.zero_point, -128, 127).astype(np.int8)


def write_outputs(path: Path, outputs: Sequence[bytes], port: Port, *, force: bool) -> None:
    """Write int8 outputs, one row an inference, of the output's shape.

    Raises:
        BadInput: `path` exists and `force` is not set.
    """
    rows = [np.frombuffer(one, np.int8).reshape(port.shape[1:]) for one in outputs]
    with replacing(path, force=force) as beside, beside.open("wb") as stream:
        np.save(stream, np.stack(rows))
