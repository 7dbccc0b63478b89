"""Changes of bytes that damaged, cut, mixed up or hostile files may show; all from one random generator."""

import re
import struct
from random import Random

NUMBER = re.compile(rb"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
CELLS = (
    b" nan NaN inf -inf NA -1 0 1e308 -1e308 1e-308 99999999999999999999 -9223372036854775808 4294967296 2147483648 "
    b'0x10 1_000 1,5 two "1" \xff \0 1e999999 \xd9\xa3 true -0.0 null [] {} ' + b"9" * 400
).split(b" ")
VALUES = (0, 1, -1, 2, *(2**bits + more for bits in (7, 8, 15, 16, 24, 31, 32, 53, 63) for more in (-1, 0)))
FLOATS = (float("nan"), float("inf"), -float("inf"), 1e38, -1e30, 1e-38, 1e9)
MOST_BLOCK = 4096


def mutated(parts: dict[str, bytes], random: Random) -> dict[str, bytes]:
    """One to four changes of some parts."""
    changed = dict(parts)
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 4))):
        if not changed:
            break
        name = random.choice(sorted(changed))
        if random.random() < 0.03:
            _whole(changed, name, random)
        else:
            changed[name] = random.choice(CHANGES)(changed[name], random)
    return changed


def _whole(parts, name, random):
    """Leave a part out, empty it, have it twice or put another in its place."""
    kind = random.randrange(4)
    if kind == 0:
        del parts[name]
    elif kind == 1:
        parts[name] = b""
    elif kind == 2:
        parts[f"{name}2"] = parts[name]
    else:
        parts[name] = parts[random.choice(sorted(parts))]


def _span(content, random):
    """A piece of the content: its first byte and the one behind it."""
    at = random.randrange(len(content) + 1)
    return at, min(len(content), at + random.choice((1, 2, 4, 8, 16, 100, 512, MOST_BLOCK)))


def _bytes_changed(content, random):
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 8))):
        if changed:
            changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def _bit_flipped(content, random):
    if not content:
        return content
    at = random.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << random.randrange(8)]) + content[at + 1 :]


def _cut(content, random):
    return content[: random.randrange(len(content) + 1)]


def _cut_in_front(content, random):
    return content[random.choice((1, 2, 4, random.randrange(len(content) + 1))) :]


def _removed(content, random):
    first, end = _span(content, random)
    return content[:first] + content[end:]


def _doubled(content, random):
    first, end = _span(content, random)
    return content[:end] + content[first:end] * random.choice((1, 1, 2, 10)) + content[end:]


def _moved(content, random):
    first, end = _span(content, random)
    rest, at = content[:first] + content[end:], random.randrange(len(content) + 1)
    return rest[:at] + content[first:end] + rest[at:]


def _overwritten(content, random):
    first, end = _span(content, random)
    return content[:first] + random.choice((b"\0", b"\xff", b"A", random.randbytes(1))) * (end - first) + content[end:]


def _inserted(content, random):
    at = random.randrange(len(content) + 1)
    return content[:at] + random.randbytes(random.choice((1, 4, 100))) + content[at:]


def _length_changed(content, random):
    """A whole number or a floating one in place of some bytes, of either order: where lengths and sizes stand."""
    width = random.choice((1, 2, 4, 8))
    at = random.randrange(max(1, min(len(content), random.choice((64, 600, 10**9)))))
    at -= at % width if random.random() < 0.5 else 0
    order = random.choice("<>")
    if width >= 4 and random.random() < 0.3:
        raw = struct.pack(f"{order}{'f' if width == 4 else 'd'}", random.choice(FLOATS))
    else:
        raw = (random.choice(VALUES) % (1 << 8 * width)).to_bytes(width, "little" if order == "<" else "big")
    return content[:at] + raw + content[at + width :]


def _number_replaced(content, random):
    """A number that is written as text: by something that is none, or is too large."""
    found = list(NUMBER.finditer(content, *(_line_span(content, random) if len(content) > 400 else ())))
    if not found:
        return _bytes_changed(content, random)
    one = random.choice(found)
    return content[: one.start()] + random.choice(CELLS) + content[one.end() :]


def _line_span(content, random):
    at = random.choice((0, random.randrange(len(content))))
    return at, at + 400


def _lines_changed(content, random):
    """A line left out, twice, elsewhere, cut, empty, or all behind one in another order."""
    lines = content.split(b"\n")
    at, to = random.randrange(len(lines)), random.randrange(len(lines))
    at = at if random.random() < 0.7 else min(at, 3)
    kind = random.randrange(7)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(at, lines[at])
    elif kind == 2:
        lines[at], lines[to] = lines[to], lines[at]
    elif kind == 3:
        lines[at] = lines[at][: len(lines[at]) // 2]
    elif kind == 4:
        lines.insert(at, b"")
    elif kind == 5:
        rest = lines[at:]
        random.shuffle(rest)
        lines[at:] = rest
    else:
        lines[at:at] = lines[min(at, to) : min(at, to) + 100]
    return random.choice((b"\n", b"\n", b"\n", b"\r\n", b"\r")).join(lines)


def _delimiters_changed(content, random):
    old, new = random.sample((b",", b";", b"\t", b" ", b".", b"\n", b'"'), 2)
    return content.replace(old, new, random.choice((1, 3, -1)))


CHANGES = (
    *(_bytes_changed, _bit_flipped, _cut, _cut_in_front, _removed, _doubled, _moved, _overwritten, _inserted),
    *(_length_changed, _number_replaced, _lines_changed) * 2,
    _delimiters_changed,
)
