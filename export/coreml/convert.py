"""Convert an exported program to a Core ML package, in 16-bit float, with float, integer or palettized weights."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from torch.export import ExportedProgram

from edgeacc.compression.recipe import Recipe
from edgeacc.compression.schemes import WEIGHT_BITS, Weights
from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.export.coreml.toolkit import coremltools
from edgeacc.export.exporter import INPUT_NAME, output_names
from edgeacc.export.quiet import contained, refusing

SMALLEST_COMPRESSED_WEIGHT = 512
"""Elements: smaller weights stay in 16 bits, because the file would not shrink by more than its alignment (64 bytes
per stored value) and a scale per channel take back (our estimate)."""

NOT_WEIGHTS = ("add", "mul", "sub")
"""MIL operations whose constants stay in 16 bits: tables such as token positions, which are no weights.

Said this way round because coremltools refuses a constant that serves two operations with different settings, and it
stores equal vectors, such as biases that are all zero, only once. Vectors are never compressed.
"""


INT4_BLOCK = 32
"""Input channels that share a scale (our choice); a weight whose input channels are no multiple stays in 16 bits."""


@dataclass(frozen=True)
class Converted:
    """What a conversion decided.

    Attributes:
        specification_version: of the package; it follows from the recipe's oldest systems.
        compressed_weights: how many weights are stored in fewer than 16 bits.
    """

    specification_version: int
    compressed_weights: int


def convert(program: ExportedProgram, recipe: Recipe, package: Path) -> Converted:
    """Write `package` from a program of input `acc` (1, 3, T) and `output_names`, all in 32-bit float.

    Args:
        program: not changed.
        recipe: of target `coreml`.
        package: a path that does not exist yet; it becomes a folder.

    Raises:
        BadInput: `recipe.minimum_os` names systems that coremltools does not know, or of different age.
        NotPossibleHere: coremltools refused the network; its own message is kept. Or int4 fits none of its weights.
    """
    ct = coremltools()
    oldest = _deployment_target(recipe)
    shape = tuple(program.example_inputs[0][0].shape)
    with refusing("coremltools", "convert the network"):
        model = ct.convert(
            program.run_decompositions({}),
            inputs=[ct.TensorType(name=INPUT_NAME, shape=shape, dtype=np.float32)],
            outputs=[ct.TensorType(name=name, dtype=np.float32) for name in output_names(program)],
            convert_to="mlprogram",
            minimum_deployment_target=oldest,
            compute_precision=ct.precision.FLOAT16,
            pass_pipeline=_passes(recipe.weights),
            skip_model_load=True,
        )
    compressed = _count_compressed(model)
    if recipe.weights == "int4" and not compressed:  # coremltools would leave all of them in 16 bits and not say so
        raise NotPossibleHere(
            f"{recipe.name}: no weight has {SMALLEST_COMPRESSED_WEIGHT} values or more in blocks of {INT4_BLOCK} "
            "input channels; nothing would be compressed",
            valid="a wider network, or coreml-pal4",
            next_command="edgeacc cat coreml-pal4",
        )
    with contained():
        model.save(str(package))
    _settle_identifiers(package / "Manifest.json")
    return Converted(model.get_spec().specificationVersion, compressed)


def _passes(weights: Weights) -> Any:  # noqa: ANN401
    """The passes of coremltools; its compression of weights is appended to them.

    `coremltools.optimize.coreml.linear_quantize_weights` would run the same pass on the finished model and then all
    other passes a second time, over weights that are int8 already; there `fuse_conv_bias` fails on a convolution
    followed by a transpose and an addition ('NoneType' object has no attribute 'dtype', coremltools 9.0).
    """
    passes = coremltools().PassPipeline()
    if weights != "fp16":
        from coremltools.optimize.coreml import OpLinearQuantizerConfig, OpPalettizerConfig, OptimizationConfig

        common = {"weight_threshold": SMALLEST_COMPRESSED_WEIGHT}
        if weights == "int8":
            rule = OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int8", **common)
        elif weights == "int4":
            blocks = {"granularity": "per_block", "block_size": INT4_BLOCK}
            rule = OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int4", **blocks, **common)
        else:
            rule = OpPalettizerConfig(mode="kmeans", nbits=WEIGHT_BITS[weights], **common)
        config = OptimizationConfig(global_config=rule, op_type_configs=dict.fromkeys(NOT_WEIGHTS))
        name = "palettize_weights" if weights.startswith("pal") else "linear_quantize_weights"
        passes.append_pass(f"compression::{name}")
        passes.set_options(f"compression::{name}", {"config": config})
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


def _settle_identifiers(manifest: Path) -> None:
    """Replace coremltools' random identifiers by ones of the parts' paths: two conversions give the same bytes."""
    content = json.loads(manifest.read_text())
    parts = content["itemInfoEntries"]
    settled = {identifier: str(uuid5(NAMESPACE_URL, part["path"])) for identifier, part in parts.items()}
    content["itemInfoEntries"] = {settled[identifier]: part for identifier, part in parts.items()}
    content["rootModelIdentifier"] = settled[content["rootModelIdentifier"]]
    manifest.write_text(json.dumps(content, indent=4, sort_keys=True) + "\n")


def _count_compressed(model: Any) -> int:  # noqa: ANN401
    (function,) = model.get_spec().mlProgram.functions.values()
    block = function.block_specializations[function.opset]
    return sum(operation.type.startswith("constexpr_") for operation in block.operations)
