"""Standard scores: the last declared step, per channel and window."""

import numpy as np

from edgeacc.signals.samples import Samples, centred, variance

FLOOR = 1e-9
"""Smallest standard deviation divided by, in the unit of the samples: far below any sensor's step, above zero."""


def z_score(x: Samples) -> Samples:
    """Take the mean off and divide by the standard deviation (population), along the last dimension.

    Args:
        x: (..., T) float samples in any unit.

    Returns:
        (..., T), mean 0 and standard deviation 1 along T; a constant channel gives exact zeros, never NaN.
    """
    y = centred(x)
    if isinstance(y, np.ndarray):
        return np.asarray(y / np.sqrt(variance(y)).clip(min=FLOOR)[..., None])
    return y.div(variance(y).sqrt().clamp(min=FLOOR)[..., None])
