"""A recipe: one target, the number formats of weights and activations, and the floor that the result must reach.

A recipe's name decodes itself: `<target>-<scheme>`, or `<target>-<scheme>-<your own word>` for a copy that you changed.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files as resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from edgeacc.errors import unknown
from edgeacc.files import parse_model, read_model

Precision = Literal["fp32", "fp16", "int8"]

SCHEMES: dict[str, tuple[Precision, Precision]] = {
    "fp32": ("fp32", "fp32"),
    "fp16": ("fp16", "fp16"),
    "w8": ("int8", "fp16"),
    "w8a8": ("int8", "int8"),
}
"""Scheme -> number formats of (weights, activations)."""

TARGET_SCHEMES: dict[str, tuple[str, ...]] = {
    "coreml": ("fp16", "w8"),
    "tflite": ("fp32", "w8a8"),
    "executorch": ("fp32", "w8a8"),
    "onnx": ("fp32",),
    "coreai": ("fp32",),
    "firmware": ("w8a8",),
}
"""Target -> the schemes that its exporter can write."""

DECODER = """\
<target>-<scheme>          e.g. tflite-w8a8
  target   coreml | tflite | executorch | onnx | coreai | firmware
  scheme   fp32   weights and activations in 32-bit float
           fp16   weights and activations in 16-bit float
           w8     weights in int8 (symmetric, per output channel), activations in 16-bit float
           w8a8   weights in int8 (symmetric, per output channel), activations in int8 (static, calibrated)
"""


class Recipe(BaseModel):
    """How one target stores and computes the network, and how close to the fp32 network it must stay.

    Attributes:
        target: where it runs.
        weights: number format in which weights are stored.
        activations: number format in which activations are computed.
        name: `<target>-<scheme>` with an optional `-<word>`.
        min_snr_db: floor of the mean-removed signal-to-noise ratio on the golden windows, in dB.
        calibration_windows: windows that set int8 activation ranges; with fp16 activations they take back the constant
            error of rounded weights, if there are any; 0 with fp32.
        minimum_os: oldest operating systems, such as `watchOS11`; empty where the runtime's version decides instead.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    target: str
    weights: Precision
    activations: Precision
    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9_]+)+$")
    min_snr_db: float = Field(ge=0, le=200)
    calibration_windows: int = Field(ge=0, le=65_536)
    minimum_os: Annotated[tuple[str, ...], Field(strict=False)] = ()

    @property
    def scheme(self) -> str:
        """The key of `SCHEMES` that the two number formats make."""
        return next(key for key, formats in SCHEMES.items() if formats == (self.weights, self.activations))

    @field_validator("target")
    @classmethod
    def _target_exists(cls, target: str) -> str:
        if target not in TARGET_SCHEMES:
            raise ValueError(f"no such target; there are {', '.join(sorted(TARGET_SCHEMES))}")
        return target

    @field_validator("activations")
    @classmethod
    def _target_computes_it(cls, activations: Precision, info: ValidationInfo) -> Precision:
        target, weights = info.data.get("target"), info.data.get("weights")
        possible = [SCHEMES[scheme] for scheme in TARGET_SCHEMES.get(target or "", ())]
        if target and weights and (weights, activations) not in possible:
            pairs = "; ".join(f"weights {w} with activations {a}" for w, a in possible)
            raise ValueError(
                f"{target} cannot compute {activations} activations with {weights} weights; it can: {pairs}"
            )
        return activations

    @field_validator("name")
    @classmethod
    def _name_decodes(cls, name: str, info: ValidationInfo) -> str:
        data = info.data
        if {"target", "weights", "activations"} <= data.keys():
            scheme = next(key for key, pair in SCHEMES.items() if pair == (data["weights"], data["activations"]))
            start = f"{data['target']}-{scheme}"
            if name != start and not name.startswith(f"{start}-"):
                raise ValueError(f"the name must say what the recipe does: {start} or {start}-<word>")
        return name

    @field_validator("calibration_windows")
    @classmethod
    def _calibrated_if_int8(cls, windows: int, info: ValidationInfo) -> int:
        activations = info.data.get("activations")
        if activations == "int8" and windows == 0:
            raise ValueError("int8 activations need calibration windows (128 or more)")
        if activations == "fp32" and windows > 0:
            raise ValueError(f"{activations} activations need no calibration: 0")
        return windows

    @field_validator("minimum_os")
    @classmethod
    def _os_has_version(cls, systems: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [system for system in systems if not re.fullmatch(r"[A-Za-z]+[0-9]+", system)]
        if wrong:
            raise ValueError(f"not a system with its version, such as watchOS11: {', '.join(wrong)}")
        return systems

    def to_toml(self) -> str:
        """The recipe as TOML text that `parse_recipe` reads back to an equal recipe."""
        lines = (f"{key} = {json.dumps(value)}" for key, value in self.model_dump(mode="json").items())
        return "\n".join(lines) + "\n"


def read_recipe(name_or_file: str) -> Recipe:
    """A recipe by its name (`edgeacc ls recipes`), or from a TOML file.

    Raises:
        BadInput: no such name or file, or the file's mistakes, all of them listed.
    """
    if name_or_file in RECIPES:
        return RECIPES[name_or_file]
    if not name_or_file.endswith(".toml"):
        raise unknown("recipe", name_or_file, [*RECIPES, "FILE.toml"], next_command="edgeacc ls recipes")
    return read_model(Path(name_or_file), Recipe, next_command="edgeacc ls recipes")


def parse_recipe(text: str, where: str) -> Recipe:
    """A recipe from TOML text; `where` names its origin in the error.

    Raises:
        BadInput: any number of mistakes, all of them listed.
        tomllib.TOMLDecodeError: not TOML.
    """
    return parse_model(tomllib.loads(text), Recipe, where=where)


def recipe_text(name: str) -> str:
    """The text of a shipped recipe, with its comments.

    Raises:
        BadInput: no such recipe.
    """
    if name not in RECIPES:
        raise unknown("recipe", name, list(RECIPES), next_command="edgeacc ls recipes")
    return (resources("edgeacc.compression") / "recipes" / f"{name}.toml").read_text()


def _shipped() -> Iterator[Recipe]:
    folder = resources("edgeacc.compression") / "recipes"
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            yield parse_recipe(entry.read_text(), entry.name)


RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _shipped()}
"""The shipped recipes by name."""
