"""TFLite: a flatbuffer of builtin operators with its weights inside, in 32-bit float or static int8, run by LiteRT."""

from edgeacc.export.tflite.exporter import TFLiteExporter

__all__ = ["TFLiteExporter"]
