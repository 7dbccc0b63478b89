"""What a watchOS package must hold to, read from its own files."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgeacc.errors import BadInput

OLDEST_WATCHOS, OLDEST_IOS = 10, 17
"""Asynchronous prediction and batched sensors begin with watchOS 10; iOS 17 is of the same year."""
LARGEST_APP_BYTES = 75_000_000
"""Uncompressed, of any watchOS app (App Store Connect's own page on sizes)."""
SYSTEM_OF_SPECIFICATION = {6: 8, 7: 9, 8: 10, 9: 11, 10: 26}
"""The oldest watchOS that loads a Core ML program of each specification version (coremltools 9's table)."""

_PROGRAM, _FUNCTIONS, _BLOCKS, _OPERATIONS, _VALUE = 502, 2, 3, 3, 2
"""Field numbers of Core ML's Model.proto and MIL.proto: program, functions, blocks, operations; a map's value."""


def oldest_systems(minimum_os: Sequence[str]) -> tuple[int, int]:
    """The app's oldest watchOS and iOS: those of a bundle, not below the kit's own."""
    found = {name: int(number) for name, number in re.findall(r"(watchOS|iOS)(\d+)", " ".join(minimum_os))}
    return max(OLDEST_WATCHOS, found.get("watchOS", 0)), max(OLDEST_IOS, found.get("iOS", 0))


def problems(package: Path) -> list[str]:
    """What is wrong with a watchOS package, one line each.

    Raises:
        BadInput: its model is no Core ML program.
    """
    return [*_model(package), *_size(package)]


def _model(package: Path) -> Iterator[str]:
    floor = re.search(r'\.watchOS\("(\d+)', (package / "Package.swift").read_text())
    app = int(floor[1]) if floor else 0
    if app < OLDEST_WATCHOS:
        yield f"Package.swift is for watchOS {app}: batched sensors begin with {OLDEST_WATCHOS}"
    for file in sorted(package.rglob("*.mlmodel")):
        version, operations = read_specification(file)
        wanted = SYSTEM_OF_SPECIFICATION.get(version)
        if wanted is None or wanted > app:
            needed = f"needs watchOS {wanted}" if wanted else "is of no watchOS that is known"
            yield f"the model's specification {version} {needed}, the app's oldest is {app}"
        lacking = sum(kind == "gelu" and "mode" not in inputs for kind, inputs in operations)
        if lacking:
            yield f"{lacking} gelu without a mode: watchOS 11 refuses the model"


def _size(package: Path) -> Iterator[str]:
    size = sum(file.stat().st_size for file in (package / "Sources").rglob("*") if file.is_file())
    if size > LARGEST_APP_BYTES:
        yield f"sources and model take {size / 1e6:.0f} MB: a watchOS app may take {LARGEST_APP_BYTES / 1e6:.0f} MB"


def read_specification(file: Path) -> tuple[int, list[tuple[str, set[str]]]]:
    """Of a `.mlmodel` with a program: its specification version; of each operation its kind and its inputs' names.

    Read by the wire format alone (protobuf.dev, "Encoding"), in milliseconds and without coremltools.

    Raises:
        BadInput: damaged, or no ML program.
    """
    model = file.read_bytes()
    try:
        versions = [value for number, value in _fields(model) if number == 1]
        operations = [
            operation
            for program in _messages(model, _PROGRAM)
            for function in _values_of(program, _FUNCTIONS)
            for block in _values_of(function, _BLOCKS)
            for operation in _messages(block, _OPERATIONS)
        ]
        found = [(_texts(each, 1)[0], {_texts(entry, 1)[0] for entry in _messages(each, 2)}) for each in operations]
    except (IndexError, UnicodeDecodeError) as error:
        raise BadInput(f"{file.name} is damaged: {error}", valid="a Core ML model as it was made") from error
    if not found or len(versions) != 1 or not isinstance(versions[0], int):
        raise BadInput(f"{file.name} holds no ML program", valid="a Core ML model as `edgeacc export` makes it")
    return versions[0], found


def _values_of(message: bytes, number: int) -> Iterator[bytes]:
    for entry in _messages(message, number):
        yield from _messages(entry, _VALUE)


def _messages(message: bytes, number: int) -> Iterator[bytes]:
    yield from (value for found, value in _fields(message) if found == number and isinstance(value, bytes))


def _texts(message: bytes, number: int) -> list[str]:
    return [value.decode() for value in _messages(message, number)]


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == 2:
            size, at = _varint(message, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise IndexError(f"a field of wire type {kind}")
        if at + size > len(message):
            raise IndexError("a field ends behind the file")
        yield number, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
