"""Variables of a MATLAB file: v5 (also v6, v7: compressed) by an own reader, v7.3 (HDF5) by h5py.

v5, after the "MAT-File Format" document of The MathWorks: a header of 128 bytes, then elements with a tag of type and
size; a matrix holds its flags, dimensions, name and numbers; a struct or cell holds matrices. Only numbers, texts,
structs and cells are read; objects, functions and sparse matrices are refused. Nothing is executed.

Bounds: an element must lie within its file; a compressed one is unpacked in steps up to `MOST_TIMES` its size; an
array's dimensions must be those of its bytes; structs nest `DEEPEST` deep at most.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from edgeacc.errors import BadInput
from edgeacc.recordings import hdf5

VALID = "a whole MATLAB file with numbers, structs and cells"
MOST_TIMES, AT_LEAST_BYTES = 200, 1 << 24
"""Largest unpacked size of a variable, as a multiple of its packed size, and what is allowed in any case (our choice:
deflate cannot pack more than 1032 times, signals pack 2 to 10 times)."""
MOST_BYTES = 1 << 29
"""Of a variable unpacked in any case (our choice; a site of WildPPG is about 300 MB)."""
DEEPEST = 8
MOST_PARTS = 100_000
LONGEST_HEAD = 1024
"""Bytes that hold a matrix' flags, dimensions and name."""
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_KINDS = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
    16: "u1",
    17: "u2",
}
_MATRIX, _PACKED = 14, 15
_CELL, _STRUCT, _TEXT = 1, 2, 4
_NUMBERS = range(6, 16)
_REFUSED = {3: "an object", 5: "a sparse matrix", 16: "a function", 17: "an opaque object"}


class _Part(NamedTuple):
    """An element's type and bytes, and the place behind it."""

    kind: int
    content: memoryview
    end: int


class Matlab:
    """One file: `names` are its variables, `value` reads one."""

    def __init__(self, path: Path) -> None:
        """Read the header.

        Raises:
            BadInput: it is no MATLAB file, or is cut off.
        """
        self.path = path
        self.version = version(path)
        if self.version is None:
            raise BadInput(f"{path}: the first 128 bytes are no MATLAB header", valid=VALID)
        self._parts = 0
        self._found: dict[str, _Part] = {}
        if self.version == 5:
            raw = np.memmap(path, np.uint8, "r").data
            self._order = "<" if bytes(raw[126:128]) == b"IM" else ">"
            self._found = dict(self._variables(raw))
            self.names = list(self._found)
        else:
            self.names = hdf5.names(path)

    def value(self, name: str) -> Any:  # noqa: ANN401 -- whatever the file holds
        """A variable: an array, a str, a dict for a struct (one entry), a list for a cell or an array of structs.

        Raises:
            BadInput: it holds something else, or is malformed.
        """
        if self.version != 5:
            return hdf5.value(self.path, name)
        part = self._found[name]
        if part.kind == _PACKED:
            part = self._part(memoryview(self._unpacked(part.content, name)), 0, name)
        return self._matrix(part.content, name, 0)[1]

    def _wrong(self, where: str, told: str) -> BadInput:
        return BadInput(f"{self.path}: {where}: {told}", valid=VALID)

    def _variables(self, raw: memoryview) -> Iterator[tuple[str, _Part]]:
        """Each variable's name and element; of a compressed one no more is unpacked than its name needs."""
        at = 128
        while at < len(raw):
            where = f"the element at byte {at}"
            part = self._part(raw, at, where)
            at = part.end
            begin = part.content
            if part.kind == _PACKED:
                begin = memoryview(self._begin(part.content, where))
                if len(begin) < 8 or struct.unpack(f"{self._order}I", begin[:4])[0] != _MATRIX:
                    raise self._wrong(where, "no matrix within a compressed element")
                begin = begin[8:]
            elif part.kind != _MATRIX:
                raise self._wrong(where, f"type {part.kind}, not a variable")
            name = self._head(begin, where)[3]
            if name:  # what has no name belongs to MATLAB itself
                yield name, part

    def _begin(self, packed: memoryview, where: str) -> bytes:
        try:
            return zlib.decompressobj().decompress(packed, LONGEST_HEAD)
        except zlib.error as error:
            raise self._wrong(where, f"compressed bytes: {error}") from error

    def _unpacked(self, packed: memoryview, where: str) -> bytes:
        most = min(max(MOST_TIMES * len(packed), AT_LEAST_BYTES), MOST_BYTES)
        stream = zlib.decompressobj()
        try:
            unpacked = stream.decompress(packed, most)
        except zlib.error as error:
            raise self._wrong(where, f"compressed bytes: {error}") from error
        if not stream.eof:
            told = (
                f"it unpacks to more than {most} bytes" if len(unpacked) >= most else "the compressed bytes end early"
            )
            raise self._wrong(where, told)
        return unpacked

    def _part(self, raw: memoryview, at: int, where: str) -> _Part:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise self._wrong(where, f"more than {MOST_PARTS} elements")
        if len(raw) - at < 8:
            raise self._wrong(where, "the file ends within a tag")
        kind, size = struct.unpack(f"{self._order}II", raw[at : at + 8])
        start = at + 8
        if kind >> 16:  # a small element: its size and content within the tag
            kind, size, start = kind & 0xFFFF, kind >> 16, at + 4
            if size > 4:
                raise self._wrong(where, f"a small element of {size} bytes")
        if size > len(raw) - start:
            raise self._wrong(where, f"{size} bytes are announced, {len(raw) - start} are there")
        end = start + size if kind == _PACKED else at + 8 * math.ceil((start - at + size) / 8)
        return _Part(kind, raw[start : start + size], end)

    def _numbers(self, raw: memoryview, at: int, where: str) -> tuple[np.ndarray[Any, np.dtype[Any]], int]:
        part = self._part(raw, at, where)
        if part.kind not in _KINDS:
            raise self._wrong(where, f"numbers of type {part.kind}")
        kind = np.dtype(self._order + _KINDS[part.kind])
        if len(part.content) % kind.itemsize:
            raise self._wrong(where, f"{len(part.content)} bytes of {kind} numbers")
        return np.frombuffer(part.content, kind), part.end

    def _head(self, raw: memoryview, where: str) -> tuple[int, int, tuple[int, ...], str, int]:
        """A matrix' class, flags, dimensions, name, and the place behind them."""
        flags, at = self._numbers(raw, 0, where)
        sides, at = self._numbers(raw, at, where)
        name, at = self._numbers(raw, at, where)
        if len(flags) < 1 or flags.dtype.itemsize != 4 or not 1 <= len(sides) <= 8 or sides.dtype.kind not in "iu":
            raise self._wrong(where, "no flags or no dimensions")
        if len(name) > 64 or name.dtype.itemsize != 1 or (sides < 0).any():
            raise self._wrong(where, "a name or dimensions that cannot be")
        shape = tuple(int(side) for side in sides)
        return int(flags[0]) & 0xFF, int(flags[0]) >> 8 & 0xFF, shape, name.tobytes().decode("latin-1"), at

    def _matrix(self, raw: memoryview, where: str, depth: int) -> tuple[str, Any]:
        if not len(raw):  # an empty cell's content
            return "", np.empty((0, 0))
        kind, flags, shape, name, at = self._head(raw, where)
        if kind in _REFUSED or depth > DEEPEST:
            raise self._wrong(where, f"it is {_REFUSED.get(kind, f'nested more than {DEEPEST} deep')}")
        count = math.prod(shape)
        if kind == _CELL:
            return name, self._cells(raw, at, count, where, depth)[0]
        if kind == _STRUCT:
            return name, self._structs(raw, at, count, where, depth)
        if kind not in _NUMBERS and kind != _TEXT:
            raise self._wrong(where, f"class {kind} is not known")
        if flags & 0x08:
            raise self._wrong(where, "complex numbers")
        numbers, _ = self._numbers(raw, at, where)
        if len(numbers) != count:
            raise self._wrong(where, f"dimensions {shape} for {len(numbers)} numbers")
        if kind == _TEXT:
            return name, "".join(chr(int(one)) for one in numbers[:1000])
        return name, numbers.reshape(shape, order="F")

    def _cells(self, raw: memoryview, at: int, count: int, where: str, depth: int) -> tuple[list[Any], int]:
        values = []
        for number in range(count):
            inner = f"{where}[{number}]"
            part = self._part(raw, at, inner)
            if part.kind != _MATRIX:
                raise self._wrong(inner, f"type {part.kind} in place of a matrix")
            values.append(self._matrix(part.content, inner, depth + 1)[1])
            at = part.end
        return values, at

    def _structs(self, raw: memoryview, at: int, count: int, where: str, depth: int) -> Any:  # noqa: ANN401
        width, at = self._numbers(raw, at, where)
        names, at = self._numbers(raw, at, where)
        if len(width) != 1 or not 1 <= int(width[0]) <= 64 or names.dtype.itemsize != 1 or len(names) % int(width[0]):
            raise self._wrong(where, "names of fields that cannot be")
        step, text = int(width[0]), names.tobytes()
        fields = [text[at : at + step].split(b"\0")[0].decode("latin-1") for at in range(0, len(text), step)]
        values: list[dict[str, Any]] = []
        for number in range(count if fields else 0):
            one: dict[str, Any] = {}
            for field in fields:
                inner = f"{where}({number}).{field[:20]}" if count > 1 else f"{where}.{field[:20]}"
                part = self._part(raw, at, inner)
                if part.kind != _MATRIX:
                    raise self._wrong(inner, f"type {part.kind} in place of a matrix")
                one[field], at = self._matrix(part.content, inner, depth + 1)[1], part.end
            values.append(one)
        return values[0] if len(values) == 1 else values


def version(path: Path) -> int | None:
    """5 for v5 to v7, 7 for v7.3 (HDF5), None for any other file."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            head = file.read(520)
    except OSError:
        return None
    if len(head) >= 128 and head[124:128] in (b"\x00\x01IM", b"\x01\x00MI"):
        return 5
    if (len(head) >= 520 and head[512:520] == HDF5_MAGIC) and head[124:128] in (b"\x00\x02IM", b"\x02\x00MI"):
        return 7
    return None
