"""The data in a pickle, without running it: dicts, lists, tuples, texts, numbers and NumPy arrays.

A pickle is a program for a stack machine. Python's own reader calls whatever the program names; this one has no way to
call anything: a name is looked up in `_NAMES`, which holds what NumPy writes to describe an array, and all others are
refused, with the opcodes that make other objects. It reads protocols 0 to 5 (Python's `pickletools` documents the
opcodes), also those of Python 2, whose texts are taken as Latin-1.

Bounds: nothing is allocated by what the file claims. The file is mapped, long texts stay where they are until an array
is asked for, an array's shape must be that of its bytes, and the program has at most `MOST_STEPS` steps.
"""

import mmap
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

from numpy.typing import NDArray

from edgeacc.errors import BadInput
from edgeacc.recordings.binary import short
from edgeacc.recordings.pickled_arrays import Array, DType, Known, Long, numbers, unescaped

MOST_STEPS = 1_000_000
"""Our choice; a file of WESAD or PPG-DaLiA needs some hundreds (our estimate: two dozen arrays, a few steps each)."""
LONGEST_TEXT = 4096
"""Longer texts are never names or keys: they stay in the file."""
LONGEST_NUMBER = 64
VALID = "dicts, lists, texts, numbers and NumPy arrays only; nothing of the file was run"
_NAMES = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): "array" for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): "scalar" for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): "buffer" for core in ("core", "_core")},
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
}
_REFUSED = {
    **{b"P": "PERSID", b"Q": "BINPERSID", b"i": "INST", b"o": "OBJ", b"\x81": "NEWOBJ", b"\x92": "NEWOBJ_EX"},
    **{b"\x82": "EXT1", b"\x83": "EXT2", b"\x84": "EXT4", b"\x8f": "EMPTY_SET", b"\x90": "ADDITEMS"},
    **{b"\x91": "FROZENSET", b"\x97": "NEXT_BUFFER", b"\x98": "READONLY_BUFFER"},
}


@contextmanager
def opened(path: Path) -> Iterator["Pickle"]:
    """The pickle in a file.

    Raises:
        BadInput: the file cannot be opened or is empty.
    """
    try:
        if path.stat().st_size == 0:
            raise BadInput(f"{path} is empty", valid="a whole pickle")
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield Pickle(path, data)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", valid="a file that can be read") from error


class Pickle:
    """One pickle: `value` gives its dicts, lists, texts and numbers, `numbers` the content of an array in it."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        """Take a mapped file."""
        self.path = path
        self._data = data
        self._at = 0
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def value(self) -> Any:  # noqa: ANN401 -- whatever the file holds
        """Build the value that the pickle describes; arrays in it are `Array`.

        Raises:
            BadInput: the file names or makes something else, ends early or is malformed: at which byte.
        """
        for _ in range(MOST_STEPS):
            opcode = self._take(1)
            if opcode == b".":
                return self._pop()
            if opcode in _REFUSED:
                raise self._wrong(f"opcode {_REFUSED[opcode]}, which makes an object")
            step = self._STEPS.get(opcode)
            if step is None:
                raise self._wrong(f"{opcode!r} is no opcode of a pickle")
            step(self)
        raise self._wrong(f"more than {MOST_STEPS:,} steps")

    def mentions(self, *words: bytes) -> bool:
        """Whether each of the words occurs in the file."""
        return all(self._data.find(word) >= 0 for word in words)

    def numbers(self, array: object, name: str) -> NDArray[Any]:
        """`edgeacc.recordings.pickled_arrays.numbers` of an array in this file."""
        return numbers(self.path, self._data, array, name)

    def _wrong(self, told: str) -> BadInput:
        return BadInput(f"{self.path}, byte {self._at}: {told}", valid=VALID)

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise self._wrong(f"the file ends, {count} byte(s) more were announced")
        self._at += count
        return taken

    def _unsigned(self, width: int) -> int:
        return int.from_bytes(self._take(width), "little")

    def _line(self, most: int) -> bytes:
        end = self._data.find(b"\n", self._at, self._at + most + 1)
        if end < 0:
            raise self._wrong(f"no end of line within {most} bytes")
        line = self._data[self._at : end]
        self._at = end + 1
        return line

    def _pop(self) -> Any:  # noqa: ANN401
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise self._wrong("nothing is left to take")
        return self._stack.pop()

    def _top(self, kind: type, what: str) -> Any:  # noqa: ANN401
        if not self._stack or type(self._stack[-1]) is not kind:
            raise self._wrong(f"no {what} to add to")
        return self._stack[-1]

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _mark(self) -> None:
        self._marks.append(len(self._stack))

    def _to_mark(self) -> list[Any]:
        if not self._marks:
            raise self._wrong("no mark")
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def _set(self, pairs: list[Any]) -> None:
        target = self._top(dict, "dict")
        if len(pairs) % 2:
            raise self._wrong("a key without a value")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if not isinstance(key, str | int | bytes):
                raise self._wrong(f"a key of type {type(key).__name__}")
            target[key] = value

    def _pushed_dict(self) -> None:
        items = self._to_mark()
        self._push({})
        self._set(items)

    def _item(self) -> None:
        value = self._pop()
        self._set([self._pop(), value])

    def _tuple(self, count: int) -> None:
        items = [self._pop() for _ in range(count)]
        self._push(tuple(reversed(items)))

    def _append(self, items: list[Any]) -> None:
        self._top(list, "list").extend(items)

    def _text(self, width: int, form: Literal["bytes", "utf-8"], *, text: bool) -> None:
        """A counted text; the short ones at once."""
        count = self._unsigned(width)
        start = self._at
        if count > len(self._data) - start:
            raise self._wrong(f"a text of {count} bytes, the file has {len(self._data) - start} more")
        self._at += count
        if count > LONGEST_TEXT:
            self._push(Long(start, self._at, form))
        else:
            self._push(self._short(self._data[start : self._at], "utf-8" if form == "utf-8" else "latin-1", text))

    def _short(self, content: bytes, encoding: str, text: bool) -> str | bytes:
        try:
            return content.decode(encoding) if text else content
        except UnicodeDecodeError as error:
            raise self._wrong(f"a text that is not {encoding}") from error

    def _quoted(self) -> None:
        """Protocol 0's text of Python 2, as its repr."""
        line_at, line = self._at, self._line(len(self._data))
        if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
            raise self._wrong("a text without its quotes")
        if len(line) > LONGEST_TEXT:
            self._push(Long(line_at + 1, line_at + len(line) - 1, "escaped"))
            return
        try:
            self._push(unescaped(line[1:-1]).decode("latin-1"))
        except ValueError as error:
            raise self._wrong("a text with a wrong escape") from error

    def _unicode(self) -> None:
        line_at, line = self._at, self._line(len(self._data))
        if len(line) > LONGEST_TEXT:
            self._push(Long(line_at, line_at + len(line), "raw-unicode-escape"))
        else:
            self._push(self._short(line, "raw-unicode-escape", True))

    def _decimal(self, kind: type[int] | type[float]) -> None:
        line = self._line(LONGEST_NUMBER)
        if line in (b"00", b"01") and kind is int:  # protocol 0's False and True
            self._push(line == b"01")
            return
        try:
            self._push(kind(line.rstrip(b"L")))
        except ValueError as error:
            raise self._wrong("a number that is none") from error

    def _integer(self, width: int) -> None:
        count = self._unsigned(width)
        if count > LONGEST_NUMBER:
            raise self._wrong(f"a whole number of {count} bytes")
        self._push(int.from_bytes(self._take(count), "little", signed=True))

    def _decimal_place(self) -> int:
        line = self._line(LONGEST_NUMBER)
        if not line.isdigit():
            raise self._wrong("a place that is no number")
        return int(line)

    def _put(self, place: int) -> None:
        if not self._stack:
            raise self._wrong("nothing to remember")
        self._memo[place] = self._stack[-1]

    def _get(self, place: int) -> None:
        if place not in self._memo:
            raise self._wrong(f"nothing was remembered as {place}")
        self._push(self._memo[place])

    def _name(self, module: object, name: object) -> None:
        known = _NAMES.get((module, name)) if isinstance(module, str) and isinstance(name, str) else None
        if known is None:
            raise self._wrong(f"it names {short(module)}.{short(name)}, which is no data")
        self._push(Known(known))

    def _global(self) -> None:
        module, name = (self._line(LONGEST_TEXT).decode("latin-1") for _ in range(2))
        self._name(module, name)

    def _stack_global(self) -> None:
        name = self._pop()
        self._name(self._pop(), name)

    def _reduce(self) -> None:
        given, what = self._pop(), self._pop()
        if not isinstance(what, Known) or not isinstance(given, tuple):
            raise self._wrong("opcode REDUCE on something that is not NumPy's")
        match what.what, given:
            case "array", (Known("ndarray"), *_):
                self._push(Array())
            case "dtype", (str() as code, *_):
                self._push(DType(code))
            case "encode", (str() | bytes() | Long() as content, "latin1" | "latin-1"):
                self._push(content)
            case "scalar", (DType() as kind, content):
                self._push(Array((), kind, False, content))
            case "buffer", (content, DType() as kind, tuple() as shape, order):
                self._push(Array(shape, kind, order == "F", content))
            case _:
                raise self._wrong(f"opcode REDUCE: {what.what} with other arguments than NumPy's")

    def _build(self) -> None:
        state = self._pop()
        if not self._stack or not isinstance(state, tuple):
            raise self._wrong("opcode BUILD without a state")
        target = self._stack[-1]
        match target, state:
            case Array(), (int(), tuple() as shape, DType() as kind, fortran, content):
                target.shape, target.dtype, target.fortran, target.raw = shape, kind, bool(fortran), content
            case DType(), (int(), "<" | ">" | "|" | "=" as order, *_):
                target.order = order
            case _:
                raise self._wrong(f"opcode BUILD on {type(target).__name__} with another state than NumPy's")

    def _frame(self) -> None:
        self._take(8)

    _STEPS: ClassVar[dict[bytes, Callable[["Pickle"], object]]] = {
        b"(": _mark,
        b"0": _pop,
        b"1": _to_mark,
        b"2": lambda self: self._push(self._stack[-1] if self._stack else None),
        b"F": lambda self: self._decimal(float),
        b"I": lambda self: self._decimal(int),
        b"L": lambda self: self._decimal(int),
        b"J": lambda self: self._push(int.from_bytes(self._take(4), "little", signed=True)),
        b"K": lambda self: self._push(self._unsigned(1)),
        b"M": lambda self: self._push(self._unsigned(2)),
        b"G": lambda self: self._push(struct.unpack(">d", self._take(8))[0]),
        b"N": lambda self: self._push(None),
        b"\x88": lambda self: self._push(True),
        b"\x89": lambda self: self._push(False),
        b"\x8a": lambda self: self._integer(1),
        b"\x8b": lambda self: self._integer(4),
        b"S": _quoted,
        b"T": lambda self: self._text(4, "bytes", text=True),
        b"U": lambda self: self._text(1, "bytes", text=True),
        b"V": _unicode,
        b"X": lambda self: self._text(4, "utf-8", text=True),
        b"\x8c": lambda self: self._text(1, "utf-8", text=True),
        b"\x8d": lambda self: self._text(8, "utf-8", text=True),
        b"B": lambda self: self._text(4, "bytes", text=False),
        b"C": lambda self: self._text(1, "bytes", text=False),
        b"\x8e": lambda self: self._text(8, "bytes", text=False),
        b"\x96": lambda self: self._text(8, "bytes", text=False),
        b"]": lambda self: self._push([]),
        b"}": lambda self: self._push({}),
        b")": lambda self: self._push(()),
        b"l": lambda self: self._push(self._to_mark()),
        b"t": lambda self: self._push(tuple(self._to_mark())),
        b"\x85": lambda self: self._tuple(1),
        b"\x86": lambda self: self._tuple(2),
        b"\x87": lambda self: self._tuple(3),
        b"d": _pushed_dict,
        b"a": lambda self: self._append([self._pop()]),
        b"e": lambda self: self._append(self._to_mark()),
        b"s": _item,
        b"u": lambda self: self._set(self._to_mark()),
        b"g": lambda self: self._get(self._decimal_place()),
        b"h": lambda self: self._get(self._unsigned(1)),
        b"j": lambda self: self._get(self._unsigned(4)),
        b"p": lambda self: self._put(self._decimal_place()),
        b"q": lambda self: self._put(self._unsigned(1)),
        b"r": lambda self: self._put(self._unsigned(4)),
        b"\x94": lambda self: self._put(len(self._memo)),
        b"c": _global,
        b"\x93": _stack_global,
        b"R": _reduce,
        b"b": _build,
        b"\x80": lambda self: self._take(1),
        b"\x95": _frame,
    }
