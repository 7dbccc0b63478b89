"""Heart rate from the accelerometer alone by signal processing: what a student has to beat.

Band-pass 5-14 Hz on each axis, the magnitude of the three, and the highest line of its spectrum in 0.5-3.5 Hz: the
ballistocardiogram's envelope repeats with the heart. The scheme is that of BioWatch (Hernandez, McDuff, Picard 2015,
PervasiveHealth, whose bands are 4-11 and 0.66-2.5 Hz); ours are wider, our choice.
"""

import torch
from torch import Tensor

from edgeacc.signals.filters import band_pass
from edgeacc.signals.samples import centred

BEAT_BAND_HZ = (5.0, 14.0)
RATE_BAND_HZ = (0.5, 3.5)
LINE_HZ = 1 / 256
"""Spacing of the spectrum's lines after zero padding: 0.23 beats a minute."""


def spectral_hr(acc_BCT: Tensor, rate_hz: float) -> Tensor:
    """Heart rate of each window.

    Args:
        acc_BCT: (B, 3, T) raw or prepared accelerometer, any unit, without NaN, longer than 1 s.
        rate_hz: its rate.

    Returns:
        (B) float32, beats a minute, 30-210; of an envelope without a line (a constant signal) the lowest.
    """
    magnitude_BT = band_pass(acc_BCT, rate_hz, BEAT_BAND_HZ).square().sum(1).sqrt()
    lines_BF = torch.fft.rfft(centred(magnitude_BT), n=round(rate_hz / LINE_HZ)).abs()
    first, last = (round(edge / LINE_HZ) for edge in RATE_BAND_HZ)
    line_B: Tensor = lines_BF[:, first : last + 1].argmax(1) + first
    return 60 * LINE_HZ * line_B.float()
