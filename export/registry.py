"""The targets as data: what each needs and how far this machine can check it. Nothing heavy is imported here."""

from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, metadata, version
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import NotPossibleHere, unknown

if TYPE_CHECKING:
    from edgeacc.export.exporter import Exporter


class TargetInfo(BaseModel):
    """One target.

    Attributes:
        name: as `--target` takes it.
        module: the room; it holds a class `exporter_class` that implements `Exporter`.
        exporter_class: its name.
        extra: `pip install 'edgeacc[extra]'` brings what it needs.
        packages: distributions that `convert` imports.
        runtime_packages: distributions that `load` and `run` import.
        runtime_modules: their modules, so that a benchmark can tell importing a runtime from loading an artifact; none
            where no runtime of the target exists here.
        threads: that runtime can use several of its own for one window (`Exporter.load_on_threads`).
        level: how far `run` goes (see `edgeacc.export.exporter.Level`).
        default_recipe: what `--target` alone means.
        all_recipes: what `--target all` makes: one in float and, where there is one, one quantized, so that it stays a
            first look and does not grow with every scheme.
        summary: one line for people.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    module: str
    exporter_class: str
    extra: str
    packages: tuple[str, ...]
    runtime_packages: tuple[str, ...]
    runtime_modules: tuple[str, ...]
    threads: bool = False
    level: Literal["executed", "evaluated"]
    default_recipe: str
    all_recipes: tuple[str, ...]
    summary: str


TARGETS: dict[str, TargetInfo] = {
    info.name: info
    for info in (
        TargetInfo(
            name="coreml",
            module="edgeacc.export.coreml",
            exporter_class="CoreMLExporter",
            extra="coreml",
            packages=("coremltools",),
            runtime_packages=("coremltools",),
            runtime_modules=(),
            level="evaluated",
            default_recipe="coreml-fp16",
            all_recipes=("coreml-fp16", "coreml-w8"),
            summary="Core ML package (.mlpackage) for watchOS and iOS",
        ),
        TargetInfo(
            name="tflite",
            module="edgeacc.export.tflite",
            exporter_class="TFLiteExporter",
            extra="tflite",
            packages=("litert-torch", "ai-edge-quantizer", "ai-edge-litert"),
            runtime_packages=("ai-edge-litert",),
            runtime_modules=("ai_edge_litert.interpreter",),
            threads=True,
            level="executed",
            default_recipe="tflite-w8a8",
            all_recipes=("tflite-fp32", "tflite-w8a8"),
            summary="LiteRT / TensorFlow Lite file (.tflite) for Wear OS and NPUs",
        ),
        TargetInfo(
            name="executorch",
            module="edgeacc.export.executorch",
            exporter_class="ExecuTorchExporter",
            extra="executorch",
            packages=("executorch", "torchao"),
            runtime_packages=("executorch",),
            runtime_modules=("executorch.extension.pybindings.portable_lib", "executorch.runtime"),
            threads=True,
            level="executed",
            default_recipe="executorch-w8a8",
            all_recipes=("executorch-fp32", "executorch-w8a8"),
            summary="ExecuTorch program (.pte), fully delegated to XNNPACK",
        ),
        TargetInfo(
            name="onnx",
            module="edgeacc.export.onnx",
            exporter_class="OnnxExporter",
            extra="onnx",
            packages=("onnx", "onnxscript", "onnxruntime"),
            runtime_packages=("onnxruntime",),
            runtime_modules=("onnxruntime",),
            threads=True,
            level="executed",
            default_recipe="onnx-fp32",
            all_recipes=("onnx-fp32",),
            summary="ONNX graph (.onnx) for servers, desktops and other converters",
        ),
        TargetInfo(
            name="coreai",
            module="edgeacc.export.coreai",
            exporter_class="CoreAIExporter",
            extra="coreai",
            packages=("coreai-torch", "coreai-opt", "coreai-core"),
            runtime_packages=("coreai-core",),
            runtime_modules=("coreai.authoring", "coreai.runtime"),
            level="executed",
            default_recipe="coreai-fp32",
            all_recipes=("coreai-fp32",),
            summary="Core AI asset (.aimodel), Apple's stack of 2026",
        ),
        TargetInfo(
            name="firmware",
            module="edgeacc.export.firmware.exporter",
            exporter_class="FirmwareExporter",
            extra="tflite",
            packages=("litert-torch", "ai-edge-quantizer", "ai-edge-litert"),
            runtime_packages=(),
            runtime_modules=("edgeacc.export.firmware.session",),
            level="executed",
            default_recipe="firmware-w8a8",
            all_recipes=("firmware-w8a8",),
            summary="C99 for microcontrollers: a blob of int8 layers and the runtime that runs it",
        ),
    )
}


def target_info(target: str) -> TargetInfo:
    """The entry of a target.

    Raises:
        BadInput: no such target.
    """
    if target not in TARGETS:
        raise unknown("target", target, list(TARGETS), next_command="edgeacc ls targets")
    return TARGETS[target]


def missing_packages(target: str, purpose: Literal["convert", "run"]) -> list[str]:
    """Distributions that `target` needs for `purpose` and that are not installed."""
    info = target_info(target)
    needed = info.packages if purpose == "convert" else info.runtime_packages
    return [name for name in needed if installed_version(name) is None]


def in_all() -> list[str]:
    """The recipes that `--target all` means, in the order of `RECIPES`."""
    named = {name for info in TARGETS.values() for name in info.all_recipes}
    return [name for name in RECIPES if name in named]


def possible_recipes() -> list[str]:
    """Those of `in_all` whose target's packages are installed: what `edgeacc export --target all` makes.

    Raises:
        NotPossibleHere: there is none.
    """
    missing = missing_recipes()
    possible = [name for name in in_all() if name not in missing]
    if not possible:
        raise NotPossibleHere("no target can be exported to here", next_command="pip install 'edgeacc[all]'")
    return possible


def missing_recipes() -> dict[str, str]:
    """Recipe of `in_all` -> why it is not possible here, with the command that mends it."""
    absent = {name: missing_packages(recipe.target, "convert") for name, recipe in RECIPES.items() if name in in_all()}
    return {
        name: f"not installed: {', '.join(packages)} (pip install 'edgeacc[{target_info(RECIPES[name].target).extra}]')"
        for name, packages in absent.items()
        if packages
    }


def require_packages(target: str, purpose: Literal["convert", "run"]) -> TargetInfo:
    """The entry of a target whose packages for `purpose` are installed (to convert needs more than to run).

    Raises:
        BadInput: no such target.
        NotPossibleHere: a package is missing; names the extra that brings it.
    """
    info = target_info(target)
    missing = missing_packages(target, purpose)
    if missing:
        raise NotPossibleHere(
            f"cannot {purpose} {target} here: not installed: {', '.join(missing)}",
            valid=f"the extra `{info.extra}`",
            next_command=f"pip install 'edgeacc[{info.extra}]'",
        )
    return info


def exporter(target: str, purpose: Literal["convert", "run"] = "run") -> "Exporter":
    """The exporter of a target, ready for `purpose`; raises as `require_packages`."""
    info = require_packages(target, purpose)
    made: Exporter = getattr(import_module(info.module), info.exporter_class)()
    return made


def tool_versions(target: str) -> dict[str, str]:
    """Installed versions of the distributions that `target` and torch consist of."""
    info = target_info(target)
    return installed_versions(("torch", "numpy", *info.packages, *info.runtime_packages))


def tool_licences(target: str) -> dict[str, str]:
    """The licences of `tool_versions`, as each distribution's own metadata tells them; `not told` where it does not."""
    return {name: _licence(name) for name in tool_versions(target)}


def _licence(distribution: str) -> str:
    told = metadata(distribution)
    named = [each.rpartition(" :: ")[2] for each in told.get_all("Classifier") or () if each.startswith("License ::")]
    words = (told["License"] or "").strip().splitlines()
    return told["License-Expression"] or ", ".join(named) or (words[0] if words else "not told")


def installed_versions(distributions: Iterable[str]) -> dict[str, str]:
    """The versions of those distributions that are installed, in their order."""
    found = {name: installed_version(name) for name in distributions}
    return {name: has for name, has in found.items() if has is not None}


def installed_version(distribution: str) -> str | None:
    """The installed version of a distribution, or None."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
