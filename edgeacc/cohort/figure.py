"""A picture of one window: both signals in time, their spectra, and what the heartbeat leaves in each."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from edgeacc.cohort.config import CohortConfig
from edgeacc.cohort.grid import RATE_HZ
from edgeacc.cohort.measures import BEAT_BAND_HZ, BEFORE_S, MG, PULSE_BAND_HZ, beat_locked
from edgeacc.cohort.simulate import CohortWindows, simulate
from edgeacc.errors import unknown
from edgeacc.signals.beats import detect_beats
from edgeacc.signals.contract import DEFAULT
from edgeacc.signals.filters import band_pass
from edgeacc.signals.prepare import prepare_acc, prepare_ppg
from edgeacc.signals.samples import centred

SHOWN_S = 12.0
AXIS_COLOURS = ("#4477aa", "#ee6677", "#228833")
PPG_COLOURS = ("#004d1a", "#1b9e4b", "#7fc97f", "#8b6bb1")
"""Tol's bright set for the axes and greens with a violet for the channels: told apart by colour-blind readers too."""
R_PEAK_COLOUR = "#888888"
FORMATS = (".png", ".svg", ".pdf")
CANDIDATES = 64
DPI = 110


def picture_format(path: Path) -> str:
    """The format that a path's suffix asks for: png, svg or pdf.

    Raises:
        BadInput: another suffix.
    """
    if path.suffix not in FORMATS:
        raise unknown("picture format", path.suffix, FORMATS)
    return path.suffix.removeprefix(".")


def draw_window(config: CohortConfig, path: Path, picture: str) -> int:
    """Draw the cohort's most typical window (nominal SNR nearest to the median of the first ones).

    Args:
        config: which cohort.
        path: the file to write.
        picture: its format, from `picture_format`.

    Returns:
        The number of the window drawn.
    """
    windows = simulate(config, torch.arange(min(CANDIDATES, config.windows)))
    snr_B = windows.labels["acc_snr"].log()
    typical = int((snr_B - snr_B.median()).abs().argmin())
    window_figure(_one(windows, typical), f"preset {config.preset}, window {typical}").savefig(
        path, format=picture, dpi=DPI
    )
    return typical


def window_figure(window: CohortWindows, title: str) -> Figure:
    """Draw a single window (B = 1)."""
    figure = Figure(figsize=(11, 11.5), layout="constrained")
    cells = figure.add_gridspec(5, 2)
    in_time = [figure.add_subplot(cells[row, :]) for row in range(3)]
    spectra = [figure.add_subplot(cells[3, column]) for column in range(2)]
    averages = [figure.add_subplot(cells[4, column]) for column in range(2)]
    labels = {name: float(values[0]) for name, values in window.labels.items()}
    figure.suptitle(
        f"{title}: HR {labels['hr_bpm']:.0f} bpm, SDNN {labels['sdnn_ms']:.0f} ms, RMSSD {labels['rmssd_ms']:.0f} ms, "
        f"accelerometer SNR {labels['acc_snr']:.2f}, PPG SNR {labels['ppg_snr_db']:.0f} dB"
    )
    _draw_ppg(in_time[0], window)
    _draw_raw_acc(in_time[1], window)
    _draw_prepared_acc(in_time[2], window)
    _draw_spectrum(spectra[0], window.ppg_BCT, PPG_COLOURS, "PPG", "pulse heights / √Hz", 12.0)
    _draw_spectrum(spectra[1], MG * 1000 * window.acc_g_BCT, AXIS_COLOURS, "accelerometer", "µg / √Hz", 32.0)
    _draw_average(averages[0], band_pass(window.ppg_BCT, RATE_HZ, PULSE_BAND_HZ), window, PPG_COLOURS, "pulse heights")
    _draw_average(averages[1], band_pass(MG * window.acc_g_BCT, RATE_HZ, BEAT_BAND_HZ), window, AXIS_COLOURS, "mg")
    return figure


def _one(windows: CohortWindows, index: int) -> CohortWindows:
    only = slice(index, index + 1)
    return replace(
        windows,
        acc_g_BCT=windows.acc_g_BCT[only],
        ppg_BCT=windows.ppg_BCT[only],
        r_peaks_BK=windows.r_peaks_BK[only],
        participant_B=windows.participant_B[only],
        labels={name: values[only] for name, values in windows.labels.items()},
    )


def _draw_ppg(axes: Axes, window: CohortWindows) -> None:
    ppg_BCT = prepare_ppg(window.ppg_BCT, DEFAULT)
    _lines(axes, ppg_BCT, PPG_COLOURS, [f"channel {number}" for number in range(1, 5)])
    for at_s in _shown(detect_beats(ppg_BCT, RATE_HZ)):
        axes.plot(at_s, _value_at(ppg_BCT.mean(1), at_s), "k|", markersize=9)
    _mark_r_peaks(axes, window)
    _entitle(axes, "PPG as the teacher sees it: standard scores; | beats found, dotted: R peaks", "score")


def _draw_raw_acc(axes: Axes, window: CohortWindows) -> None:
    _lines(axes, MG * centred(window.acc_g_BCT), AXIS_COLOURS, list("xyz"))
    _entitle(axes, "accelerometer as recorded, mean off: breathing, tremor, steps of 0.244 mg", "mg")


def _draw_prepared_acc(axes: Axes, window: CohortWindows) -> None:
    apart = 7 * torch.arange(3)[:, None]
    _lines(axes, prepare_acc(window.acc_g_BCT, DEFAULT) - apart, AXIS_COLOURS, list("xyz"))
    _mark_r_peaks(axes, window)
    _entitle(axes, "accelerometer as the student sees it: 4-18 Hz, standard scores, axes set apart", "score")
    axes.set(xlabel="time [s]", yticks=[])


def _draw_spectrum(
    axes: Axes, x_BCT: Tensor, colours: tuple[str, ...], name: str, unit: str, highest_hz: float
) -> None:
    """Welch's spectrum: 16-s pieces, Hann, half overlapped."""
    size = round(16 * RATE_HZ)
    pieces_CNT = x_BCT[0].unfold(1, size, size // 2)
    taper = torch.hann_window(size)
    power_CF = torch.fft.rfft(centred(pieces_CNT) * taper).abs().square().mean(1) * (
        2 / (RATE_HZ * taper.square().sum())
    )
    frequency_hz = np.arange(size // 2 + 1) * RATE_HZ / size
    for density_F, colour in zip(_array(power_CF.sqrt()), colours, strict=True):
        axes.semilogy(frequency_hz[1:-1], density_F[1:-1], color=colour, linewidth=0.9)
    shown_CF = _array(power_CF.sqrt())[:, (frequency_hz > 0.5) & (frequency_hz < highest_hz)]
    axes.set(xlabel="frequency [Hz]", xlim=(0, highest_hz), ylim=(0.5 * shown_CF.min(), 2 * shown_CF.max()))
    _entitle(axes, f"{name}: spectrum of 60 s", unit)
    axes.grid(alpha=0.3)


def _draw_average(axes: Axes, x_BCT: Tensor, window: CohortWindows, colours: tuple[str, ...], unit: str) -> None:
    average = beat_locked(x_BCT, window.r_peaks_BK, RATE_HZ, (0, DEFAULT.window_s))
    time_s = np.arange(average.beat_BCN.shape[2]) / RATE_HZ - BEFORE_S
    beats = int(window.r_peaks_BK.isfinite().sum())
    error_C = _array((average.residual_BC / beats).sqrt()[0])
    for beat_N, error, colour in zip(_array(average.beat_BCN[0]), error_C, colours, strict=True):
        axes.plot(time_s, beat_N, color=colour, linewidth=1.3)
        axes.fill_between(time_s, beat_N - error, beat_N + error, color=colour, alpha=0.2, linewidth=0)
    axes.axvline(0, color=R_PEAK_COLOUR, linestyle=":", linewidth=0.9)
    axes.set(xlabel="time after the R peak [s]")
    _entitle(axes, f"average over {beats} beats with its standard error", unit)
    axes.grid(alpha=0.3)


def _lines(axes: Axes, x_BCT: Tensor, colours: tuple[str, ...], names: list[str]) -> None:
    count = round(SHOWN_S * RATE_HZ)
    time_s = np.arange(count) / RATE_HZ
    for x_T, colour, name in zip(_array(x_BCT[0, :, :count]), colours, names, strict=True):
        axes.plot(time_s, x_T, color=colour, linewidth=0.9, label=name)
    axes.set_xlim(0, SHOWN_S)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(names), fontsize="small", frameon=False)


def _entitle(axes: Axes, title: str, unit: str) -> None:
    axes.set_title(title, loc="left", fontsize="medium")
    axes.set_ylabel(unit)


def _mark_r_peaks(axes: Axes, window: CohortWindows) -> None:
    for at_s in _shown(window.r_peaks_BK):
        axes.axvline(at_s, color=R_PEAK_COLOUR, linestyle=":", linewidth=0.9)


def _shown(times_BK: Tensor) -> list[float]:
    return [float(at_s) for at_s in times_BK[0] if at_s < SHOWN_S]


def _value_at(x_BT: Tensor, at_s: float) -> float:
    return float(x_BT[0, round(at_s * RATE_HZ)])


def _array(x: Tensor) -> NDArray[np.float32]:
    return x.numpy()
