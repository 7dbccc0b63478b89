"""Where each buffer lies in the arena: apart from what lives at the same time, but for what a layer may write over."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgeacc.export.firmware.layers import Program

ALIGNMENT = 16
TRIES = 16
"""Orders in which buffers are placed; our choice, after which nothing got smaller on our students."""
ROLLING = (0, 1, 2, 3, 4, 6, 8, 12, 24, 1000)
"""How many layers write over their input, of those where most memory is in use: each ties two buffers, and many buffers
that are tied move further and further down. Our choice."""


@dataclass(frozen=True)
class Plan:
    """Byte offset of each buffer, and the bytes of the arena."""

    offsets: tuple[int, ...]
    arena_bytes: int


@dataclass(frozen=True)
class _Piece:
    """Buffers in one place, `start` bytes into their group, from the first layer that writes one to the last reader."""

    members: tuple[int, ...]
    start: int
    size: int
    first: int
    last: int

    @property
    def end(self) -> int:
        return self.start + self.size

    def moved(self, by: int) -> "_Piece":
        return _Piece(self.members, self.start + by, self.size, self.first, self.last)


_Group = tuple[_Piece, ...]
"""Pieces that keep their distance: each begins so many bytes before the one that it is written over."""


def plan(program: Program, inputs: Sequence[int], outputs: Sequence[int]) -> Plan:
    """The smallest of several plans: without layers that write over their input (`Program.rolls`), and with some.

    Args:
        program: layers and buffers.
        inputs: buffers that are written before the first layer.
        outputs: buffers that are read after the last.
    """
    pieces = _pieces(program, inputs, outputs)
    rolling = sorted(_rolling(program, pieces), key=lambda number: -_live_bytes(pieces, number))
    some = {min(count, len(rolling)): None for count in ROLLING}
    plans = [_placed(_groups(program, pieces, rolling[:count]), len(program.buffer_bytes)) for count in some]
    return min(plans, key=lambda each: each.arena_bytes)


def _live_bytes(pieces: Iterable[_Piece], time: int) -> int:
    return sum(piece.size for piece in pieces if piece.first <= time <= piece.last)


def _placed(groups: Iterable[_Group], buffers: int) -> Plan:
    """The largest groups first; then, as often as `TRIES`, the one that reached highest goes before all others."""
    order = sorted(groups, key=lambda each: (-max(piece.end for piece in each), each[0].first))
    best: list[_Group] = []
    most = -1
    for _ in range(TRIES):
        placed = _in_order(order)
        ends = [max(piece.end for piece in group) for group in placed] or [0]
        if most < 0 or max(ends) < most:
            best, most = placed, max(ends)
        highest = ends.index(max(ends))
        if highest == 0:
            break
        order.insert(0, order.pop(highest))
    offsets = [0] * buffers
    for piece in (piece for group in best for piece in group):
        for member in piece.members:
            offsets[member] = piece.start
    return Plan(tuple(offsets), most)


def _in_order(groups: Sequence[_Group]) -> list[_Group]:
    """Each at the lowest offset at which all its pieces are free for their whole lives."""
    placed: list[_Group] = []
    for group in groups:
        base = _lowest(group, [piece for other in placed for piece in other])
        placed.append(tuple(piece.moved(base) for piece in group))
    return placed


def _lowest(group: _Group, placed: Sequence[_Piece]) -> int:
    """Each pair of pieces that live at the same time forbids the bases between two bounds."""
    forbidden = sorted(
        (other.start - piece.end, other.end - piece.start)
        for piece in group
        for other in placed
        if other.first <= piece.last and piece.first <= other.last
    )
    base = 0
    for after, until in forbidden:
        if base <= after:
            break
        base = max(base, -(-until // ALIGNMENT) * ALIGNMENT)
    return base


def _rolling(program: Program, pieces: Sequence[_Piece]) -> list[int]:
    """Layers that are the last to read what they may write over, and the first to write their output."""
    of_buffer = {member: piece for piece in pieces for member in piece.members}
    found = []
    for number, layer in enumerate(program.layers):
        source, _ = program.rolls.get(layer.writes, (layer.writes, 0))
        before, after = of_buffer[source], of_buffer[layer.writes]
        if before is not after and (before.last, after.first) == (number, number):
            found.append(number)
    return found


def _groups(program: Program, pieces: Sequence[_Piece], rolling: Iterable[int]) -> list[_Group]:
    """Pieces by themselves, and those that such layers tie to one another."""
    of_buffer = {member: piece for piece in pieces for member in piece.members}
    groups, start = {piece: [piece] for piece in pieces}, dict.fromkeys(pieces, 0)
    for number in sorted(rolling):
        written = program.layers[number].writes
        source, lead = program.rolls[written]
        before, after = of_buffer[source], of_buffer[written]
        start[after] = start[before] - lead
        groups[before].append(after)
        groups[after] = groups[before]
    found = {id(group): group for group in groups.values()}.values()
    return [tuple(each.moved(start[each] - min(start[one] for one in group)) for each in group) for group in found]


def _pieces(program: Program, inputs: Sequence[int], outputs: Sequence[int]) -> list[_Piece]:
    members: dict[int, list[int]] = {}
    for buffer in range(len(program.buffer_bytes)):
        root = buffer
        while root in program.same:
            root = program.same[root]
        members.setdefault(root, []).append(buffer)
    last_layer = len(program.layers)
    used: dict[int, list[int]] = {buffer: [] for buffer in range(len(program.buffer_bytes))}
    for number, layer in enumerate(program.layers):
        for buffer in (*layer.reads, layer.writes):
            used[buffer].append(number)
    for buffer in inputs:
        used[buffer].append(-1)
    for buffer in outputs:
        used[buffer].append(last_layer)
    for buffer in program.state:
        used[buffer] += [-1, last_layer]
    return [
        _Piece(tuple(group), 0, max(program.buffer_bytes[each] for each in group), min(times), max(times))
        for group in members.values()
        if (times := [time for each in group for time in used[each]])
    ]
