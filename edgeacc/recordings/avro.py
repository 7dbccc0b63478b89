"""The container of an Avro file, opened with care; what is in it is decoded by fastavro (the extra `formats`).

Layout (Apache Avro 1.11, "Object Container Files"): `Obj` and 1, a map of metadata with the schema as JSON, 16 bytes
that mark the end of each block; then blocks: number of records, number of bytes, the records (deflated or as they
are), the mark. The block is unpacked here, because a few bytes may unpack to more than the memory holds.
"""

import json
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from edgeacc.errors import BadInput
from edgeacc.recordings.binary import of_extra, short, whole_file

MAGIC = b"Obj\x01"
MOST_BYTES = 64 * 2**20
"""Of a file (our choice; an hour of an EmbracePlus is 2 MB)."""
MOST_BLOCK_BYTES = 16 * 2**20
"""Of a block unpacked (our choice: about four hours, where the cloud's files hold half an hour at most). A byte of it
may become a Python number of 40 bytes."""
MOST_RECORDS = 10_000
"""In a block (our choice; an EmbracePlus writes one)."""
ITEMS = ("int", "long", "float", "double", "string", "bytes")


class _Damaged(Exception):
    """What is wrong, without the file."""


def records(path: Path) -> Iterator[Any]:
    """The records of a file, one after another.

    Raises:
        BadInput: no Avro file, cut off or damaged: in which block.
        NotPossibleHere: fastavro is not installed.
    """
    with of_extra(path):
        import fastavro
    content = BytesIO(whole_file(path, MOST_BYTES))
    valid = "a whole Avro file"
    try:
        schema, codec, mark = _header(content)
        parsed = fastavro.parse_schema(schema)
    except Exception as error:  # the schema is the file's: fastavro falls over a wrong one in many ways
        raise BadInput(f"{path}: damaged header: {_told(error)}", valid=valid) from error
    number = 0
    while content.tell() < len(content.getbuffer()):
        try:
            count, data = _block(content, codec, mark)
            for _ in range(count):
                yield fastavro.schemaless_reader(data, parsed, None)
        except Exception as error:  # as above
            raise BadInput(f"{path}, block {number}: {_told(error)}", valid=valid) from error
        number += 1


def _header(content: BytesIO) -> tuple[Any, bytes, bytes]:
    """Schema, codec and mark."""
    if content.read(len(MAGIC)) != MAGIC:
        raise _Damaged("it does not begin with Obj and 1")
    entries: dict[bytes, bytes] = {}
    while count := _long(content):
        if count < 0:  # then the size in bytes follows
            count = -count
            _long(content)
        if count > len(content.getbuffer()):
            raise _Damaged(f"{count} entries of metadata")
        for _ in range(count):
            key = _bytes(content)
            entries[key] = _bytes(content)
    schema = json.loads(entries.get(b"avro.schema", b""))
    _refuse_endless(schema)
    codec = entries.get(b"avro.codec", b"null")
    if codec not in (b"null", b"deflate"):
        raise _Damaged(f"codec {codec!r}; null and deflate are known")
    return schema, codec, _exactly(content, 16)


def _refuse_endless(schema: Any, within: tuple[str, ...] = ()) -> None:  # noqa: ANN401
    """An array of nothings may be of any length without a byte in the file, and so may a record within itself."""
    if isinstance(schema, str) and schema.rpartition(".")[2] in within:
        raise _Damaged(f"{schema[:40]} within itself in the schema")
    if isinstance(schema, dict):
        kind = schema.get("type")
        items = schema.get("items" if kind == "array" else "values")
        if kind in ("array", "map") and items not in ITEMS:
            raise _Damaged(f"{kind} of {str(items)[:40]} in the schema; {', '.join(ITEMS)} are known")
        within = (*within, str(schema.get("name")).rpartition(".")[2]) if kind == "record" else within
        _refuse_endless(schema.get("fields") if kind == "record" else kind, within)
    for part in schema if isinstance(schema, list) else ():
        _refuse_endless(part, within)


def _block(content: BytesIO, codec: bytes, mark: bytes) -> tuple[int, BytesIO]:
    count, size = _long(content), _long(content)
    if not 0 <= count <= min(size, MOST_RECORDS):
        raise _Damaged(f"{count} record(s) in {size} bytes")
    if size > MOST_BLOCK_BYTES:
        raise _Damaged(f"it has {size:,} bytes; at most {MOST_BLOCK_BYTES:,} are read")
    packed = _exactly(content, size)
    if _exactly(content, 16) != mark:
        raise _Damaged("its end is not marked")
    return count, BytesIO(packed if codec == b"null" else _inflated(packed))


def _inflated(packed: bytes) -> bytes:
    stream = zlib.decompressobj(-15)
    data = stream.decompress(packed, MOST_BLOCK_BYTES)
    if not stream.eof:
        raise _Damaged(f"it is cut off, or unpacks to more than {MOST_BLOCK_BYTES:,} bytes")
    return data


def _long(content: BytesIO) -> int:
    """A whole number of 64 bits: seven per byte, the lowest first, its sign in the lowest bit."""
    value = 0
    for shift in range(0, 70, 7):
        byte = _exactly(content, 1)[0]
        value |= (byte & 127) << shift
        if byte < 128:
            return (value >> 1) ^ -(value & 1)
    raise _Damaged("a number of more than 64 bits")


def _bytes(content: BytesIO) -> bytes:
    return _exactly(content, _long(content))


def _exactly(content: BytesIO, count: int) -> bytes:
    found = content.read(count) if count >= 0 else b""
    if len(found) != count:
        raise _Damaged(f"it ends at byte {content.tell()}")
    return found


def _told(error: Exception) -> str:
    if isinstance(error, EOFError | IndexError):
        return "damaged: the records in it are longer than it is"
    return short(error if isinstance(error, _Damaged) else f"{type(error).__name__} {error}")
