"""What the wrist's accelerometer holds besides the heartbeat: tremor, unrest, breathing, small movements, the sensor.

All levels and spreads are our estimates, chosen to meet the calibration table (`docs/cohort.md`); 8-11 Hz for the
tremor, 100-150 ug/sqrt(Hz) for the sensor and 16 bits over 8 g are the ranges of that page's sources.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from edgeacc.cohort import grid
from edgeacc.cohort.participants import Traits, named_normals
from edgeacc.cohort.random import Key, Stream
from edgeacc.cohort.rhythm import Heartbeats, RhythmState, by_posture

EBB_DEPTH = 0.3
"""How much the noise comes and goes: standard deviation of its slow logarithm."""
SNR_BAND_HZ = (2.0, 25.0)
TREMOR_MG = (1.8, 2.15, 2.2)
UNREST_MG = (0.6, 1.4, 1.5)
"""Median RMS per axis by posture: tremor over all frequencies; unrest (muscle and small movement) in 2-25 Hz."""
TREMOR_DAMPING = 0.33
TREMOR_FROM_HZ = 1.0
"""Shape of the tremor's resonance, and below what it fades."""
UNREST_KNEE_HZ = 2.5
"""Unrest's power is largest near 0.7 of this and falls with the fourth power above."""
MUSCLE_UG = 95.0
WHITE_UG = 150.0
"""Flat noise in ug / sqrt(Hz): the muscles', which comes and goes with the rest, and the sensor's, which does not."""
BREATHING_TILT_MG = 1.5
LOG_TILT_SD = 0.87
"""Breathing tilts the wrist against gravity: median RMS along its axis, and spread of its logarithm."""
DRIFT_MG = 0.7
MOVES = 2
MOVE_CHANCE = 0.12
MOVE_MG = 8.0
MOVE_BINS = grid.bins_below(6.0)
"""At most two small movements in 64 s, each with this chance and median size."""
PPG_PER_MG = 0.02
"""What a movement of 1 mg does to the PPG, in pulse heights."""
STEP_G = 16 / 2**16
"""16 bits over -8 ... +8 g: 0.244 mg."""


class NoiseState(NamedTuple):
    """(B) each, (B, 3) per axis, (B, MOVES) per movement."""

    tremor_mg: Tensor
    tremor_hz: Tensor
    unrest_mg: Tensor
    muscle_mg: Tensor
    white_mg: Tensor
    tilt_mg: Tensor
    drift_mg: Tensor
    share_B3: Tensor
    tilt_axis_B3: Tensor
    gravity_B3: Tensor
    move_mg_BM: Tensor
    move_at_s_BM: Tensor
    move_width_s_BM: Tensor


DRAWS = (
    dict.fromkeys(("level", "tremor", "tremor_hz", "unrest", "white", "tilt", "drift"), 1)
    | dict.fromkeys(("share", "tilt_axis", "gravity"), 3)
    | dict.fromkeys(("happens", "size", "at", "width"), MOVES)
)


def draw_noise(key: Key, traits: Traits, rhythm: RhythmState, scale: float) -> NoiseState:
    """The window's residual noise, times `scale` (tremor, unrest and sensor; not breathing, drift and movements)."""
    z = named_normals(key, Stream.NOISE, DRAWS)
    level = scale * torch.exp(traits.log_noise + 0.08 * z["level"])
    share = 0.45 + 0.9 * grid.unit(z["share"]).abs()
    moves = torch.special.ndtr(z["happens"]) < MOVE_CHANCE
    return NoiseState(
        tremor_mg=level * by_posture(TREMOR_MG, rhythm.posture) * torch.exp(0.15 * z["tremor"]),
        tremor_hz=(traits.tremor_hz + 0.3 * z["tremor_hz"]).clamp(8, 11),
        unrest_mg=level * by_posture(UNREST_MG, rhythm.posture) * torch.exp(0.15 * z["unrest"]),
        muscle_mg=level * MUSCLE_UG / 1000,
        white_mg=scale * WHITE_UG / 1000 * torch.exp(0.08 * z["white"]),
        tilt_mg=BREATHING_TILT_MG * torch.exp(LOG_TILT_SD * z["tilt"]),
        drift_mg=DRIFT_MG * torch.exp(0.5 * z["drift"]),
        share_B3=share / share.square().mean(1, keepdim=True).sqrt(),
        tilt_axis_B3=grid.unit(z["tilt_axis"]),
        gravity_B3=1000 * grid.unit(z["gravity"]),
        move_mg_BM=moves * MOVE_MG * torch.exp(0.6 * z["size"]),
        move_at_s_BM=grid.GRID_S * torch.special.ndtr(z["at"]),
        move_width_s_BM=0.4 + 1.2 * torch.special.ndtr(z["width"]),
    )


def residual_variance(state: NoiseState) -> Tensor:
    """(B, 3) nominal variance of the residual noise in 2-25 Hz, mg^2."""
    width_hz = SNR_BAND_HZ[1] - SNR_BAND_HZ[0]
    shared_B = state.tremor_mg**2 + state.unrest_mg**2 + state.muscle_mg**2 * width_hz
    white_B = state.white_mg**2 * width_hz
    return shared_B[:, None] * state.share_B3**2 + white_B[:, None]


def residual(state: NoiseState, key: Key) -> Tensor:
    """(B, 3, GRID) tremor and unrest in mg, coming and going, and the sensor's white noise."""
    power_BCF = (_tremor_power(state) + _unrest_power(state))[:, None] * (state.share_B3**2)[..., None]
    white_BCF = (state.white_mg**2 * grid.BIN_HZ)[:, None, None].expand_as(power_BCF)
    coloured_BCT = grid.to_time(grid.noise_spectrum(key, Stream.ACC_NOISE, power_BCF))
    sensor_BCT = grid.to_time(grid.noise_spectrum(key, Stream.SENSOR_NOISE, white_BCF))
    return coloured_BCT * grid.ebb_and_flow(key, Stream.ACC_EBB, EBB_DEPTH)[:, None] + sensor_BCT


def slow_motion(state: NoiseState, beats: Heartbeats, key: Key) -> Tensor:
    """(B, 3, F) spectrum in mg of the breathing's tilt and of a slow drift of posture."""
    tilt_BCF = (state.tilt_mg[:, None] * state.tilt_axis_B3)[..., None] * beats.breathing_spectrum_BF[:, None]
    bins = tilt_BCF.shape[2]
    f = grid.frequency_hz(bins, tilt_BCF.device)
    shape = torch.where(f > 0, f.clamp(min=grid.BIN_HZ) ** -3, 0.0)
    power_BF = (state.drift_mg**2)[:, None] * (shape / shape.sum())
    return tilt_BCF + grid.noise_spectrum(key, Stream.DRIFT, power_BF[:, None].expand(-1, 3, -1))


def movements(state: NoiseState, key: Key) -> Tensor:
    """(B, 3, GRID) small movements in mg: bursts around 1.5 Hz, zero in most windows."""
    f = grid.frequency_hz(MOVE_BINS, state.tilt_mg.device)
    shape = torch.exp(-(((f - 1.5) / 1.5) ** 2))
    power_BCF = (shape / shape.sum()).expand(len(state.tilt_mg), 3, -1)
    carrier_BCT = grid.to_time(grid.noise_spectrum(key, Stream.MOVEMENT, power_BCF))
    time = torch.arange(grid.GRID, device=f.device) / grid.RATE_HZ
    away_BMT = (time - state.move_at_s_BM[..., None]) / state.move_width_s_BM[..., None]
    envelope_BT = (state.move_mg_BM[..., None] * torch.exp(-0.5 * away_BMT**2)).sum(1)
    return envelope_BT[:, None] * carrier_BCT


def quantized(acc_g: Tensor) -> Tensor:
    """What the converter gives: steps of 0.244 mg within -8 ... +8 g."""
    return (acc_g / STEP_G).round().clamp(-(2**15), 2**15 - 1) * STEP_G


def _tremor_power(state: NoiseState) -> Tensor:
    """(B, F) the spectrum of an AR(2) resonance at the tremor's frequency, without its slow end; sum tremor_mg^2."""
    damping_B = torch.full_like(state.tremor_hz, TREMOR_DAMPING)
    square = grid.frequency_hz(grid.BINS, damping_B.device) ** 2
    gain_BF = grid.energy(grid.resonance(state.tremor_hz, damping_B, grid.BINS)) * (
        square / (square + TREMOR_FROM_HZ**2)
    )
    return gain_BF * (state.tremor_mg**2 / gain_BF.double().sum(1)).float()[:, None]


def _unrest_power(state: NoiseState) -> Tensor:
    f = grid.frequency_hz(grid.BINS, state.unrest_mg.device)
    ratio = (f / UNREST_KNEE_HZ) ** 2
    shape = ratio / (1 + ratio) ** 3
    inside = grid.band(*SNR_BAND_HZ, grid.BINS, f.device)
    return (state.unrest_mg**2)[:, None] * (shape / (shape * inside).sum()) + (state.muscle_mg**2 * grid.BIN_HZ)[
        :, None
    ]
