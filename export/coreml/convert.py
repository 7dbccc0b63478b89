"""Convert an exported program to a Core ML package, in 16-bit float, with float or int8 weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch.export import ExportedProgram

from edgeacc.compression.recipe import Recipe
from edgeacc.errors import BadInput
from edgeacc.export.coreml.toolkit import coremltools
from edgeacc.export.exporter import INPUT_NAME, OUTPUT_NAME
from edgeacc.export.quiet import contained, refusing

SMALLEST_INT8_WEIGHT = 512
"""Elements: smaller weights stay in 16 bits, because the file would not shrink by more than its alignment (64 bytes
per stored value) and a scale per channel take back (our estimate)."""

NOT_WEIGHTS = ("add", "mul", "sub")
"""MIL operations whose constants stay in 16 bits: tables such as token positions, which are no weights.

Said this way round because coremltools refuses a constant that serves two operations with different settings, and it
stores equal vectors, such as biases that are all zero, only once. Vectors are never made int8.
"""


@dataclass(frozen=True)
class Converted:
    """What a conversion decided.

    Attributes:
        specification_version: of the package; it follows from the recipe's oldest systems.
        int8_weights: how many weights are stored in int8.
    """

    specification_version: int
    int8_weights: int


def convert(program: ExportedProgram, recipe: Recipe, package: Path) -> Converted:
    """Write `package` from a program (1, 3, T) -> (1, D): input `acc` and output `embedding`, both 32-bit float.

    Args:
        program: not changed.
        recipe: of target `coreml`.
        package: a path that does not exist yet; it becomes a folder.

    Raises:
        BadInput: `recipe.minimum_os` names systems that coremltools does not know, or of different age.
        NotPossibleHere: coremltools refused the network; its own message is kept.
    """
    ct = coremltools()
    oldest = _deployment_target(recipe)
    shape = tuple(program.example_inputs[0][0].shape)
    with refusing("coremltools", "convert the network"):
        model = ct.convert(
            program.run_decompositions({}),
            inputs=[ct.TensorType(name=INPUT_NAME, shape=shape, dtype=np.float32)],
            outputs=[ct.TensorType(name=OUTPUT_NAME, dtype=np.float32)],
            convert_to="mlprogram",
            minimum_deployment_target=oldest,
            compute_precision=ct.precision.FLOAT16,
            pass_pipeline=_passes(int8_weights=recipe.weights == "int8"),
            skip_model_load=True,
        )
    with contained():
        model.save(str(package))
    return Converted(model.get_spec().specificationVersion, _count_int8_weights(model))


def _passes(*, int8_weights: bool) -> Any:  # noqa: ANN401
    """The passes of coremltools; for int8, its weight quantization is appended to them.

    `coremltools.optimize.coreml.linear_quantize_weights` would run the same pass on the finished model and then all
    other passes a second time, over weights that are int8 already; there `fuse_conv_bias` fails on a convolution
    followed by a transpose and an addition ('NoneType' object has no attribute 'dtype', coremltools 9.0).
    """
    ct = coremltools()
    passes = ct.PassPipeline()
    if int8_weights:
        from coremltools.optimize.coreml import OpLinearQuantizerConfig, OptimizationConfig

        symmetric = OpLinearQuantizerConfig(
            mode="linear_symmetric", dtype="int8", weight_threshold=SMALLEST_INT8_WEIGHT
        )
        config = OptimizationConfig(global_config=symmetric, op_type_configs=dict.fromkeys(NOT_WEIGHTS))
        passes.append_pass("compression::linear_quantize_weights")
        passes.set_options("compression::linear_quantize_weights", {"config": config})
    return passes


def _deployment_target(recipe: Recipe) -> Any:  # noqa: ANN401
    """The coremltools target for all of `recipe.minimum_os`; they must be of one age, as watchOS11 and iOS18 are."""
    known = dict(coremltools().target.__members__)
    systems = ", ".join(name for name in known if name.startswith(("watchOS", "iOS")))
    where = f"recipe {recipe.name}, minimum_os"
    problems = [f"{name!r} is no system that coremltools knows" for name in recipe.minimum_os if name not in known]
    if problems or not recipe.minimum_os:
        raise BadInput.several(where, problems or ["names no system"], valid=systems)
    ages = {known[name].value: name for name in recipe.minimum_os}
    if len(ages) > 1:
        raise BadInput(
            f"{where}: {', '.join(recipe.minimum_os)} need different Core ML specifications; a package has one",
            valid="systems of one age, such as watchOS10 with iOS17, or watchOS11 with iOS18",
        )
    return known[recipe.minimum_os[0]]


def _count_int8_weights(model: Any) -> int:  # noqa: ANN401
    (function,) = model.get_spec().mlProgram.functions.values()
    block = function.block_specializations[function.opset]
    return sum(operation.type.startswith("constexpr_") for operation in block.operations)
