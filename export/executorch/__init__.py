"""ExecuTorch: a program (.pte) whose arithmetic runs in XNNPACK, in 32-bit float or static int8."""

from edgeacc.export.executorch.exporter import ExecuTorchExporter

__all__ = ["ExecuTorchExporter"]
