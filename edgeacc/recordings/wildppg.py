"""WildPPG: one MATLAB file per person, four sites (sternum, head, wrist, ankle), about 13 h outdoors.

Each site is a struct whose entries are structs of `v` (samples) and `fs` (rate in Hz): `ppg_g`, `ppg_r`, `ppg_ir`
(green, red, infra-red), `acc_x`, `acc_y`, `acc_z`; the sternum has `ecg` too, which every
site's recording carries (its unit is not told). One recording per site that has both
sensors, at the rate in the file (128 Hz in the paper). v5 files and v7.3 files are read.

The unit of the acceleration is the one of g, m/s2 and mg under which the median magnitude is that of gravity, and a
note says which. The sign of the PPG is left as it is, and a note says so. The ECG has no marked beats: no intervals.
Source: Meier, Demirel and Holz, NeurIPS 2024 (Datasets and Benchmarks), and the authors' description of the files.
Checked on a fixture only.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeacc.errors import BadInput
from edgeacc.recordings.matlab import Matlab
from edgeacc.recordings.recording import Recording, Stream, check_rate, regular
from edgeacc.recordings.repeats import repeated
from edgeacc.recordings.troika import names_of
from edgeacc.recordings.units import as_samples, check_spans, in_g

NAME = "wildppg"
ECG_SITE = "sternum"
SITES = ("sternum", "head", "wrist", "ankle")
PPG = ("ppg_g", "ppg_r", "ppg_ir")
ACC = ("acc_x", "acc_y", "acc_z")
SPANS_DIFFER_S = 2.0
"""Largest difference between the spans of the streams (our choice)."""


def recognise(path: Path) -> bool:
    """Whether a file is MATLAB's and holds a variable for the wrist and one for the ankle."""
    return names_of(path, "wrist", "ankle")


def read(path: Path, participant: str) -> Iterator[Recording]:
    """Read one person's sites, one after another.

    Raises:
        BadInput: the file is malformed, no site has both sensors, or a site is not what it should be.
        NotPossibleHere: the file is of v7.3 and h5py is not installed.
    """
    file = Matlab(path)
    sites = [site for site in SITES if site in file.names]
    if not sites:
        there = ", ".join(file.names[:10]) or "none"
        raise BadInput(f"{path} has no site; its variables: {there}", valid=f"structs {', '.join(SITES)}")
    ecg = _ecg(path, file.value(ECG_SITE)) if ECG_SITE in sites else None
    for site in sites:
        yield _recording(path, participant, site, file.value(site), ecg)


def _ecg(path: Path, sensors: Any) -> Stream | None:  # noqa: ANN401
    """The ECG of the sternum, to which all sites are synchronous; None where there is none."""
    if not isinstance(sensors, dict) or "ecg" not in sensors:
        return None
    place = f"{path}: {ECG_SITE}.ecg"
    ecg_NC, rate_hz = _channel(place, sensors["ecg"])
    check_rate(rate_hz, f"{place}.fs")
    return regular(ecg_NC, "au", 0.0, rate_hz)


def _recording(path: Path, participant: str, site: str, sensors: Any, ecg: Stream | None) -> Recording:  # noqa: ANN401
    if not isinstance(sensors, dict):
        raise BadInput(f"{path}: {site} is no struct", valid=f"a struct with {', '.join((*PPG, *ACC))}")
    acc_NC, acc_hz = _stream(path, site, sensors, ACC)
    present = tuple(name for name in PPG if name in sensors) or PPG[:1]
    ppg_NC, ppg_hz = _stream(path, site, sensors, present)
    what = f"{path}: {site}: accelerometer at {acc_hz:g} Hz and PPG at {ppg_hz:g} Hz"
    check_spans(len(acc_NC) / acc_hz, len(ppg_NC) / ppg_hz, what, SPANS_DIFFER_S)
    acc_g_NC, unit = in_g(acc_NC, ("g", "m/s2", "mg"), f"{path}: {site}: accelerometer")
    ppg = regular(ppg_NC, "au", 0.0, ppg_hz)
    again = repeated(ppg, lambda sample: f"{site}.{present[0]}, sample {sample}")
    return Recording(
        participant=participant,
        device=f"WildPPG sensor, {site}",
        format=NAME,
        acc=regular(acc_g_NC, "g", 0.0, acc_hz),
        ppg=ppg,
        ecg=ecg,
        notes=(
            f"site: {site}; PPG channels: {', '.join(present)}",
            f"accelerometer was in {unit} by its gravity",
            "sign of the PPG as in the file",
            "without reference beats" if ecg is None else f"ECG of the {ECG_SITE}, without reference beats",
            *again,
        ),
    )


def _stream(
    path: Path, site: str, sensors: dict[str, Any], names: tuple[str, ...]
) -> tuple[NDArray[np.float32], float]:
    """Channels of one rate and length, as (N, C)."""
    channels, rates = [], set()
    for name in names:
        place = f"{path}: {site}.{name}"
        samples, rate_hz = _channel(place, sensors.get(name))
        channels.append(samples)
        rates.add(rate_hz)
    if len(rates) > 1 or len({len(channel) for channel in channels}) > 1:
        told = f"rates {sorted(rates)} Hz, lengths {sorted({len(channel) for channel in channels})}"
        raise BadInput(f"{path}: {site}: {', '.join(names)} have {told}", valid="one rate and one length")
    rate_hz = rates.pop()
    check_rate(rate_hz, f"{path}: {site}.{names[0]}.fs")
    return np.concatenate(channels, axis=1), rate_hz


def _channel(place: str, sensor: Any) -> tuple[NDArray[np.float32], float]:  # noqa: ANN401
    if not isinstance(sensor, dict) or not {"v", "fs"} <= set(sensor):
        raise BadInput(f"{place} is not there, or lacks v or fs", valid="a struct of v (samples) and fs (rate in Hz)")
    values, rate = sensor["v"], sensor["fs"]
    if not isinstance(values, np.ndarray) or not isinstance(rate, np.ndarray) or rate.size != 1:
        raise BadInput(f"{place}: v or fs is no array of numbers", valid="v: samples; fs: one number")
    flat = values.ravel() if values.ndim == 2 and 1 in values.shape else values
    return as_samples(flat, 1, f"{place}.v"), float(rate.ravel()[0])
