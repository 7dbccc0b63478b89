"""A bundle's safetensors files, read without trust in what they hold."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from edgeacc.errors import BadInput


def read_arrays(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    """Finite float32 arrays of exactly these names and shapes; nothing is loaded before name, shape and type are right.

    Raises:
        BadInput: not safetensors; other names, shapes or number formats; NaN or infinity.
    """
    wanted = {name: ("F32", [*shape]) for name, shape in shapes.items()}
    try:
        with safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}
            found = {name: (each.get_dtype(), each.get_shape()) for name, each in slices.items()}
            arrays = {name: file.get_tensor(name) for name in found} if found == wanted else {}
    except (SafetensorError, OSError) as error:
        raise BadInput(f"{path} is no safetensors file: {error}") from error
    if found != wanted:
        raise BadInput(f"{path} holds {found}", valid=f"arrays {wanted}")
    if strange := [name for name, array in arrays.items() if not np.isfinite(array).all()]:
        raise BadInput(f"{path}: NaN or infinity in {', '.join(strange)}", valid="finite numbers")
    return arrays
