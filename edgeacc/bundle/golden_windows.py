"""The golden windows of a network: simulated, prepared, embedded."""

import torch

from edgeacc.bundle.golden import Golden
from edgeacc.cohort.config import CohortConfig
from edgeacc.cohort.simulate import simulate
from edgeacc.errors import BadInput
from edgeacc.models.encoder import Encoder
from edgeacc.signals.contract import DEFAULT, SignalContract
from edgeacc.signals.prepare import prepare_acc

GOLDEN = CohortConfig(
    preset="calibrated", seed=20_211, participants=64, windows_per_participant=1, first_participant=1_000_000_000
)
"""64 people whom no training ever sees: their numbers and their seed are not those of a cohort that anyone makes."""


@torch.no_grad()
def golden_windows(encoder: Encoder, contract: SignalContract) -> Golden:
    """Simulate the golden windows and embed them with the fp32 network (in eval).

    Raises:
        BadInput: a contract whose windows the cohort cannot serve.
    """
    if (contract.rate_hz, contract.window_s) != (DEFAULT.rate_hz, DEFAULT.window_s):
        raise BadInput(
            f"golden windows of {contract.window_s:g} s at {contract.rate_hz:g} Hz cannot be simulated",
            valid=f"{DEFAULT.window_s:g} s at {DEFAULT.rate_hz:g} Hz",
        )
    raw = simulate(GOLDEN, torch.arange(GOLDEN.windows))
    acc_BCT = prepare_acc(raw.acc_g_BCT, contract)
    z_BD = torch.cat([encoder(window_CT[None]) for window_CT in acc_BCT])
    return Golden(raw.acc_g_BCT.numpy(), acc_BCT.numpy(), z_BD.numpy(), raw.labels["hr_bpm"].numpy())
