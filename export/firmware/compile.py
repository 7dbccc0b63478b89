"""An int8 .tflite model as one blob that the runtime runs, and what the blob holds."""

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeacc.errors import BadInput
from edgeacc.export.firmware.graph import DAMAGED, Graph, Tensor, read_graph
from edgeacc.export.firmware.layers import KERNELS, Constant, KernelLayer, Place, Word
from edgeacc.export.firmware.lower import Lowering, lower
from edgeacc.export.firmware.operators import HANDLERS
from edgeacc.export.firmware.plan import ALIGNMENT, Plan, plan

MAGIC, VERSION = 0x4D474445, 1
HEADER_WORDS = 12
CHECKED_FROM = 16
"""Bytes at the start that the checksum does not cover: magic, version, length, the checksum itself."""


@dataclass(frozen=True)
class Port:
    """An input or output.

    Attributes:
        name: of its tensor.
        shape: sizes.
        bytes: one per element.
        scale: real value of one step.
        zero_point: the int8 value that stands for 0.
    """

    name: str
    shape: tuple[int, ...]
    bytes: int
    scale: float
    zero_point: int


@dataclass(frozen=True)
class CompiledLayer:
    """One layer: its place, TFLite's operator, its output's name, multiply-accumulates, and bytes of constants."""

    index: int
    operator: str
    name: str
    macs: int
    constant_bytes: int
    kernel: str


@dataclass(frozen=True)
class Compiled:
    """A compiled model.

    Attributes:
        blob: for `edgeacc_model_open`.
        arena_bytes: memory that it needs beside.
        inputs: in the model's order.
        outputs: in the model's order.
        layers: in the order in which they run.
        source_sha256: of the file.
    """

    blob: bytes
    arena_bytes: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    layers: tuple[CompiledLayer, ...]
    source_sha256: str


def compile_model(path: Path) -> Compiled:
    """Compile a file.

    Raises:
        BadInput: it is damaged, not static int8, or has an operator that the runtime lacks: index and name are told.
        NotPossibleHere: ai-edge-litert is not installed.
    """
    return compile_graph(read_graph(path), str(path))


def compile_graph(graph: Graph, where: str) -> Compiled:
    """Compile a graph; `where` is what errors call it. Raises as `compile_model`."""
    try:
        return _compiled(graph)
    except BadInput as error:
        raise BadInput(f"{where}: {error.problem}", valid=error.valid) from error
    except DAMAGED as error:
        raise BadInput(f"{where} is a damaged TFLite file: {error}", valid="a whole .tflite file") from error


def arena_of(blob: bytes) -> int:
    """Bytes of memory that a blob asks for; 0 where it is too short to be one."""
    return int(struct.unpack_from("<I", blob.ljust(CHECKED_FROM + 4, b"\0"), CHECKED_FROM)[0])


def _compiled(graph: Graph) -> Compiled:
    state = lower(graph, HANDLERS)
    inputs = [_port(state, _after_quantize(graph, number)) for number in graph.inputs]
    outputs = [_port(state, _before_dequantize(graph, number)) for number in graph.outputs]
    program = state.program
    places = plan(program, [place.buffer for _, place in inputs], [place.buffer for _, place in outputs])
    layers = tuple(
        CompiledLayer(number, layer.operator, layer.name, layer.macs, layer.constant_bytes, layer.kernel)
        for number, layer in enumerate(program.layers[program.resets :])
    )
    return Compiled(
        blob=_Blob(places).written(program.layers, program.resets, inputs, outputs),
        arena_bytes=places.arena_bytes,
        inputs=tuple(port for port, _ in inputs),
        outputs=tuple(port for port, _ in outputs),
        layers=layers,
        source_sha256=graph.sha256,
    )


def _after_quantize(graph: Graph, number: int) -> int:
    """A float input is the int8 tensor that it is quantized to: whoever calls does that, with the port's scale."""
    for operator in graph.operators:
        if operator.name == "QUANTIZE" and operator.inputs[0] == number:
            return operator.outputs[0] if graph.tensors[number].type == "float32" else number
    return number


def _before_dequantize(graph: Graph, number: int) -> int:
    for operator in graph.operators:
        if operator.name == "DEQUANTIZE" and operator.outputs[0] == number:
            return operator.inputs[0]
    return number


def _port(state: Lowering, number: int) -> tuple[Port, Place]:
    tensor: Tensor = state.tensor(number)
    if tensor.type != "int8" or len(tensor.scales) != 1 or tensor.data is not None:
        raise BadInput(f"input or output {tensor.name!r} is {tensor.type}", valid="int8 with one scale, computed")
    place = state.place(number)
    assert isinstance(place, Place)
    return Port(tensor.name, tensor.shape, tensor.size, tensor.scale, tensor.zero_point), place


class _Blob:
    """The bytes of a blob as they grow; every array is aligned to 16 bytes, and no array is written twice."""

    def __init__(self, places: Plan) -> None:
        self._places = places
        self._content = bytearray(4 * HEADER_WORDS)
        self._arrays: dict[bytes, int] = {}

    def written(
        self,
        layers: Sequence[KernelLayer],
        resets: int,
        inputs: Sequence[tuple[Port, Place]],
        outputs: Sequence[tuple[Port, Place]],
    ) -> bytes:
        """Header, tables, parameters, arrays."""
        ports_at = [self._add(_words(self._port(*each) for each in ports)) for ports in (inputs, outputs)]
        table_at = self._add(bytes(8 * len(layers)))
        for number, layer in enumerate(layers):
            at = self._add(_words([[self._word(word) for word in layer.words]]))
            struct.pack_into("<II", self._content, table_at + 8 * number, KERNELS[layer.kernel], at)
        size = len(self._content)
        counts = [len(inputs), ports_at[0], len(outputs), ports_at[1], len(layers), table_at, resets]
        struct.pack_into("<III", self._content, 0, MAGIC, VERSION, size)
        struct.pack_into("<8I", self._content, CHECKED_FROM, self._places.arena_bytes, *counts)
        struct.pack_into("<I", self._content, 12, zlib.crc32(self._content[CHECKED_FROM:]))
        return bytes(self._content)

    def _port(self, port: Port, place: Place) -> list[int]:
        return [self._places.offsets[place.buffer] + place.offset, port.bytes]

    def _word(self, word: Word) -> int:
        if isinstance(word, Place):
            return self._places.offsets[word.buffer] + word.offset
        if isinstance(word, Constant):
            raw = word.array.tobytes()
            if raw not in self._arrays:
                self._arrays[raw] = self._add(raw)
            return -1 - self._arrays[raw]
        return word

    def _add(self, content: bytes) -> int:
        self._content += bytes(-len(self._content) % ALIGNMENT)
        at = len(self._content)
        self._content += content
        return at


def _words(rows: Iterable[Sequence[int]]) -> bytes:
    return b"".join(struct.pack(f"<{len(row)}i", *row) for row in rows)
