"""The usual ways to run the same weights: the network written plainly, each tool's own conversion, no help of ours."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from edgeacc.benchmarks.machine import cores
from edgeacc.benchmarks.plain import plain_encoder
from edgeacc.benchmarks.results import EAGER
from edgeacc.bundle.calibration import calibration_set
from edgeacc.errors import NotPossibleHere
from edgeacc.export.exporter import INPUT_NAME, Outputs, Session
from edgeacc.export.quiet import refusing
from edgeacc.export.registry import require_packages
from edgeacc.models.checkpoint import load_encoder
from edgeacc.models.encoder import Encoder

EAGER_TARGET, COMPILED_TARGET = "eager", "compiled"
"""Of peers that PyTorch itself runs, from the checkpoint; the others are files that a target's runtime runs."""
BATCH = 64
"""Windows of one call, of those that are timed with several too: all golden windows."""
CALIBRATED_ON = 128
"""Windows for onnxruntime's static int8: as many as our recipes' fewest."""


class Peer(NamedTuple):
    """One usual way.

    Attributes:
        name: in the results.
        target: whose runtime runs it, or one of PyTorch's.
        model: a file; the checkpoint's folder for PyTorch.
        batch: windows of one call.
        threads: that it may use.
    """

    name: str
    target: str
    model: Path
    batch: int = 1
    threads: int = 1


def eager(checkpoint: Path) -> Peer:
    """PyTorch without compilation, one window at a time on one thread: what ratios refer to."""
    return Peer(EAGER, EAGER_TARGET, checkpoint)


def peers(checkpoint: Path, folder: Path) -> Iterator[Peer | NotPossibleHere]:
    """All others, made one after another; in the place of one that cannot be made here, the reason.

    Args:
        checkpoint: whose encoder is run.
        folder: gets the files.

    Raises:
        BadInput: not a checkpoint.
    """
    yield Peer(f"{EAGER}, batch {BATCH}", EAGER_TARGET, checkpoint, batch=BATCH)
    yield Peer(f"{EAGER}, batch {BATCH}, all threads", EAGER_TARGET, checkpoint, batch=BATCH, threads=cores())
    yield Peer("torch-compile", COMPILED_TARGET, checkpoint)
    encoder, card = load_encoder(checkpoint)
    window_1CT = torch.zeros(1, encoder.config.in_channels, card.contract.samples)
    plain = plain_encoder(encoder).eval()
    converted = _Conversions(plain, window_1CT, folder)
    calibration_BCT = calibration_set(None, card.contract, CALIBRATED_ON).acc_BCT[:CALIBRATED_ON]
    several = f"onnxruntime-fp32, batch {BATCH}"
    ways: dict[str, tuple[str, Callable[[], Path]]] = {
        "onnxruntime-fp32": ("onnx", converted.onnx),
        several: ("onnx", lambda: converted.onnx(BATCH)),
        "onnxruntime-int8-dynamic": ("onnx", converted.onnx_dynamic),
        "onnxruntime-int8-static": ("onnx", lambda: converted.onnx_static(calibration_BCT.numpy())),
        "plain-litert-torch": ("tflite", converted.tflite),
        "plain-executorch": ("executorch", converted.executorch),
    }
    for name, (target, make) in ways.items():
        try:
            require_packages(target, "convert")
            yield Peer(name, target, make(), batch=BATCH if name == several else 1)
        except NotPossibleHere as error:
            yield NotPossibleHere(f"{name}: {error.problem}", next_command=error.next_command)


class _Conversions:
    """Of a plainly written network, each as its tool's own pages tell to do it."""

    def __init__(self, plain: Encoder, window_1CT: torch.Tensor, folder: Path) -> None:
        self._plain, self._window_1CT, self._folder = plain, window_1CT, folder

    def onnx(self, batch: int = 1) -> Path:
        path = self._folder / f"plain{batch}.onnx"
        if not path.exists():
            with refusing("torch.onnx", "convert the plain network"):
                made = torch.onnx.export(
                    self._plain,
                    (self._window_1CT.repeat(batch, 1, 1),),
                    dynamo=True,
                    input_names=[INPUT_NAME],
                    verbose=False,
                )
                if made is None:
                    raise RuntimeError("it gave no program")
                made.save(path)
        return path

    def onnx_dynamic(self) -> Path:
        source, path = self._ready_to_quantize(), self._folder / "dynamic.onnx"
        with refusing("onnxruntime.quantization", "quantize the plain network"):
            from onnxruntime.quantization import quantize_dynamic

            quantize_dynamic(source, path)
        return path

    def onnx_static(self, acc_BCT: NDArray[np.float32]) -> Path:
        source, path = self._ready_to_quantize(), self._folder / "static.onnx"
        with refusing("onnxruntime.quantization", "quantize the plain network"):
            from onnxruntime.quantization import CalibrationDataReader, quantize_static

            class Windows(CalibrationDataReader):  # type: ignore[misc]
                def __init__(self) -> None:
                    self._left = ({INPUT_NAME: acc_CT[None]} for acc_CT in acc_BCT)

                def get_next(self) -> dict[str, NDArray[np.float32]] | None:
                    return next(self._left, None)

            quantize_static(source, path, Windows())
        return path

    def _ready_to_quantize(self) -> Path:
        source, path = self.onnx(), self._folder / "inferred.onnx"
        if not path.exists():
            with refusing("onnxruntime.quantization", "read the plain network"):
                from onnxruntime.quantization.shape_inference import quant_pre_process

                quant_pre_process(source, path)
        return path

    def tflite(self) -> Path:
        path = self._folder / "plain.tflite"
        with refusing("litert-torch", "convert the plain network"):
            import litert_torch

            litert_torch.convert(self._plain, (self._window_1CT,)).export(str(path))
        return path

    def executorch(self) -> Path:
        path = self._folder / "plain.pte"
        with refusing("ExecuTorch", "convert the plain network"):
            from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
            from executorch.exir import to_edge_transform_and_lower

            program = torch.export.export(self._plain, (self._window_1CT,))
            lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
            path.write_bytes(lowered.to_executorch().buffer)
        return path


def eager_session(checkpoint: Path) -> Session:
    """The plainly written encoder of a checkpoint, run by PyTorch without compilation.

    Raises:
        BadInput: not a checkpoint.
    """
    return _session(plain_encoder(load_encoder(checkpoint).encoder).eval())


def compiled_session(checkpoint: Path) -> Session:
    """The same through torch.compile; the first call compiles.

    Raises:
        BadInput: not a checkpoint.
        NotPossibleHere: torch.compile finds no C++ compiler.
    """
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        raise NotPossibleHere("torch.compile needs a C++ compiler: g++, or the one that CXX names")
    return _session(torch.compile(plain_encoder(load_encoder(checkpoint).encoder).eval()))


def _session(network: Callable[[torch.Tensor], torch.Tensor]) -> Session:
    def embed(acc_BCT: NDArray[np.float32]) -> Outputs:
        with torch.inference_mode():
            return (network(torch.from_numpy(acc_BCT)).numpy(),)

    return embed
