"""The usual ways to run the same weights: PyTorch eager, and onnxruntime in 32-bit float."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edgeacc.compression.recipe import RECIPES
from edgeacc.export.exporter import Outputs, Session
from edgeacc.export.registry import exporter
from edgeacc.models.checkpoint import load_encoder
from edgeacc.models.deploy import deployable, exported_program

ONNXRUNTIME = "onnxruntime-fp32"
EAGER_TARGET, ONNX_TARGET = "eager", "onnx"


def eager_session(checkpoint: Path) -> Session:
    """The deployed form of a checkpoint's encoder, run by PyTorch without compilation on one thread.

    Raises:
        BadInput: not a checkpoint.
    """
    torch.set_num_threads(1)
    network = deployable(load_encoder(checkpoint).encoder)

    def embed(acc_1CT: NDArray[np.float32]) -> Outputs:
        with torch.inference_mode():
            return (network(torch.from_numpy(acc_1CT)).numpy(),)

    return embed


def onnx_model(checkpoint: Path, folder: Path) -> Path:
    """Convert a checkpoint's encoder for onnxruntime, as `--target onnx` does.

    Raises:
        BadInput: not a checkpoint.
        NotPossibleHere: the extra `onnx` is not installed, or the converter refused.
    """
    encoder, card = load_encoder(checkpoint)
    no_windows = torch.zeros(0, encoder.config.in_channels, card.contract.samples)
    program = exported_program(encoder, card.contract)
    return exporter(ONNX_TARGET, "convert").convert(program, RECIPES["onnx-fp32"], no_windows, folder)
