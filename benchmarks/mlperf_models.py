"""The four networks of MLPerf Tiny with seeded random weights, as static-int8 .tflite.

Topologies: mlcommons/tiny, v1.0 (anomaly detection: dense autoencoder; keyword spotting: depthwise-separable CNN;
visual wake words: MobileNetV1 0.25 at 96 x 96; image classification: the ResNet of three stacks). How many
instructions a network executes does not depend on its weights: nothing needs to be downloaded, and what it computes
means nothing.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeacc.export.tflite.convert import to_flatbuffer
from edgeacc.export.tflite.exporter import open_session
from edgeacc.export.tflite.flatbuffer import inlined
from edgeacc.export.tflite.quantize import static

SEED = 0
CALIBRATION_INPUTS = 8


class _Same(nn.Module):
    """A convolution with TensorFlow's SAME padding, BatchNorm folded, and a ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: tuple[int, int], stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        (kh, kw), stride = self.conv.kernel_size, self.conv.stride[0]
        rows, columns = (_same(size, kernel, stride) for size, kernel in ((x.shape[2], kh), (x.shape[3], kw)))
        return functional.relu(self.conv(functional.pad(x, (*columns, *rows))))


def _same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    whole = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return whole // 2, whole - whole // 2


class _ChannelsLast(nn.Module):
    """A network for images as TensorFlow lays them out: rows, columns, channels."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x_BHWC: Tensor) -> Tensor:
        out: Tensor = self.network(x_BHWC.permute(0, 3, 1, 2))
        return out


class _Residual(nn.Module):
    """Two convolutions beside the identity, or beside a 1 x 1 convolution where the size changes.

    Padded by one on each side also where the stride is 2, where TensorFlow pads one side: the same number of results.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.beside = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.second(functional.relu(self.first(x))) + self.beside(x))


def _separable(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    return [_Same(inputs, inputs, (3, 3), stride, groups=inputs), _Same(inputs, outputs, (1, 1))]


def _classifier(features: list[nn.Module], width: int, pool: tuple[int, int], classes: int) -> nn.Module:
    head = [nn.AvgPool2d(pool), nn.Flatten(), nn.Linear(width, classes), nn.Softmax(-1)]
    return _ChannelsLast(nn.Sequential(*features, *head))


def anomaly_detection() -> nn.Module:
    """640 spectral values and back through a bottleneck of 8."""
    widths = (640, 128, 128, 128, 128, 8, 128, 128, 128, 128, 640)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def keyword_spotting() -> nn.Module:
    """49 x 10 cepstral values, 12 words."""
    features: list[nn.Module] = [_Same(1, 64, (10, 4), 2)]
    for _ in range(4):
        features += _separable(64, 64, 1)
    return _classifier(features, 64, (25, 5), 12)


def visual_wake_words() -> nn.Module:
    """96 x 96 pixels: a person or none."""
    features: list[nn.Module] = [_Same(3, 8, (3, 3), 2)]
    plan = ((8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 128, 2), *[(128, 128, 1)] * 5)
    for inputs, outputs, stride in (*plan, (128, 256, 2), (256, 256, 1)):
        features += _separable(inputs, outputs, stride)
    return _classifier(features, 256, (3, 3), 2)


def image_classification() -> nn.Module:
    """32 x 32 pixels, 10 classes."""
    stacks = [_Residual(16, 16, 1), _Residual(16, 32, 2), _Residual(32, 64, 2)]
    return _classifier([_Same(3, 16, (3, 3)), *stacks], 64, (8, 8), 10)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "ad": (anomaly_detection, (640,)),
    "kws": (keyword_spotting, (49, 10, 1)),
    "vww": (visual_wake_words, (96, 96, 3)),
    "ic": (image_classification, (32, 32, 3)),
}
"""Name -> how it is built, and the shape of its input."""


def int8_flatbuffer(name: str) -> bytes:
    """A network of `NETWORKS` as static-int8 .tflite.

    Raises:
        NotPossibleHere: the converter or the quantizer is missing or refused.
    """
    build, shape = NETWORKS[name]
    torch.manual_seed(SEED)
    network = build().eval()
    for weights in network.parameters():
        if weights.dim() > 1:
            nn.init.kaiming_normal_(weights, nonlinearity="relu")  # signals keep their size through all layers
    program = torch.export.export(network, (torch.zeros(1, *shape),))
    inputs = torch.randn(CALIBRATION_INPUTS, *shape, generator=torch.Generator().manual_seed(SEED)).numpy()
    return inlined(static(to_flatbuffer(program), inputs.astype(np.float32), open_session, 8).model)
