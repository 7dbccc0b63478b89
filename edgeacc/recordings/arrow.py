"""Numbers between Arrow and NumPy without pandas, which pyarrow's own ways import: 60 MB and half a second."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def numbers(column: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """A column of numbers, (N,) of its own type; missing ones are NaN, where whole numbers become float64."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not array.null_count:
        return _plain(array)
    values = np.array(_plain(array), None if pa.types.is_floating(array.type) else np.float64)
    values[_plain(array.is_null().cast(pa.uint8())) == 1] = np.nan
    return values


def column(values: NDArray[Any]) -> pa.Array:
    """The reverse of `numbers`, for (N,) values of which none is missing; the memory is shared."""
    plain = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(plain.dtype), len(plain), [None, pa.py_buffer(plain)])


def _plain(array: pa.Array) -> NDArray[Any]:
    """The values as they lie in memory, whatever stands where one is missing; read-only."""
    kind = np.dtype(array.type.to_pandas_dtype())
    if not len(array):
        return np.empty(0, kind)
    return np.frombuffer(array.buffers()[1], kind, len(array), array.offset * kind.itemsize)
