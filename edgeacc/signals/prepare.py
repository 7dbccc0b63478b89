"""From raw windows to the network's input: the steps that the contract declares, in its order."""

from collections.abc import Callable
from typing import Any

from edgeacc.errors import BadInput, unknown
from edgeacc.signals.contract import SignalContract
from edgeacc.signals.filters import band_pass
from edgeacc.signals.quality import fill_gaps
from edgeacc.signals.samples import Samples, single_precision
from edgeacc.signals.standardize import z_score

Step = Callable[[Any, SignalContract, tuple[float, float]], Any]

STEPS: dict[str, Step] = {
    "fill_gaps": lambda x, contract, _: fill_gaps(x, contract.rate_hz, contract.max_gap_s),
    "band_pass": lambda x, contract, band_hz: band_pass(x, contract.rate_hz, band_hz),
    "z_score": lambda x, _, __: z_score(x),
}


def prepare_acc(acc_g_BCT: Samples, contract: SignalContract) -> Samples:
    """The network's accelerometer input.

    Args:
        acc_g_BCT: (B, 3, T) raw accelerometer in g with gravity, at the contract's rate.
        contract: the steps and their parameters.

    Returns:
        (B, 3, T) float32, standard scores per axis; an axis with a gap longer than the contract allows is NaN.

    Raises:
        BadInput: the contract names a step that does not exist, or its band does not fit the window.
    """
    return _through_steps(acc_g_BCT, contract, contract.acc_band_hz)


def prepare_ppg(ppg_BCT: Samples, contract: SignalContract) -> Samples:
    """The teacher's PPG input; fewer channels than the contract has are repeated in a cycle (0 1 2 0 ...).

    Args:
        ppg_BCT: (B, 1 ... ppg_channels, T) raw PPG in any unit, the pulse's upstroke positive, at the contract's rate.
        contract: the steps and their parameters.

    Returns:
        (B, ppg_channels, T) float32, standard scores per channel.

    Raises:
        BadInput: as `prepare_acc`, and more channels than the contract has.
    """
    if ppg_BCT.shape[-2] > contract.ppg_channels:
        raise BadInput(f"a PPG of {ppg_BCT.shape[-2]} channels", valid=f"1 to {contract.ppg_channels} channels")
    prepared = _through_steps(ppg_BCT, contract, contract.ppg_band_hz)
    cycle = [channel % ppg_BCT.shape[-2] for channel in range(contract.ppg_channels)]
    return prepared if len(cycle) == ppg_BCT.shape[-2] else prepared[..., cycle, :]


def _through_steps(x: Samples, contract: SignalContract, band_hz: tuple[float, float]) -> Samples:
    for step in contract.steps:
        if step not in STEPS:
            raise unknown("step in the signal contract", step, list(STEPS))
        x = STEPS[step](x, contract, band_hz)
    return single_precision(x)
