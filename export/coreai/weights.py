"""Weights of a Core AI program in fewer bits, by coreai-opt."""

from typing import Any

from edgeacc.compression.gptq import BLOCK
from edgeacc.compression.schemes import WEIGHT_BITS, Weights
from edgeacc.export.well_rounded import SMALLEST


def with_small_weights(program: Any, weights: Weights) -> Any:  # noqa: ANN401
    """The same `AIProgram` with its weights as integers (symmetric) or as indices into a table, or as it was for fp32.

    What a layer computes stays in 32-bit float.
    """
    from coreai_opt.coreai_utils import CompressionGranularity, DType, palettize_weights, quantize_weights

    bits = WEIGHT_BITS[weights]
    match weights:
        case "int8":
            return quantize_weights(program, DType.INT8, weight_num_threshold=SMALLEST)
        case "int4":
            blocks = CompressionGranularity.PER_BLOCK
            return quantize_weights(
                program, DType.INT4, granularity=blocks, block_size=BLOCK, weight_num_threshold=SMALLEST
            )
        case "pal6" | "pal4":
            return palettize_weights(program, None, n_bits=bits, weight_num_threshold=SMALLEST, num_kmeans_workers=1)
    return program
