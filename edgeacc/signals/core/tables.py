"""The numbers that the C core works with, of one contract and one sensor's rate, and the C source that holds them."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from edgeacc.errors import BadInput
from edgeacc.signals.contract import SignalContract
from edgeacc.signals.filters import STOP_BAND_DB, band_pass_taps, low_pass_taps
from edgeacc.signals.quality import OFF_WRIST_MG
from edgeacc.signals.resample import LARGEST_FACTOR, TRANSITION, whole_ratio
from edgeacc.signals.standardize import FLOOR

FOLDER = Path(__file__).parent
"""Where the C files are."""
STEPS = ("fill_gaps", "band_pass", "z_score")
"""The steps that the core performs, and their order."""
FASTEST_HZ = 800.0
"""Watches' fastest accelerometer streams; our choice."""
MOST_BAND = 128
"""`EDGEACC_MOST_BAND` of `edgeacc_signal.h`."""

_EVEN_ABOVE_HZ = 2.0
"""Jitter is undone up to so much above the band: behind the band-pass's transition (our choice)."""
_ENTRIES = 64
"""Entries of a sinc for each sample of the lower rate; a straight line between them is 1e-4 off (our choice)."""


@dataclass(frozen=True)
class Tables:
    """The fields of `edgeacc_tables`, by the same names; `sinc` and `even` are empty where the rates are equal."""

    source_mhz: int
    rate_mhz: int
    samples: int
    source_samples: int
    longest_gap: int
    range_g: float
    low_motion_g: float
    off_wrist_g: float
    floor_g: float
    band_half: int
    band: NDArray[np.float32]
    band_q31: NDArray[np.int32]
    sinc_half: int
    sinc_density: int
    sinc: NDArray[np.float32]
    even_half: int
    even_density: int
    even: NDArray[np.float32]


@dataclass(frozen=True)
class _Sinc:
    half: int
    density: int
    entries: NDArray[np.float32]


_NONE = _Sinc(0, 0, np.zeros(0, np.float32))


def tables_of(contract: SignalContract, source_hz: float) -> Tables:
    """What the core needs to bring a sensor's samples to a contract.

    Args:
        contract: with the three steps that the core has.
        source_hz: the sensor's rate, as it is said to be.

    Raises:
        BadInput: a contract with other steps or a longer band-pass, or a rate that is no whole number of 1/1000 Hz, too
            low for the contract's band, above 800 Hz, or in no whole ratio to the contract's.
    """
    if contract.steps != STEPS:
        raise BadInput(f"a contract with the steps {', '.join(contract.steps)}", valid=", ".join(STEPS))
    even_to_hz = contract.acc_band_hz[1] + _EVEN_ABOVE_HZ
    _require_rate(source_hz, contract, 2 * even_to_hz)
    taps = band_pass_taps(contract.rate_hz, contract.acc_band_hz)
    half = len(taps) // 2
    if half > MOST_BAND:
        raise BadInput(f"a band-pass of {len(taps)} taps is too long for the core", valid=f"up to {2 * MOST_BAND + 1}")
    same = source_hz == contract.rate_hz
    sinc = _NONE if same else _to_rate(source_hz, contract.rate_hz)
    even = _NONE if same else _to_even(source_hz, contract.rate_hz, even_to_hz)
    return Tables(
        source_mhz=round(1000 * source_hz),
        rate_mhz=round(1000 * contract.rate_hz),
        samples=contract.samples,
        source_samples=round(contract.window_s * source_hz),
        longest_gap=int(contract.max_gap_s * source_hz + 1e-6),
        range_g=contract.acc_range_g,
        low_motion_g=contract.low_motion_mg / 1000,
        off_wrist_g=OFF_WRIST_MG / 1000,
        floor_g=FLOOR,
        band_half=half,
        band=taps[half:].astype(np.float32),
        band_q31=_fixed(taps[half:]),
        sinc_half=sinc.half,
        sinc_density=sinc.density,
        sinc=sinc.entries,
        even_half=even.half,
        even_density=even.density,
        even=even.entries,
    )


def to_c(tables: Tables, name: str) -> str:
    """C source that defines `const edgeacc_tables NAME`, the same bytes for the same tables."""
    arrays = {key: value for key, value in vars(tables).items() if isinstance(value, np.ndarray)}
    lines = ['#include "edgeacc_signal.h"', "", f"extern const edgeacc_tables {name};", ""]
    for key, values in arrays.items():
        if values.size:
            kind = "int32_t" if values.dtype == np.int32 else "float"
            lines += [f"static const {kind} {name}_{key}[{values.size}] = {{", *_rows(values), "};", ""]
    fields = [
        f"    .{key} = {(f'{name}_{key}' if value.size else '0') if key in arrays else _literal(value)},"
        for key, value in vars(tables).items()
    ]
    return "\n".join([*lines, f"const edgeacc_tables {name} = {{", *fields, "};", ""])


def _require_rate(source_hz: float, contract: SignalContract, above_hz: float) -> None:
    valid = f"above {above_hz:g} Hz, up to {FASTEST_HZ:g} Hz, in 1/1000 Hz, such as 50, 52, 64, 100, 200"
    if not (above_hz < source_hz <= FASTEST_HZ and abs(1000 * source_hz - round(1000 * source_hz)) < 1e-9):
        raise BadInput(f"a sensor's rate of {source_hz:g} Hz", valid=valid)
    if whole_ratio(source_hz, contract.rate_hz) is None:
        valid = f"a ratio of whole numbers up to {LARGEST_FACTOR}"
        raise BadInput(f"rates of {source_hz:g} and {contract.rate_hz:g} Hz are in no whole ratio", valid=valid)


def _to_rate(source_hz: float, to_hz: float) -> _Sinc:
    """The low-pass of `resample`, between its taps too."""
    ratio = whole_ratio(source_hz, to_hz)
    assert ratio is not None
    half_hz = min(source_hz, to_hz) / 2
    width_hz = TRANSITION * half_hz
    return _sinc(source_hz, ratio[0], half_hz - width_hz / 2, width_hz)


def _to_even(source_hz: float, to_hz: float, keep_hz: float) -> _Sinc:
    """Keeps what the band-pass will keep, and has ended at the lower rate less what it keeps."""
    edge_hz = min(source_hz, to_hz) / 2
    return _sinc(source_hz, 2, edge_hz, 2 * (edge_hz - keep_hz))


def _sinc(source_hz: float, up: int, edge_hz: float, width_hz: float) -> _Sinc:
    taps = up * low_pass_taps(source_hz * up, edge_hz, width_hz)
    middle = len(taps) // 2
    finer = math.ceil(_ENTRIES * 2 * edge_hz / source_hz / up)
    density, half = up * finer, middle // up + 1
    at = np.arange(half * density + 1) / finer  # in taps
    _, beta = signal.kaiserord(STOP_BAND_DB, width_hz / (source_hz * up / 2))
    window = np.i0(beta * np.sqrt((1 - (at / middle) ** 2).clip(0))) / np.i0(beta)
    entries = taps[middle] * np.sinc(2 * edge_hz * at / (source_hz * up)) * window * (at <= middle)
    return _Sinc(half, density, entries.astype(np.float32))


def _fixed(half_taps: NDArray[np.float64]) -> NDArray[np.int32]:
    """Times 2^31, the middle one such that all of them sum to 0 exactly."""
    fixed = np.rint(half_taps * 2**31).astype(np.int64)
    fixed[0] = -2 * fixed[1:].sum()
    return fixed.astype(np.int32)


def _rows(values: NDArray[Any]) -> list[str]:
    texts = [_literal(value) for value in values.tolist()]
    return ["    " + ", ".join(texts[start : start + 8]) + "," for start in range(0, len(texts), 8)]


def _literal(value: float) -> str:
    """A float in 9 digits, which tell every float32 from its neighbours."""
    if isinstance(value, int):
        return str(value)
    text = f"{value:.9g}"
    return text + ("f" if "." in text or "e" in text else ".0f")
