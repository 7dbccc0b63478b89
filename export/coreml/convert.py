"""Convert an exported program to a Core ML package, in 16-bit float, with float, integer or palettized weights."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from torch import Tensor
from torch.export import ExportedProgram

from edgeacc.compression.gptq import BLOCK
from edgeacc.compression.recipe import Recipe
from edgeacc.compression.schemes import WEIGHT_BITS, Weights
from edgeacc.errors import BadInput, NotPossibleHere, command
from edgeacc.export.coreml.toolkit import coremltools
from edgeacc.export.exporter import EMBED, HEADS, INPUT_NAME, output_names
from edgeacc.export.mixed import require_layers, weights_of
from edgeacc.export.quiet import contained, refusing
from edgeacc.export.raw import last_division
from edgeacc.export.streaming import FINISH, PIECE_NAME, STEP, TOKENS_NAME, StreamingProgram
from edgeacc.export.well_rounded import SMALLEST
from edgeacc.models.deploy import largest_batch

NOT_WEIGHTS = ("add", "mul", "sub")
"""MIL operations whose constants stay in 16 bits: tables such as token positions, which are no weights.

Said this way round because coremltools refuses a constant that serves two operations with different settings, and it
stores equal vectors, such as biases that are all zero, only once. Vectors are never compressed.
"""


DEQUANTIZE = "quantized_decomposed.dequantize_per_tensor.default"


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
    model, compressed = _compressed(program, recipe)
    with contained():
        model.save(str(package))
    _settle(package)
    return Converted(model.get_spec().specificationVersion, compressed)


def convert_functions(network: ExportedProgram, program: ExportedProgram, recipe: Recipe, package: Path) -> Converted:
    """Write `package` with the functions `embed`, of the network alone, and `heads`, of all outputs; weights once.

    Raises:
        BadInput: as `convert`, or systems that know one function only.
        NotPossibleHere: as `convert`.
    """
    _require_ios18(recipe, "read packages of one function only", "--multifunction")
    embed, _ = _compressed(network, recipe)
    heads, compressed = _compressed(program, recipe)
    _save_functions({EMBED: embed, HEADS: heads}, package)
    return Converted(heads.get_spec().specificationVersion, compressed)


def _compressed(program: ExportedProgram, recipe: Recipe) -> tuple[Any, int]:
    """The converted program, and how many of its weights are in fewer than 16 bits."""
    model = _converted(program, recipe, [INPUT_NAME], output_names(program))
    compressed = _count_compressed(model)
    if compressed < len(_rules(recipe, program)):
        raise NotPossibleHere(
            f"{recipe.name}: coremltools compressed {compressed} of {len(_rules(recipe, program))} weights"
        )
    if recipe.weights == "int4" and not compressed:  # coremltools would leave all of them in 16 bits and not say so
        raise NotPossibleHere(
            f"{recipe.name}: no weight has {SMALLEST} values or more in blocks of {BLOCK} "
            "input channels; nothing would be compressed",
            valid="a wider network, or coreml-pal4",
            next_command="edgeacc cat coreml-pal4",
        )
    return model, compressed


def convert_streaming(program: StreamingProgram, recipe: Recipe, package: Path) -> int:
    """Write `package` with the functions `step(acc, piece)`, which has states, and `finish(tokens)`; its specification.

    Raises:
        BadInput: as `convert`, or systems that have no states.
        NotPossibleHere: as `convert`.
    """
    _require_ios18(recipe, "have no states", "--streaming")
    step = _converted(program.step, recipe, [INPUT_NAME, PIECE_NAME], [TOKENS_NAME])
    finish = _converted(program.finish, recipe, [TOKENS_NAME], output_names(program.finish))
    _save_functions({STEP: step, FINISH: finish}, package)
    return int(step.get_spec().specificationVersion)


def _require_ios18(recipe: Recipe, why: str, option: str) -> None:
    if _deployment_target(recipe) < coremltools().target.iOS18:
        raise BadInput(
            f"recipe {recipe.name}, minimum_os: {', '.join(recipe.minimum_os)} {why}",
            valid="watchOS11, iOS18 or later",
            next_command=command("edgeacc", "export", "--target", "coreml", option, "--minimum-os", "watchOS11"),
        )


def _save_functions(models: Mapping[str, Any], package: Path) -> None:
    """One package of several functions, the first of them its default; equal weights are stored once."""
    ct = coremltools()
    with TemporaryDirectory() as scratch, contained():
        together = ct.utils.MultiFunctionDescriptor()
        for name, model in models.items():
            path = str(Path(scratch) / f"{name}.mlpackage")
            model.save(path)
            together.add_function(path, src_function_name="main", target_function_name=name)
        together.default_function_name = next(iter(models))
        ct.utils.save_multifunction(together, str(package))
    _settle(package)


def _converted(program: ExportedProgram, recipe: Recipe, inputs: Sequence[str], outputs: Sequence[str]) -> Any:  # noqa: ANN401
    ct = coremltools()
    oldest = _deployment_target(recipe)
    examples, _ = program.example_inputs
    given = [
        ct.TensorType(name=name, shape=_shapes(program, example), dtype=np.float32)
        for name, example in zip(inputs, examples, strict=True)
    ]
    with refusing("coremltools", "convert the network"):
        return ct.convert(
            _scalars_in_float(program.run_decompositions({})),
            inputs=given,
            outputs=[ct.TensorType(name=name, dtype=np.float32) for name in outputs],
            convert_to="mlprogram",
            minimum_deployment_target=oldest,
            compute_precision=_precision(program),
            pass_pipeline=_passes(recipe, program),
            skip_model_load=True,
        )


def _shapes(program: ExportedProgram, example: Tensor) -> Any:  # noqa: ANN401
    """Of an input: the example's; or one window by default, and as many as the program takes."""
    batch = largest_batch(program)
    if batch == 1:
        return tuple(example.shape)
    one, several = ((count, *example.shape[1:]) for count in (1, batch))
    return coremltools().EnumeratedShapes(shapes=[one, several], default=one)


def _precision(program: ExportedProgram) -> Any:  # noqa: ANN401
    """16 bits, but for what comes before the last division of a preparation inside the program."""
    ct = coremltools()
    kept = set(last_division(program))
    if not kept:
        return ct.precision.FLOAT16
    after: dict[str, bool] = {}

    def is_after(operation: Any) -> bool:  # noqa: ANN401
        if operation.name not in after:
            makers = [each.op for each in operation.get_flattened_inputs() if each.op is not None]
            after[operation.name] = operation.name not in kept and any(
                each.name in kept or is_after(each) for each in makers
            )
        return after[operation.name]

    return ct.transform.FP16ComputePrecision(op_selector=is_after)


def _scalars_in_float(program: ExportedProgram) -> ExportedProgram:
    """The program, changed in place, with int8 constants of rank 0 as the numbers that they mean.

    coremltools 9.0 subtracts the zero point of such a constant in 8 bits: 127 - (-128) overflows to -1, and attention
    was scaled by -0.0007 in place of 0.18, without an error.
    """
    buffers = program.graph_signature.inputs_to_buffers
    for node in list(program.graph.nodes):
        if str(node.target) != DEQUANTIZE or node.args[0].name not in buffers:
            continue
        whole, (scale, zero_point) = program.state_dict[buffers[node.args[0].name]], node.args[1:3]
        if whole.ndim == 0:
            number = scale * (int(whole) - zero_point)
            for user in list(node.users):
                user.args = tuple(number if each is node else each for each in user.args)
            program.graph.erase_node(node)
    return program


def _passes(recipe: Recipe, program: ExportedProgram) -> Any:  # noqa: ANN401
    """The passes of coremltools; its compression of weights is appended to them.

    `coremltools.optimize.coreml.linear_quantize_weights` would run the same pass on the finished model and then all
    other passes a second time, over weights that are int8 already; there `fuse_conv_bias` fails on a convolution
    followed by a transpose and an addition ('NoneType' object has no attribute 'dtype', coremltools 9.0).
    """
    passes = coremltools().PassPipeline()
    rules = _rules(recipe, program)
    for name, kinds in (("palettize_weights", ("pal6", "pal4")), ("linear_quantize_weights", ("int8", "int4"))):
        chosen = {constant: weights for constant, weights in rules.items() if weights in kinds}
        if recipe.weights in kinds or chosen:
            passes.append_pass(f"compression::{name}")
            passes.set_options(f"compression::{name}", {"config": _compression(recipe.weights, chosen)})
    return passes


def _rules(recipe: Recipe, program: ExportedProgram) -> dict[str, Weights]:
    """Of a mixed recipe: the constants, as coremltools names those of a program in 16 bits, and their formats."""
    if not recipe.layers:
        return {}
    known = weights_of(program, SMALLEST)
    require_layers(recipe, known)
    return {f"{given}_to_fp16": weights for layer, weights in recipe.layers.items() for given in known[layer]}


def _compression(everywhere: Weights, chosen: Mapping[str, Weights]) -> Any:  # noqa: ANN401
    from coremltools.optimize.coreml import OptimizationConfig

    return OptimizationConfig(
        global_config=_rule(everywhere),
        op_type_configs=dict.fromkeys(NOT_WEIGHTS),
        op_name_configs={name: _rule(weights) for name, weights in chosen.items()},
    )


def _rule(weights: Weights) -> Any:  # noqa: ANN401
    """The settings of coremltools for a format; None for one that is not compressed."""
    from coremltools.optimize.coreml import OpLinearQuantizerConfig, OpPalettizerConfig

    common = {"weight_threshold": SMALLEST}
    if weights == "fp16":
        return None
    if weights == "int8":
        return OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int8", **common)
    if weights == "int4":
        blocks = {"granularity": "per_block", "block_size": BLOCK}
        return OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int4", **blocks, **common)
    return OpPalettizerConfig(mode="kmeans", nbits=WEIGHT_BITS[weights], **common)


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


def _settle(package: Path) -> None:
    """Replace coremltools' random identifiers by ones of the parts' paths: two conversions give the same bytes.

    And remove what coremltools adds for ExecuTorch's debugger, a fifth of a small package, of no use without it.
    """
    (package / "executorch_debug_handle_mapping.json").unlink(missing_ok=True)
    manifest = package / "Manifest.json"
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
