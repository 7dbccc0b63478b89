"""Arrays as a pickle describes them, and their numbers: the second half of `edgeacc.recordings.pickled`."""

import codecs
import math
import mmap
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeacc.errors import BadInput

_NUMBERS = re.compile(r"[fiub][1248]")


class Known(NamedTuple):
    """One of the names that NumPy writes; only compared, never called."""

    what: str


@dataclass
class DType:
    """A number's type as NumPy writes it, such as `f8`, and its byte order."""

    code: str
    order: str = "<"


@dataclass(frozen=True)
class Long:
    """A long text or bytes, still in the file."""

    start: int
    stop: int
    form: Literal["bytes", "escaped", "utf-8", "raw-unicode-escape"]


@dataclass
class Array:
    """An array as described: nothing is read before `Pickle.numbers`."""

    shape: Any = None
    dtype: Any = None
    fortran: bool = False
    raw: Any = None


def numbers(path: Path, data: mmap.mmap, array: object, name: str) -> NDArray[Any]:
    """The content of an array, copied out of the file.

    Args:
        path: of the pickle.
        data: its bytes.
        array: from `Pickle.value`.
        name: of the array, for errors.

    Raises:
        BadInput: it is no array of numbers, or its shape is not that of its bytes.
    """
    if not isinstance(array, Array) or not isinstance(array.dtype, DType):
        raise BadInput(f"{path}: {name} is no array", valid="a NumPy array of numbers")
    if not _NUMBERS.fullmatch(array.dtype.code):
        raise BadInput(f"{path}: {name} is an array of {array.dtype.code[:20]!r}", valid="numbers")
    shape = array.shape
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise BadInput(f"{path}: {name} has no shape", valid="a tuple of lengths")
    raw = _bytes(path, data, array.raw, name)
    kind = np.dtype(array.dtype.order + array.dtype.code)
    if len(shape) > 3 or math.prod(shape) * kind.itemsize != len(raw):
        told = f"{name} claims {len(shape)} dimension(s), {_short(math.prod(shape))} x {kind.itemsize} bytes"
        raise BadInput(f"{path}: {told}, but {len(raw)} bytes are there", valid="as many bytes as the shape says")
    return np.frombuffer(raw, kind).reshape(shape, order="F" if array.fortran else "C").copy()


def _bytes(path: Path, data: mmap.mmap, raw: object, name: str) -> bytes:
    if isinstance(raw, bytes):
        return raw
    try:
        if isinstance(raw, str):
            return raw.encode("latin-1")
        if isinstance(raw, Long):
            content = data[raw.start : raw.stop]
            if raw.form == "bytes":
                return content
            if raw.form == "escaped":
                return unescaped(content)
            return content.decode(raw.form).encode("latin-1")
    except ValueError as error:  # Unicode's errors are of this kind
        raise BadInput(f"{path}: the bytes of {name}: {error}"[:300], valid="the bytes of an array") from error
    raise BadInput(f"{path}: {name} has no bytes", valid="the bytes of an array")


def unescaped(raw: bytes) -> bytes:
    """The bytes that a repr stands for; ValueError for an escape that no repr has."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return bytes(codecs.escape_decode(raw)[0])
        except DeprecationWarning as error:
            raise ValueError(str(error)) from error


def _short(count: int) -> str:
    return str(count) if count < 10**18 else "more than 10^18"
