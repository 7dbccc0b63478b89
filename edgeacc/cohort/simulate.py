"""Simulate paired windows: the order of things, from traits to raw signals and labels."""

from dataclasses import dataclass

import torch
from torch import Tensor

from edgeacc.cohort import grid
from edgeacc.cohort.ballistocardiogram import BallistoState, beat_average, beat_series, draw_ballisto, template
from edgeacc.cohort.config import CohortConfig
from edgeacc.cohort.noise import (
    PPG_PER_MG,
    NoiseState,
    draw_noise,
    movements,
    quantized,
    residual,
    residual_variance,
    slow_motion,
)
from edgeacc.cohort.participants import Traits, traits
from edgeacc.cohort.ppg import PpgState, draw_ppg, optical, pulse_series
from edgeacc.cohort.random import Key, Stream, normals
from edgeacc.cohort.rhythm import RhythmState, beat, draw_rhythm, in_window
from edgeacc.errors import BadInput
from edgeacc.signals.beats import exact_rate_and_variability, labels_of
from edgeacc.signals.gate import motion_mg

BLOCK = 64
"""Windows made together on a CPU: what fits its caches (measured)."""
DEVICE_BLOCK = 2048
SNR_SPAN_S = 0.8
"""The beat's average is taken over this long, as in the calibration."""


@dataclass(frozen=True)
class CohortWindows:
    """Paired raw windows at 64 Hz, 60 s.

    Attributes:
        acc_g_BCT: (B, 3, 3840) float32, g, gravity included, quantised.
        ppg_BCT: (B, 4, 3840) float32, unit of a pulse's height, upstroke positive.
        r_peaks_BK: (B, K) float32 seconds from the window's start, NaN-padded: the truth.
        participant_B: (B) int64.
        labels: (B) float32 each: see `docs/glossary.md`.
    """

    acc_g_BCT: Tensor
    ppg_BCT: Tensor
    r_peaks_BK: Tensor
    participant_B: Tensor
    labels: dict[str, Tensor]


@dataclass(frozen=True)
class State:
    """All that is drawn once per window, by concern."""

    traits: Traits
    rhythm: RhythmState
    ppg: PpgState
    ballisto: BallistoState
    noise: NoiseState


def simulate(
    config: CohortConfig,
    index_B: Tensor,
    device: torch.device | str = "cpu",
    *,
    independent_beats: bool = False,
) -> CohortWindows:
    """Make the windows with these numbers.

    Window i depends on `config` and i only, not on the other windows asked for: on a CPU to the last bit.

    Args:
        config: which cohort.
        index_B: int64 window numbers, 0 ... config.windows - 1, in any order.
        device: where to work and where the result lies.
        independent_beats: the leak control: the accelerometer's heartbeats come from another, independent series of
            the same person in the same state; all else stays.

    Raises:
        BadInput: a window number outside the cohort.
    """
    place = torch.device(device)
    key, state = draw(config, index_B)
    size = BLOCK if place.type == "cpu" else DEVICE_BLOCK
    rows = [slice(start, start + size) for start in range(0, len(index_B), size)]
    blocks = [_block(config, key.rows(part).to(place), _part(state, part, place), independent_beats) for part in rows]
    acc_g_BCT, ppg_BCT, r_peaks_BK, snr_B = (torch.cat(parts) for parts in zip(*blocks, strict=True))
    labels = {name: values.to(place, torch.float32) for name, values in _nominal_labels(state).items()}
    labels |= {"acc_snr": snr_B, "motion_mg": motion_mg(acc_g_BCT)}
    labels |= labels_of(exact_rate_and_variability(r_peaks_BK))
    return CohortWindows(acc_g_BCT, ppg_BCT, r_peaks_BK, key.participant_B.to(place), labels)


def draw(config: CohortConfig, index_B: Tensor) -> tuple[Key, State]:
    """Draw the state of these windows (float64, on the CPU) and the key of their noise; arguments as `simulate`."""
    index_B = index_B.cpu().long()
    outside = index_B[(index_B < 0) | (index_B >= config.windows)]
    if len(outside):
        raise BadInput(f"window {int(outside[0])} is not in this cohort", valid=f"0 ... {config.windows - 1}")
    participant_B = config.first_participant + index_B // config.windows_per_participant
    key = Key(config.seed, participant_B, index_B % config.windows_per_participant)
    who = traits(config.seed, participant_B)
    rhythm = draw_rhythm(key, who)
    ppg = draw_ppg(key, who, config.ppg_r_spread_ms / 1000)
    noise = draw_noise(key, who, rhythm, config.noise_scale)
    return key, State(who, rhythm, ppg, draw_ballisto(key, who, rhythm), noise)


def _part(state: State, rows: slice, device: torch.device) -> State:
    """Some windows' state as float32 on the device."""
    return State(
        grid.placed(state.traits, rows, device),
        grid.placed(state.rhythm, rows, device),
        grid.placed(state.ppg, rows, device),
        grid.placed(state.ballisto, rows, device),
        grid.placed(state.noise, rows, device),
    )


def _block(config: CohortConfig, key: Key, state: State, independent_beats: bool) -> tuple[Tensor, ...]:
    """Accelerometer, PPG, R peaks and the accelerometer's nominal SNR of windows that are worked on together."""
    beats = beat(state.rhythm, key)
    felt = beat(state.rhythm, key, other=True) if independent_beats else beats
    z_BK = normals(key, Stream.BEATS, 4 * grid.MOST_BEATS).float()
    moves_BCT = movements(state.noise, key)
    ppg_BCT = optical(state.ppg, beats, pulse_series(state.ppg, beats, z_BK[:, : 2 * grid.MOST_BEATS]), key)
    ppg_BCT = ppg_BCT + PPG_PER_MG * moves_BCT[:, :1] * state.ppg.gain_BC[..., None]
    one_BCF = template(state.ballisto, state.ppg)
    heart_BCF = one_BCF * beat_series(state.ballisto, felt, z_BK[:, 2 * grid.MOST_BEATS :])[:, None]
    acc_BCT = _heart_and_slow(heart_BCF, slow_motion(state.noise, beats, key)) + residual(state.noise, key) + moves_BCT
    acc_BCT = _late(acc_BCT, config.sync_offset_ms / 1000)
    acc_g_BCT = quantized((_cut(acc_BCT) + state.noise.gravity_B3[..., None]) / 1000)
    snr_B = _nominal_snr(one_BCF, state.noise)
    return acc_g_BCT, _cut(ppg_BCT).contiguous(), in_window(beats.r_peak_s_BK, beats.real_BK), snr_B


def _heart_and_slow(heart_BCF: Tensor, slow_BCF: Tensor) -> Tensor:
    heart_BCF[..., : slow_BCF.shape[2]] += slow_BCF
    return grid.to_time(heart_BCF)


def _late(x_BCT: Tensor, by_s: float) -> Tensor:
    """Shift by a fraction of samples, to later; the grid's margins are wider than any offset allowed."""
    if not by_s:
        return x_BCT
    spectrum_BCF = torch.fft.rfft(x_BCT)[..., : grid.BINS]
    return grid.to_time(spectrum_BCF * grid.delay(x_BCT.new_tensor([by_s]), grid.BINS))


def _cut(x_BCT: Tensor) -> Tensor:
    return x_BCT[..., grid.MARGIN : grid.MARGIN + grid.SAMPLES]


def _nominal_snr(one_BCF: Tensor, noise: NoiseState) -> Tensor:
    """(B) variance of one beat over that of the residual noise, on the axis where it is largest."""
    beat_BCT = beat_average(one_BCF)[..., : round(SNR_SPAN_S * grid.RATE_HZ)]
    variance_BC = beat_BCT.double().var(-1, correction=0)
    return (variance_BC / residual_variance(noise)).amax(1).float()


def _nominal_labels(state: State) -> dict[str, Tensor]:
    """What the generator knows without looking at the samples."""
    return {
        "breathing_rate_hz": state.rhythm.breathing_hz,
        "ppg_snr_db": state.ppg.snr_db,
        "posture": state.rhythm.posture,
        "age_y": state.traits.age_y,
        "sex": state.traits.sex,
        "bmi_kg_m2": state.traits.bmi_kg_m2,
        "pwv_m_s": state.traits.pwv_m_s,
    }
