"""What a store holds, before anyone trains on it: people, minutes, rates, spectra, and whether the heart is seen."""

import torch
from pydantic import BaseModel, ConfigDict, JsonValue
from torch import Tensor

from edgeacc.evaluation.bootstrap import Interval, mean_interval
from edgeacc.evaluation.heartbeat import Heartbeat, heartbeats
from edgeacc.evaluation.limit_study import facts
from edgeacc.evaluation.people import people, totals
from edgeacc.evaluation.result import StoreFacts
from edgeacc.progress import Progress, silent
from edgeacc.signals.spectral_hr import spectral_hr
from edgeacc.windows.store import Store
from edgeacc.windows.window_set import WindowSet

NEAR_BPM = 5.0
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LINES = 192
"""Lines of a spectrum up to half the rate: with 60-s windows each is the mean over ten or so."""
MOST_WINDOWS = 2000
"""Windows that are drawn from a larger store for spectra and heartbeats (our choice)."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Baseline(_Frozen):
    """Error in heart rate of what knows nothing of the window.

    Attributes:
        name: what it is.
        mae_bpm: mean absolute error against the windows' labels.
        near: share of windows within `NEAR_BPM`.
    """

    name: str
    mae_bpm: Interval
    near: Interval


class Spectrum(_Frozen):
    """Power density of prepared windows (variance 1) over frequency: median and 5-95 % of the windows."""

    signal: str
    frequency_hz: list[float]
    low: list[float]
    median: list[float]
    high: list[float]


class DataResult(_Frozen):
    """All that is told of a store.

    Attributes:
        store: which windows.
        splits: windows and participants of each split.
        rejected: starts that were tried and rejected, by reason; each stands for a quarter of a window.
        recordings: an account of each, as the manifest has it; empty of a cohort.
        hr_bpm: heart rate of each window, by its best label.
        hr_source: where that label comes from.
        quantiles: label -> its `QUANTILES` over the windows.
        baselines: heart rate told without the window's PPG.
        spectra: of accelerometer and PPG.
        heartbeats: one per recording, none of a cohort; its number is its place among `recordings`.
    """

    store: StoreFacts
    splits: dict[str, tuple[int, int]]
    rejected: dict[str, int]
    recordings: list[dict[str, JsonValue]]
    hr_bpm: list[float]
    hr_source: str
    quantiles: dict[str, list[float]]
    baselines: list[Baseline]
    spectra: list[Spectrum]
    heartbeats: list[Heartbeat]


def study_data(store: Store, *, seed: int = 0, progress: Progress = silent) -> tuple[DataResult, WindowSet]:
    """Study a store.

    Args:
        store: of recordings or of a cohort.
        seed: of jitter, shuffling and resampling.
        progress: told of the recordings measured.

    Returns:
        What is told of it, and its windows of most, middling and least PPG quality, to be shown.
    """
    windows = store.load("all")
    manifest = store.manifest
    name, hr_bpm_B = _heart_rate(windows)
    provenance = manifest.provenance.get("recordings", [])
    sample = windows.take(torch.randperm(len(windows), generator=_generator(seed))[:MOST_WINDOWS].sort().values)
    recordings: list[dict[str, JsonValue]] = provenance if isinstance(provenance, list) else []  # type: ignore[assignment]
    place = {row.get("number"): place for place, row in enumerate(recordings)}
    found = heartbeats(sample, seed=seed, progress=progress) if manifest.source == "recordings" else []
    result = DataResult(
        store=facts(store, windows),
        splits={split: (count, manifest.participants[split]) for split, count in manifest.windows.items()},
        rejected=manifest.rejected,
        recordings=recordings,
        hr_bpm=hr_bpm_B[hr_bpm_B.isfinite()].tolist(),
        hr_source=name,
        quantiles=_quantiles(windows),
        baselines=_baselines(windows, hr_bpm_B, seed),
        spectra=[_spectrum("accelerometer", sample.acc_BCT, sample), _spectrum("PPG", sample.ppg_BCT, sample)],
        heartbeats=[row.model_copy(update={"recording": place.get(row.recording, row.recording)}) for row in found],
    )
    return result, _examples(windows)


def _heart_rate(windows: WindowSet) -> tuple[str, Tensor]:
    """Window by window the truth where it is known, else what the device told."""
    truth_B, device_B = windows.labels["hr_bpm"], windows.labels["device_hr_bpm"]
    known_B = truth_B.isfinite()
    source = "reference" if known_B.all() else "reference and device" if known_B.any() else "device"
    return source, torch.where(known_B, truth_B, device_B)


def _quantiles(windows: WindowSet) -> dict[str, list[float]]:
    at = torch.tensor(QUANTILES)
    known = {name: label_B[label_B.isfinite()] for name, label_B in windows.labels.items()}
    return {name: label_B.quantile(at).tolist() for name, label_B in known.items() if len(label_B)}


def _baselines(windows: WindowSet, hr_bpm_B: Tensor, seed: int) -> list[Baseline]:
    """Each participant's own mean, everybody's, another window's, and the accelerometer's spectrum."""
    known_B = hr_bpm_B.isfinite()
    if int(known_B.sum()) < 2:
        return []
    kept, hr_bpm_B = windows.take(known_B), hr_bpm_B[known_B]
    them = people(kept.participant_B)
    others_B = them.windows_P[them.member_B] - 1
    own_sum_B = totals(hr_bpm_B[:, None], them)[them.member_B, 0]
    spectrum_B = spectral_hr(kept.acc_BCT.float(), kept.contract.rate_hz)
    shuffle_B = torch.randperm(len(kept), generator=_generator(seed))
    guesses = {
        "participant's own mean (of the other windows)": (own_sum_B - hr_bpm_B) / others_B,
        "global mean (of the other windows)": (hr_bpm_B.sum() - hr_bpm_B) / (len(hr_bpm_B) - 1),
        "another window's, at random": hr_bpm_B[shuffle_B],
        "accelerometer's spectrum": spectrum_B,
        "accelerometer's spectrum of another window (control)": spectrum_B[shuffle_B],
    }
    rows = []
    for name, guess_B in guesses.items():
        error_B = (guess_B - hr_bpm_B).abs()
        error_B[~error_B.isfinite()] = torch.nan  # the only window of a participant
        near_B = torch.where(error_B.isnan(), error_B, (error_B <= NEAR_BPM).float())
        interval = [mean_interval(x_B, kept.participant_B, seed) for x_B in (error_B, near_B)]
        rows.append(Baseline(name=name, mae_bpm=interval[0], near=interval[1]))
    return rows


def _spectrum(name: str, x_BCT: Tensor, windows: WindowSet) -> Spectrum:
    rate_hz, samples = windows.contract.rate_hz, windows.contract.samples
    power_BF = sum(torch.fft.rfft(x_BT.float()).abs().square() for x_BT in x_BCT.unbind(1)) / x_BCT.shape[1]
    density_BF = 2 * power_BF[:, 1:] / (samples * rate_hz)
    width = max(1, density_BF.shape[1] // LINES)
    lines = density_BF.shape[1] // width
    density_BL = density_BF[:, : lines * width].unflatten(1, (lines, width)).mean(2)
    low_L, median_L, high_L = density_BL.quantile(torch.tensor([0.05, 0.5, 0.95]), dim=0).tolist()
    frequency_hz = [(width * line + (width + 1) / 2) * rate_hz / samples for line in range(lines)]
    return Spectrum(signal=name, frequency_hz=frequency_hz, low=low_L, median=median_L, high=high_L)


def _examples(windows: WindowSet) -> WindowSet:
    """Three windows, or all of fewer."""
    order_B = windows.labels["ppg_quality"].nan_to_num(0.0).argsort(descending=True)
    places = sorted({0, len(order_B) // 2, len(order_B) - 1})
    return windows.take(order_B[torch.tensor(places)])


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
