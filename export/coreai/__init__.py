"""Core AI: assets (`.aimodel`) written by coreai-torch and run by coreai-core's own Linux runtime: level `executed`."""

from edgeacc.export.coreai.exporter import CoreAIExporter

__all__ = ["CoreAIExporter"]
