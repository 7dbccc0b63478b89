"""The firmware's application on a simulated device: a stream of a sensor in, what the application says of it out.

The files that pass are those of `firmware/app/device_simulated.h` and `firmware/app/app.h`.
"""

import struct
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.export.firmware.builds import cached_build, require_program
from edgeacc.firmware_sim.boards import board_of
from edgeacc.firmware_sim.engines.engine import TIMEOUT_S, timed_out
from edgeacc.firmware_sim.firmware.build import link_image, sources_of
from edgeacc.firmware_sim.firmware.cross import HERE, STANDARD
from edgeacc.signals.core.tables import FOLDER, Tables, to_c

APP = HERE / "app"
FIFO_SAMPLES = 170
"""`DEVICE_FIFO_SAMPLES` of `device.h`."""
WATERMARK = 32
"""Samples for which the sensor wakes the processor: half a second at 64 Hz. Our choice."""

_MAGIC = 0x314C4445
_HEADER, _INTERRUPT, _RECORD = struct.Struct("<IIfiffIi"), struct.Struct("<qII"), struct.Struct("<IIqII")
_SHARED = ("app.c", "fifo.c", "device_simulated.c")


class Flag(IntFlag):
    """What befalls the device at an interrupt."""

    NONE = 0
    BUS_FAULT = 1
    BROWN_OUT = 2
    TIMER = 4


class Kind(IntEnum):
    """Records of the application (`app.h`)."""

    BOOT = 1
    ANEW = 2
    WINDOW = 3
    EMBEDDING = 4
    OVERRUN = 5
    SILENT = 6
    BUS = 7
    REFUSED = 8
    END = 9


class Cause(IntEnum):
    """Why the device started."""

    POWER_ON = 0
    BROWN_OUT = 1
    WATCHDOG = 2


class Anew(IntEnum):
    """Why a window was emptied (`edgeacc_taken`)."""

    CLOCK = 3
    GAP = 4
    RATE = 5


class Verdict(IntEnum):
    """What may be done with a window (`edgeacc_verdict`)."""

    USE = 0
    SATURATED = 1
    FROZEN = 2
    MOTION = 3
    OFF_WRIST = 4


@dataclass(frozen=True)
class Interrupt:
    """One interrupt of the sensor.

    Attributes:
        t_ns: on the processor's clock.
        raw_NC: (N, 3) int16, what the sensor put into its FIFO since the last one.
        flag: what else happens.
    """

    t_ns: int
    raw_NC: NDArray[np.int16]
    flag: Flag = Flag.NONE


@dataclass(frozen=True)
class Settings:
    """What the build of a device fixes.

    Attributes:
        unit_g: of one unit of a raw sample.
        range_g: the sensor's own.
        stride: samples of the contract's rate from one window to the next.
        fixed_bits: see `edgeacc_config`.
        input_scale: of the model's input.
        input_zero_point: of the model's input.
    """

    unit_g: float
    range_g: float
    stride: int
    fixed_bits: int
    input_scale: float
    input_zero_point: int


@dataclass(frozen=True)
class Record:
    """What the application says; `value` and `extra` depend on the kind (`app.h`).

    Attributes:
        kind: of what it speaks.
        value: the code of the kind.
        t_ns: of the interrupt at which it was said.
        extra: more of it.
        payload: the embedding.
    """

    kind: Kind
    value: int
    t_ns: int
    extra: int
    payload: bytes


def interrupts_of(t_ns_N: NDArray[np.int64], raw_NC: NDArray[np.int16], watermark: int = WATERMARK) -> list[Interrupt]:
    """A stream as the interrupts of a FIFO, each at the time of its last sample; what is left over stays in the FIFO.

    Args:
        t_ns_N: times of the samples on the processor's clock, ascending.
        raw_NC: (N, 3).
        watermark: samples of one interrupt.
    """
    ends = range(watermark, len(raw_NC) + 1, watermark)
    return [Interrupt(int(t_ns_N[end - 1]), raw_NC[end - watermark : end]) for end in ends]


def encode_job(settings: Settings, blob_bytes: int, interrupts: Sequence[Interrupt]) -> bytes:
    """The file `job.bin`.

    Raises:
        BadInput: a time that is no 64-bit number of ns, or samples that are not (N, 3) int16.
    """
    s = settings
    head = (_MAGIC, blob_bytes, s.input_scale, s.input_zero_point, s.unit_g, s.range_g, s.stride, s.fixed_bits)
    return _HEADER.pack(*head) + b"".join(_encoded(each) for each in interrupts)


def decode_records(content: bytes) -> list[Record]:
    """The file `result.bin`.

    Raises:
        NotPossibleHere: it does not end with a record of the kind END.
    """
    records = list(_records(content))
    if not records or records[-1].kind != Kind.END:
        raise NotPossibleHere(f"the application ended after {len(records)} records, the last is not its end")
    return records


def build_application(core: str, runtime: Sequence[Path], tables: Tables, to: Path) -> None:
    """Build the image of the application for a core.

    Args:
        core: `m4`, `m7`, `m33` or `m55`.
        runtime: folders with `edgeacc_model.h` and the C files behind it.
        tables: of the contract and the sensor's rate.
        to: where the ELF file is to appear; one that is there is replaced.

    Raises:
        BadInput: no such core.
        NotPossibleHere: no cross-compiler, or it failed.
    """
    with tempfile.TemporaryDirectory(prefix="edgeacc-app-") as folder:
        boards = [HERE / name for name in ("start.c", "memory.c", "board_semihosted.c")]
        sources = [*boards, *_sources(tables, Path(folder), "wait_cortex_m.c"), *sources_of(runtime)]
        link_image(core, sources, [HERE, APP, FOLDER, *runtime], to)


def host_application(runtime: Sequence[Path], tables: Tables, flags: Sequence[str] = ()) -> Path:
    """The application as a program of this machine, from the cache or built now.

    Args:
        runtime: as above.
        tables: as above.
        flags: more of them for the compiler, such as those of sanitizers.

    Raises:
        NotPossibleHere: no compiler, or it failed.
    """
    with tempfile.TemporaryDirectory(prefix="edgeacc-app-") as folder:
        sources = [HERE / "board_host.c", *_sources(tables, Path(folder), "wait_host.c"), *sources_of(runtime)]
        return cached_build("cc", "gcc", [*STANDARD, *flags], sources, "host-app", HERE, APP, FOLDER, *runtime)


def run_application(core: str, image: Path, blob: bytes, job: bytes, timeout_s: float = TIMEOUT_S) -> list[Record]:
    """Run the application on a stream.

    Args:
        core: of the image, or `host`.
        image: what `build_application` or `host_application` made.
        blob: the model.
        job: what `encode_job` made.
        timeout_s: after which it is stopped.

    Raises:
        BadInput: no such core.
        NotPossibleHere: no emulator, or the application faulted, did not end in time, or did not write its records.
    """
    command = ["blob.bin", "job.bin", "result.bin"] if core == "host" else _emulated(core)
    program = [str(image.resolve())] if core == "host" else []
    with tempfile.TemporaryDirectory(prefix="edgeacc-app-") as folder:
        here = Path(folder)
        (here / "blob.bin").write_bytes(blob)
        (here / "job.bin").write_bytes(job)
        kernel = [] if core == "host" else ["-kernel", str(image.resolve())]
        try:
            ran = subprocess.run(
                [*program, *command, *kernel],
                cwd=here,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise timed_out(timeout_s, core) from error
        if ran.returncode != 0:
            raise NotPossibleHere(f"the application ended with code {ran.returncode} ({core}): {ran.stderr[:200]}")
        return decode_records((here / "result.bin").read_bytes())


def _encoded(interrupt: Interrupt) -> bytes:
    raw: NDArray[Any] = interrupt.raw_NC
    if raw.dtype != np.int16 or raw.ndim != 2 or raw.shape[1] != 3:
        raise BadInput(f"samples of the shape {raw.shape} and type {raw.dtype}", valid="(N, 3) int16")
    if not -(2**63) <= interrupt.t_ns < 2**63:
        raise BadInput(f"a time of {interrupt.t_ns} ns", valid="64 bits")
    return _INTERRUPT.pack(interrupt.t_ns, interrupt.flag, len(raw)) + raw.astype("<i2").tobytes()


def _records(content: bytes) -> Iterator[Record]:
    at = 0
    while at + _RECORD.size <= len(content):
        kind, value, t_ns, extra, payload = _RECORD.unpack_from(content, at)
        at += _RECORD.size + payload
        yield Record(Kind(kind), value, t_ns, extra, content[at - payload : at])


def _sources(tables: Tables, folder: Path, wait: str) -> list[Path]:
    text = folder / "tables.c"
    text.write_text(to_c(tables, "app_tables"))
    return [*(APP / name for name in _SHARED), APP / wait, *sorted(FOLDER.glob("*.c")), text]


def _emulated(core: str) -> list[str]:
    board = board_of(core)
    return [
        require_program("qemu-system-arm", "qemu-system-arm"),
        *("-M", board.machine, "-nographic", "-monitor", "none", "-serial", "none"),
        *("-semihosting-config", "enable=on,target=native", "-icount", "shift=0"),
        *("-device", f"loader,file=blob.bin,addr={board.blob.origin:#x},force-raw=on"),
    ]
