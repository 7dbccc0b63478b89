"""The GPU reference: one encoder in bf16 through a CUDA graph, alone and at the batch of the highest throughput."""

import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from edgeacc.benchmarks.machine import source_commit
from edgeacc.benchmarks.results import Reference
from edgeacc.bundle.golden_windows import golden_windows
from edgeacc.errors import NotPossibleHere, ParityFailed
from edgeacc.export.parity import parity
from edgeacc.files import sha256
from edgeacc.models.card import encoder_file
from edgeacc.models.checkpoint import load_encoder
from edgeacc.models.deploy import deployable
from edgeacc.progress import Progress, silent

BATCHES = (1, 16, 64, 256, 1024, 4096)
BURN_IN, REPLAYS = 20, 200
MIN_SNR_DB = 30.0
"""Of bf16 against fp32: below, a fast answer is a wrong one (the floor of 8-bit weights)."""


def run_reference(checkpoint: Path, progress: Progress = silent) -> Reference:
    """Measure a checkpoint's encoder on the GPU that is here.

    Raises:
        NotPossibleHere: there is no CUDA device.
        BadInput: not a checkpoint, or windows that cannot be simulated.
        ParityFailed: bf16 does not compute what fp32 computes.
    """
    if not torch.cuda.is_available():
        raise NotPossibleHere(
            "there is no CUDA device here, and a reference is never taken from another machine's name",
            valid="a machine with an NVIDIA GPU and a CUDA build of torch",
            next_command="edgeacc doctor",
        )
    encoder, card = load_encoder(checkpoint)
    golden = golden_windows(encoder, card.contract)
    acc_BCT = torch.from_numpy(golden.acc_BCT).to("cuda", torch.bfloat16)
    network = deployable(encoder).to("cuda", torch.bfloat16)
    snr_db = _snr_db(network, acc_BCT, golden.z_BD)
    rates, alone_ms = {}, np.zeros(REPLAYS)
    for number, batch in enumerate(BATCHES):
        progress(number, len(BATCHES), f"batch {batch}")
        times_ms = _replays_ms(network, acc_BCT[torch.arange(batch, device="cuda") % len(acc_BCT)])
        rates[batch] = 1e3 * batch / float(np.median(times_ms))
        alone_ms = times_ms if batch == 1 else alone_ms
    driver, clock_mhz = _told_by_driver()
    best = max(rates, key=lambda batch: rates[batch])
    return Reference(
        date_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=source_commit(),
        device=torch.cuda.get_device_name(),
        driver=driver,
        clock_mhz=clock_mhz,
        torch=torch.__version__,
        checkpoint=checkpoint.name,
        weights_sha256=sha256(encoder_file(checkpoint)),
        precision="bf16",
        snr_db=snr_db,
        p50_ms=float(np.median(alone_ms)),
        p99_ms=float(np.percentile(alone_ms, 99)),
        best_batch=best,
        windows_per_s=rates[best],
    )


def _snr_db(network: nn.Module, acc_BCT: Tensor, z_BD: np.ndarray) -> float:
    with torch.inference_mode():
        got_BD = network(acc_BCT).float().cpu().numpy()
    snr_db = parity(z_BD, got_BD).snr_db
    if snr_db < MIN_SNR_DB:
        raise ParityFailed(f"bf16 on the GPU is {snr_db:.1f} dB from fp32", valid=f"{MIN_SNR_DB:g} dB or more")
    return snr_db


def _replays_ms(network: nn.Module, acc_BCT: Tensor) -> np.ndarray:
    """Wall time of each replay of one captured call, from its launch until the GPU is done."""
    replay = _captured(network, acc_BCT)
    for _ in range(BURN_IN):
        replay()
    torch.cuda.synchronize()
    times_ms = []
    for _ in range(REPLAYS):
        start_s = time.perf_counter()
        replay()
        torch.cuda.synchronize()
        times_ms.append((time.perf_counter() - start_s) * 1e3)
    return np.array(times_ms)


def _captured(network: nn.Module, acc_BCT: Tensor) -> Callable[[], None]:
    """A CUDA graph of one call; the calls before it, on a side stream, choose kernels and reserve memory."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.inference_mode(), torch.cuda.stream(side):
        for _ in range(3):
            network(acc_BCT)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.inference_mode(), torch.cuda.graph(graph):
        network(acc_BCT)
    return graph.replay


def _told_by_driver() -> tuple[str | None, float | None]:
    """The driver's version and the multiprocessors' clock now."""
    asked = ["nvidia-smi", "--query-gpu=driver_version,clocks.sm", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()[0].split(",")
        return told[0].strip(), float(told[1])
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError):
        return None, None
