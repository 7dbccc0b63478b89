"""The heartbeat in the wrist's acceleration.

Three parts, each along its own direction in the watch's frame:
- the whole body's recoil: the force F = A_D (P1 - P2) - A_A (P0 - P1) of the pressures at the aorta's inlet, arch and
  outlet, delayed by length over pulse wave velocity (Kim et al. 2016, Scientific Reports 6:31297), through the limb, a
  second-order resonance; the aortic valve's closing, an ejection time later, gives the late waves;
- the same force through a second, faster mode of the limb;
- the wrist's own pulse: the second derivative of the arterial wave, when it arrives.
The amplitude is the peak-to-peak of the best axis, in mg, and falls with the body's mass.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from edgeacc.cohort import grid
from edgeacc.cohort.participants import Traits, named_normals
from edgeacc.cohort.ppg import PpgState
from edgeacc.cohort.random import Key, Stream
from edgeacc.cohort.rhythm import Heartbeats, RhythmState, by_posture

BINS = grid.bins_below(25.0)
AMPLITUDE_MG = 5.3
POSTURE_AMPLITUDE = (2.15, 1.26, 1.26)
"""Best-axis peak-to-peak of one beat without jitter, for 75 kg, times a factor by posture: our estimates, chosen so
that the measured average meets the calibration table."""
POSTURE_CLOSING = (0.1, 0.44, 0.44)
"""The valve's closing over the opening, by posture: our estimate, to meet the table's late main deflections."""
JITTER_MS = (6.0, 12.0, 12.0)
"""Median jitter of a beat's time by posture (calibration table)."""
ASCENDING_OVER_DESCENDING = 1.6
"""Cross-section of the ascending over the descending aorta, A_A / A_D: about 7 over 4.4 cm^2 (our estimate)."""
INLET_TO_ARCH, ARCH_TO_OUTLET = 0.06, 0.25
"""Lengths over body height (our estimate)."""
PRESSURE_RISE_S, PRESSURE_WIDTH_S = 0.028, 0.018
RUN_OFF_S, RUN_OFF_WIDTH_S, RUN_OFF_HEIGHT = 0.16, 0.045, 0.5
CLOSING_WIDTH_S = 0.017
CLOSING_LAG_S = 0.12
"""The aortic pressure as Gaussians: its rise after the valve opens, the run-off, and what the closing takes away after
the ejection time and a lag. Our estimates, chosen to meet the spectrum and timing of the calibration table."""
LOCAL_WIDTH_S = 0.036
SECOND_MODE = 1.0
LOCAL_PART = 0.8
"""Width of the local wave; energy of the second mode and of the local part over the first: our estimates, as above."""
HIGH_PASS_HZ = 0.5
"""The model's force drifts below this, an accelerometer's does not (our choice)."""
COARSE = 16
"""Every 16th bin makes one beat's template on a 4-s grid, wide enough for the whole response."""


class BallistoState(NamedTuple):
    """(B) each, directions (B, 3)."""

    opening_s: Tensor
    jitter_s: Tensor
    breathing_depth: Tensor
    inlet_delay_s: Tensor
    outlet_delay_s: Tensor
    closing_s: Tensor
    rise_s: Tensor
    closing: Tensor
    limb_hz: Tensor
    limb_damping: Tensor
    second_hz: Tensor
    second: Tensor
    local: Tensor
    local_width_s: Tensor
    amplitude_mg: Tensor
    first_axis_B3: Tensor
    second_axis_B3: Tensor
    local_axis_B3: Tensor


DRAWS = dict.fromkeys(
    (
        *("opening", "jitter", "depth", "ejection", "closing", "limb", "second_hz", "second", "local"),
        *("amplitude", "rise", "local_width"),
    ),
    1,
) | dict.fromkeys(("first_axis", "second_axis", "local_axis"), 3)


def draw_ballisto(key: Key, traits: Traits, rhythm: RhythmState) -> BallistoState:
    """The window's response to a beat. Spreads are our estimates, calibrated to the table."""
    z = named_normals(key, Stream.BALLISTO, DRAWS)
    arch_s, outlet_s = (part * traits.height_m / (0.8 * traits.pwv_m_s) for part in (INLET_TO_ARCH, ARCH_TO_OUTLET))
    limb_hz = (traits.limb_hz + by_posture((0.3, 0.0, -0.2), rhythm.posture) + 0.5 * z["limb"]).clamp(4.0, 9.0)
    return BallistoState(
        opening_s=0.090 + 0.022 * z["opening"],
        jitter_s=by_posture(JITTER_MS, rhythm.posture) / 1000 * torch.exp(0.4 * z["jitter"]),
        breathing_depth=0.10 * torch.exp(0.4 * z["depth"]),
        inlet_delay_s=arch_s,
        outlet_delay_s=arch_s + outlet_s,
        closing_s=ejection_time_s(rhythm.hr_bpm, traits.stroke_volume_ml)
        + CLOSING_LAG_S * torch.exp(0.5 * z["ejection"]),
        rise_s=PRESSURE_RISE_S * torch.exp(0.5 * z["rise"]),
        closing=by_posture(POSTURE_CLOSING, rhythm.posture) * torch.exp(1.0 * z["closing"]),
        limb_hz=limb_hz,
        limb_damping=(0.34 * torch.exp(traits.log_limb_damping)).clamp(0.2, 0.5),
        second_hz=1.9 * limb_hz + 1.0 * z["second_hz"],
        second=SECOND_MODE * torch.exp(0.3 * z["second"]),
        local=LOCAL_PART * torch.exp(0.4 * z["local"]),
        local_width_s=LOCAL_WIDTH_S * torch.exp(0.3 * z["local_width"]),
        amplitude_mg=AMPLITUDE_MG
        * by_posture(POSTURE_AMPLITUDE, rhythm.posture)
        * torch.exp(traits.log_bcg_mg + 0.10 * z["amplitude"]),
        first_axis_B3=grid.unit(grid.unit(traits.bcg_axis_B3) * 0.5 + grid.unit(z["first_axis"])),
        second_axis_B3=grid.unit(z["second_axis"]),
        local_axis_B3=grid.unit(grid.unit(traits.local_axis_B3) * 0.5 + grid.unit(z["local_axis"])),
    )


def ejection_time_s(hr_bpm: Tensor, stroke_volume_ml: Tensor) -> Tensor:
    """Left ventricular ejection time: 244.3 - 0.925 HR + 1.083 SV ms, SD 13 ms (Charlton et al. 2019)."""
    return (244.3 - 0.925 * hr_bpm + 1.083 * stroke_volume_ml) / 1000


def template(state: BallistoState, ppg: PpgState) -> Tensor:
    """(B, 3, F) spectrum of one beat's acceleration in mg after its R peak, without jitter."""
    force_BF = _unit_power(_force(state))
    first_BF = _unit_power(force_BF * grid.resonance(state.limb_hz, state.limb_damping, BINS))
    second_BF = _unit_power(force_BF * grid.resonance(state.second_hz, 1.2 * state.limb_damping, BINS))
    opening_BF = grid.delay(state.opening_s, BINS)
    recoil_BCF = first_BF[:, None] * state.first_axis_B3[..., None]
    recoil_BCF = recoil_BCF + second_BF[:, None] * (state.second_axis_B3 * state.second[:, None])[..., None]
    local_BF = _local_pulse(state, ppg)
    local_BCF = local_BF[:, None] * (state.local_axis_B3 * state.local[:, None])[..., None]
    shape_BCF = recoil_BCF * opening_BF[:, None] + local_BCF
    height_B = peak_to_peak(shape_BCF).amax(1)
    return shape_BCF * (state.amplitude_mg / height_B)[:, None, None]


def beat_average(template_BCF: Tensor) -> Tensor:
    """(B, 3, T) one beat in time, on a 4-s grid that starts at the R peak."""
    return grid.to_time(template_BCF[..., ::COARSE].contiguous(), grid.GRID // COARSE)


def peak_to_peak(template_BCF: Tensor) -> Tensor:
    """(B, 3) in the unit of the template."""
    beat_BCT = beat_average(template_BCF)
    return beat_BCT.amax(-1) - beat_BCT.amin(-1)


def beat_series(state: BallistoState, beats: Heartbeats, z_BK: Tensor) -> Tensor:
    """(B, F) spectrum of the beats with their jitter and their amplitude; z_BK are 2K normals."""
    jitter_BK, height_BK = z_BK.chunk(2, 1)
    time_BK = beats.r_peak_s_BK + state.jitter_s[:, None] * jitter_BK
    weight_BK = 1 + state.breathing_depth[:, None] * beats.breathing_BK + 0.10 * height_BK
    return grid.impulses(time_BK, weight_BK * beats.real_BK, BINS)


def _force(state: BallistoState) -> Tensor:
    bins, device = BINS, state.opening_s.device
    f = grid.frequency_hz(bins, device)
    rise_BF = _bell_at(0.0, PRESSURE_WIDTH_S, f) * grid.delay(state.rise_s, bins)
    run_off = RUN_OFF_HEIGHT * _bell_at(RUN_OFF_S, RUN_OFF_WIDTH_S, f)
    closing_BF = state.closing[:, None] * _bell_at(0.0, CLOSING_WIDTH_S, f) * grid.delay(state.closing_s, bins)
    pressure_BF = rise_BF + run_off - closing_BF
    arch_BF, outlet_BF = grid.delay(state.inlet_delay_s, bins), grid.delay(state.outlet_delay_s, bins)
    force_BF = pressure_BF * ((arch_BF - outlet_BF) - ASCENDING_OVER_DESCENDING * (1 - arch_BF))
    return force_BF * (f**2 / (HIGH_PASS_HZ**2 + f**2))


def _bell_at(centre_s: float, width_s: float, f: Tensor) -> Tensor:
    angle = -2 * math.pi * centre_s * f
    return torch.exp(-0.5 * (2 * math.pi * width_s * f) ** 2) * torch.complex(torch.cos(angle), torch.sin(angle))


def _local_pulse(state: BallistoState, ppg: PpgState) -> Tensor:
    """(B, F) second derivative of a Gaussian wave that arrives with the PPG's pulse, unit power."""
    bent = grid.frequency_hz(BINS, ppg.delay_s.device) ** 2 * grid.bell(state.local_width_s, BINS)
    return _unit_power(bent * grid.delay(ppg.delay_s, BINS))


def _unit_power(spectrum_BF: Tensor) -> Tensor:
    power_B = grid.energy(spectrum_BF).double().sum(1)
    return spectrum_BF / power_B.sqrt().float()[:, None]
