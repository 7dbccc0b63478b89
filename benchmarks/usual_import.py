"""The usual way with an Empatica E4's files, by pandas and neurokit2: what our import is timed beside."""

from pathlib import Path
from typing import NamedTuple

import neurokit2
import numpy as np
import pandas
from numpy.typing import NDArray

from edgeacc.recordings.e4 import COUNTS_PER_G
from edgeacc.signals.contract import SignalContract


class Usual(NamedTuple):
    """Minutes read, and windows kept."""

    minutes: float
    windows: int


def usual_import(folder: Path, contract: SignalContract) -> Usual:
    """Read, resample, align, gate by motion and frozen axes, filter, and find beats and their quality.

    The same windows are tried as ours tries; nothing brings the two clocks together, and nothing is stored.
    """
    acc_CN, acc_start_s = _stream(folder / "ACC.csv", contract.rate_hz, 1 / COUNTS_PER_G)
    ppg_CN, ppg_start_s = _stream(folder / "BVP.csv", contract.rate_hz, 1.0)
    start_s = max(acc_start_s, ppg_start_s)
    acc_CN = acc_CN[:, round((start_s - acc_start_s) * contract.rate_hz) :]
    ppg_N = ppg_CN[0, round((start_s - ppg_start_s) * contract.rate_hz) :]
    count = min(acc_CN.shape[1], len(ppg_N))
    frame = pandas.DataFrame(dict(zip("xyz", acc_CN[:, :count], strict=True)) | {"ppg": ppg_N[:count]})
    kept, at = 0, 0
    while at + contract.samples <= count:
        window = frame.iloc[at : at + contract.samples]
        still = _is_still(window, contract)
        if still:
            _prepare(window, contract)
            kept += 1
        at += contract.samples if still else contract.samples // 4
    return Usual(count / contract.rate_hz / 60, kept)


def _stream(path: Path, rate_hz: float, scale: float) -> tuple[NDArray[np.float64], float]:
    raw = pandas.read_csv(path, header=None)
    start_s, given_hz = float(raw.iloc[0, 0]), float(raw.iloc[1, 0])
    samples = raw.iloc[2:].astype(float) * scale
    columns = [
        neurokit2.signal_resample(samples[name].to_numpy(), sampling_rate=given_hz, desired_sampling_rate=rate_hz)
        for name in samples
    ]
    return np.stack(columns), start_s


def _is_still(window: pandas.DataFrame, contract: SignalContract) -> bool:
    axes = window[list("xyz")]
    frozen = (axes.diff() == 0).rolling(contract.samples // 2).sum().max().max() >= contract.samples // 2 - 1
    return bool(1000 * np.sqrt(axes.var().sum()) < contract.low_motion_mg and not frozen)


def _prepare(window: pandas.DataFrame, contract: SignalContract) -> None:
    low_hz, high_hz = contract.acc_band_hz
    for axis in "xyz":
        neurokit2.signal_filter(window[axis].to_numpy(), contract.rate_hz, lowcut=low_hz, highcut=high_hz)
    clean = neurokit2.ppg_clean(window["ppg"].to_numpy(), sampling_rate=contract.rate_hz)
    peaks = neurokit2.ppg_findpeaks(clean, sampling_rate=contract.rate_hz)["PPG_Peaks"]
    if len(peaks) > 3:
        neurokit2.ppg_quality(clean, peaks=peaks, sampling_rate=contract.rate_hz, method="templatematch")
        neurokit2.hrv_time({"PPG_Peaks": peaks}, sampling_rate=contract.rate_hz)
