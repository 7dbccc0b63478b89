"""Core ML: packages written by coremltools, and checked by our own evaluator of the program inside the package.

Nothing predicts with Core ML on Linux. So the package is read back after saving, and `evaluator` computes its program
operation by operation, with 16-bit rounding where the program says 16 bits: level `evaluated`, never `executed`.
"""

from edgeacc.export.coreml.exporter import CoreMLExporter

__all__ = ["CoreMLExporter"]
