"""Heart rate by spectrum: bursts at a known rate, at any scale, with noise."""

import math

import pytest
import torch

from edgeacc.signals.spectral_hr import spectral_hr

RATE_HZ = 64.0


def bursts(hr_bpm, duration_s, noise=0.0):
    """A 9-Hz tone on all axes whose strength comes and goes with the heart."""
    time_s = torch.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    strength = 1 + torch.cos(2 * math.pi * hr_bpm / 60 * time_s)
    tone = strength * torch.cos(2 * math.pi * 9 * time_s)
    generator = torch.Generator().manual_seed(0)
    return tone.expand(2, 3, -1) + noise * torch.randn(2, 3, len(time_s), generator=generator)


@pytest.mark.parametrize("hr_bpm", [42.0, 75.0, 130.0])
@pytest.mark.parametrize("duration_s", [15.0, 60.0])
def test_the_rate_of_bursts_is_found(hr_bpm, duration_s):
    told = spectral_hr(bursts(hr_bpm, duration_s, noise=0.3), RATE_HZ)
    torch.testing.assert_close(told, torch.full((2,), hr_bpm), atol=2.0, rtol=0)


def test_scale_and_gravity_do_not_matter():
    x = bursts(66.0, 30.0)
    torch.testing.assert_close(spectral_hr(0.001 * x + 1, RATE_HZ), spectral_hr(x, RATE_HZ))


def test_a_constant_signal_gives_the_lowest_rate():
    assert spectral_hr(torch.ones(1, 3, 960), RATE_HZ).item() == 30
