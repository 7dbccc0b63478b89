"""The C core on this machine, with the undefined behaviour sanitizer, called through ctypes."""

import ctypes as c
import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

from edgeacc.signals.core.tables import FOLDER, tables_of

WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Wpedantic", "-Wstrict-prototypes")
SOURCES = sorted(map(str, FOLDER.glob("*.c")))
TAKEN = ("taken", "missing", "duplicate", "clock", "gap", "rate")
VERDICTS = ("use", "saturated", "frozen", "motion", "off_wrist", "not_due")
FLOATS, INTS, U32 = c.POINTER(c.c_float), c.POINTER(c.c_int32), c.c_uint32


class CTables(c.Structure):
    _fields_ = (
        *[(name, U32) for name in ("source_mhz", "rate_mhz", "samples", "source_samples", "longest_gap")],
        *[(name, c.c_float) for name in ("range_g", "low_motion_g", "off_wrist_g", "floor_g")],
        ("band_half", U32),
        ("band", FLOATS),
        ("band_q31", INTS),
        ("sinc_half", U32),
        ("sinc_density", U32),
        ("sinc", FLOATS),
        ("even_half", U32),
        ("even_density", U32),
        ("even", FLOATS),
    )


class Frame(c.Structure):
    _fields_ = (("source", c.c_uint8 * 3), ("sign", c.c_int8 * 3))


class Config(c.Structure):
    _fields_ = (
        ("tables", c.POINTER(CTables)),
        ("frame", Frame),
        ("unit_g", c.c_float),
        ("range_g", c.c_float),
        ("stride", U32),
        ("fixed_bits", c.c_int32),
    )


def _as_c(tables):
    fields = dict(vars(tables))
    for name, value in fields.items():
        if isinstance(value, np.ndarray):
            fields[name] = value.ctypes.data_as(INTS if value.dtype == np.int32 else FLOATS)
    return CTables(**fields)


class Signal:
    """One stream: `push` gives what each sample did and gathers the windows that became due."""

    def __init__(
        self, library, contract, source_hz, *, unit_g=1.0, range_g=8.0, stride=None, fixed_bits=-1, frame=None
    ):
        self.library, self.samples = library, contract.samples
        self.tables = tables_of(contract, source_hz)
        self.c_tables = _as_c(self.tables)
        frame = frame or Frame((0, 1, 2), (1, 1, 1))
        stride = contract.samples if stride is None else stride
        self.config = Config(c.pointer(self.c_tables), frame, unit_g, range_g, stride, fixed_bits)
        self.bytes = library.edgeacc_signal_bytes(c.byref(self.config))
        self.memory = (c.c_uint64 * (self.bytes // 8 + 1))()
        self.state = (c.c_uint64 * 128)()
        self.opened = self.open(self.bytes)

    def open(self, size):
        return library_open(self.library, self.state, self.config, self.memory, size)

    def push(self, t_ns, x):
        name = "edgeacc_signal_push_raw" if isinstance(x, np.ndarray) and x.dtype == np.int16 else "edgeacc_signal_push"
        values = ((c.c_int16 if name.endswith("raw") else c.c_float) * 3)(*x.tolist() if hasattr(x, "tolist") else x)
        return TAKEN[getattr(self.library, name)(self.state, int(t_ns), values)]

    def feed(self, t_ns_N, x_NC):
        """All samples; what each did, and (sample, scores, verdict, motion) of each window."""
        done, windows = [], []
        for at, (t_ns, x) in enumerate(zip(t_ns_N, x_NC, strict=True)):
            done.append(self.push(t_ns, x))
            if self.due:
                scores = self.scores() if self.verdict != "not_due" else None
                windows.append(SimpleNamespace(at=at, z=scores, verdict=self.verdict, motion_mg=self.motion_mg))
        return done, windows

    @property
    def due(self):
        return bool(self.library.edgeacc_signal_due(self.state))

    @property
    def verdict(self):
        return VERDICTS[self.library.edgeacc_signal_verdict(self.state)]

    @property
    def motion_mg(self):
        return self.library.edgeacc_signal_motion_mg(self.state)

    def scores(self):
        z_CT = np.empty((3, self.samples), np.float32)
        for axis in range(3):
            self.library.edgeacc_signal_scores(self.state, axis, z_CT[axis].ctypes.data_as(FLOATS))
        return z_CT

    def quantized(self, scale, zero_point):
        q_CT = np.full((3, self.samples), 99, np.int8)
        told = self.library.edgeacc_signal_input(
            self.state, scale, zero_point, q_CT.ctypes.data_as(c.POINTER(c.c_int8))
        )
        return q_CT if told else None


def library_open(library, state, config, memory, size):
    return library.edgeacc_signal_open(state, c.byref(config), memory, size)


@pytest.fixture(scope="session")
def core_library(tmp_path_factory):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("cc is not installed: apt-get install gcc")
    to = tmp_path_factory.mktemp("core") / "core.so"
    sanitized = ("-O1", "-g", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    command = [compiler, "-std=c99", *WARNINGS, "-Werror", *sanitized, "-fPIC", "-shared", *SOURCES, "-o", str(to)]
    subprocess.run(command, check=True, timeout=120)
    library = c.CDLL(str(to))
    library.edgeacc_signal_motion_mg.restype = c.c_float
    library.edgeacc_signal_push.argtypes = library.edgeacc_signal_push_raw.argtypes = (
        c.c_void_p,
        c.c_int64,
        c.c_void_p,
    )
    library.edgeacc_signal_input.argtypes = (c.c_void_p, c.c_float, c.c_int32, c.c_void_p)
    return library


@pytest.fixture(scope="session")
def signal_of(core_library):
    """signal_of(contract, source_hz, ...) -> Signal."""
    return lambda *arguments, **options: Signal(core_library, *arguments, **options)


@pytest.fixture(scope="session")
def watch_frame(core_library):
    """watch_frame(platform, wrist, crown) -> Frame, or None where the core refuses."""

    def make(platform, wrist, crown):
        frame = Frame()
        return frame if core_library.edgeacc_frame_of_watch(platform, wrist, crown, c.byref(frame)) else None

    return make
