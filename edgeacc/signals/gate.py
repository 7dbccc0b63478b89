"""The low-motion gate: how much the wrist moves within a window."""

import numpy as np

from edgeacc.signals.samples import Samples, centred, variance


def motion_mg(acc_g_BCT: Samples) -> Samples:
    """Square root of the summed variances of the three axes over the window (a constant, gravity, does not count).

    A window is of low motion where this is below `SignalContract.low_motion_mg` (30 mg, our estimate of a still wrist).

    Args:
        acc_g_BCT: (..., C, T) raw accelerometer in g, gravity included, without NaN.

    Returns:
        (...) in mg.
    """
    power_BC = variance(centred(acc_g_BCT))
    if isinstance(power_BC, np.ndarray):
        return np.asarray(1000.0 * np.sqrt(power_BC.sum(-1)))
    return power_BC.sum(-1).sqrt().mul(1000.0)
