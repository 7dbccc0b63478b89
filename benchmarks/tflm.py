"""What TensorFlow Lite for Microcontrollers plans for a model: its arena, told by its own recording allocator."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from edgeacc.errors import BadInput, NotPossibleHere

_ARENA_BYTES = 64 * 2**20
_LIMIT_S = 120
_TELL = """
import sys
from tflite_micro import runtime
interpreter = runtime.Interpreter.from_file(sys.argv[1], arena_size=int(sys.argv[2]))
interpreter.print_allocations()
"""


class TflmArena(NamedTuple):
    """Bytes of the arena.

    Attributes:
        head: activations, inputs and outputs among them, and the kernels' scratch memory: what a plan decides.
        tail: what the interpreter keeps about tensors and operators.
    """

    head: int
    tail: int


def tflm_arena(model: Path) -> TflmArena:
    """Load a model in a fresh process, which TFLM ends when it refuses one.

    Raises:
        NotPossibleHere: `tflite-micro` is not installed.
        BadInput: TFLM refuses the model.
    """
    if find_spec("tflite_micro") is None:
        raise NotPossibleHere("tflite-micro is not installed", next_command="pip install 'edgeacc[tflm]'")
    words = [sys.executable, "-c", _TELL, str(model), str(_ARENA_BYTES)]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    told = dict(re.findall(r"Arena allocation (head|tail) (\d+) bytes", ran.stdout + ran.stderr))
    if ran.returncode or len(told) < len(TflmArena._fields):
        why = (ran.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BadInput(f"TFLM refuses {model}: {why}", valid="a model of TFLM's operators, its weights inside the file")
    return TflmArena(int(told["head"]), int(told["tail"]))
