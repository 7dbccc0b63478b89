"""Where each buffer lies in the arena: buffers that live at the same time do not overlap."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgeacc.export.firmware.layers import Program

ALIGNMENT = 16


@dataclass(frozen=True)
class Plan:
    """Byte offset of each buffer, and the bytes of the arena."""

    offsets: tuple[int, ...]
    arena_bytes: int


@dataclass(frozen=True)
class _Group:
    """Buffers in one place, from the first layer that writes one to the last that reads one."""

    members: tuple[int, ...]
    size: int
    first: int
    last: int


def plan(program: Program, inputs: Sequence[int], outputs: Sequence[int]) -> Plan:
    """Place the largest buffers first, each at the lowest offset that is free for its whole life.

    Args:
        program: layers and buffers.
        inputs: buffers that are written before the first layer.
        outputs: buffers that are read after the last.
    """
    offsets = [0] * len(program.buffer_bytes)
    placed: list[tuple[int, _Group]] = []
    for group in sorted(_groups(program, inputs, outputs), key=lambda each: (-each.size, each.first)):
        taken = sorted(
            (start, start + other.size)
            for start, other in placed
            if other.first <= group.last and group.first <= other.last
        )
        offset = 0
        for start, end in taken:
            if offset + group.size <= start:
                break
            offset = max(offset, -(-end // ALIGNMENT) * ALIGNMENT)
        placed.append((offset, group))
        for member in group.members:
            offsets[member] = offset
    return Plan(tuple(offsets), max((start + group.size for start, group in placed), default=0))


def _groups(program: Program, inputs: Sequence[int], outputs: Sequence[int]) -> list[_Group]:
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
        _Group(tuple(group), max(program.buffer_bytes[each] for each in group), min(times), max(times))
        for group in members.values()
        if (times := [time for each in group for time in used[each]])
    ]
