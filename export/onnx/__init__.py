"""ONNX: a checked graph of a pinned operator set in 32-bit float, run by onnxruntime."""

from edgeacc.export.onnx.exporter import OnnxExporter

__all__ = ["OnnxExporter"]
