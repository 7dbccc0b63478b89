"""A compiled model run by the C runtime on this machine, called from Python."""

import ctypes
import threading
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from edgeacc.errors import BadInput
from edgeacc.export.firmware.builds import cached_build
from edgeacc.export.firmware.compile import Compiled
from edgeacc.export.firmware.project import RUNTIME

FLAGS = ("-std=c99", "-O2", "-shared", "-fPIC")
REFUSALS = {
    1: "it is no model",
    2: "it is of another version of edgeacc",
    3: "it is damaged",
    4: "its arena is too small",
    5: "one of its tables leads outside it",
    6: "one of its layers leaves its memory",
    7: "one of its layers has no kernel",
}
"""`edgeacc_status` in words."""
_ALIGNMENT = 16
_MODEL_BYTES = 64
"""At least `sizeof(edgeacc_model)`: two pointers and two words."""


class FirmwareSession:
    """One model in memory; each call runs it once, on one thread at a time. A streaming model remembers its calls."""

    def __init__(self, compiled: Compiled) -> None:
        """Open the model.

        Raises:
            BadInput: the runtime refuses it.
            NotPossibleHere: no C compiler.
        """
        self._runtime = _runtime()
        self._blob = _aligned(len(compiled.blob))
        self._blob[:] = np.frombuffer(compiled.blob, np.uint8)
        self._arena = _aligned(max(compiled.arena_bytes, 1))
        self._model = ctypes.create_string_buffer(_MODEL_BYTES)
        self._lock = threading.Lock()
        status = self._runtime.edgeacc_model_open(
            self._model, self._blob.ctypes.data, len(self._blob), self._arena.ctypes.data, len(self._arena)
        )
        if status != 0:
            raise BadInput(f"the runtime refuses the model: {REFUSALS.get(status, f'status {status}')}")
        self._inputs = [self._port("input", index) for index in range(len(compiled.inputs))]
        self._outputs = [self._port("output", index) for index in range(len(compiled.outputs))]

    def __call__(self, inputs: Sequence[npt.NDArray[np.int8]]) -> list[npt.NDArray[np.int8]]:
        """Outputs for these inputs, each flat.

        Raises:
            BadInput: another number of inputs, or one of another size.
        """
        sizes = [port.size for port in self._inputs]
        if [each.size for each in inputs] != sizes:
            raise BadInput(f"inputs of {[each.size for each in inputs]} values", valid=f"{sizes}")
        with self._lock:
            for port, each in zip(self._inputs, inputs, strict=True):
                port[:] = each.reshape(-1)
            self._runtime.edgeacc_model_run(self._model)
            return [port.copy() for port in self._outputs]

    def reset(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._runtime.edgeacc_model_reset(self._model)

    def _port(self, kind: str, index: int) -> npt.NDArray[np.int8]:
        size = ctypes.c_uint32()
        at = getattr(self._runtime, f"edgeacc_model_{kind}")(self._model, index, ctypes.byref(size))
        if not at:
            raise BadInput(f"the model has no {kind} {index}", valid="blob and manifest of one model")
        start = at - self._arena.ctypes.data
        return self._arena[start : start + size.value].view(np.int8)


def _aligned(size: int) -> npt.NDArray[np.uint8]:
    memory = np.zeros(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size]


@lru_cache
def _runtime() -> ctypes.CDLL:
    sources = sorted(RUNTIME.rglob("*.c"))
    runtime = ctypes.CDLL(str(cached_build("cc", "gcc", FLAGS, sources, "runtime.so", RUNTIME)))
    pointer, word = ctypes.c_void_p, ctypes.c_uint32
    runtime.edgeacc_model_open.argtypes = (pointer, pointer, word, pointer, word)
    for name in ("input", "output"):
        function = getattr(runtime, f"edgeacc_model_{name}")
        function.argtypes, function.restype = (pointer, word, pointer), pointer
    for name in ("run", "reset"):
        function = getattr(runtime, f"edgeacc_model_{name}")
        function.argtypes, function.restype = (pointer,), None
    return runtime
