"""A recipe: one target, the number formats of weights and activations, and the floor that the result must reach.

A recipe's name decodes itself (`edgeacc.compression.schemes.decode`).
"""

import json
import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files as resources
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from edgeacc.compression.schemes import MIXED, TABLE, TAKE_BACK_OFFSET, Activations, Weights, decode
from edgeacc.errors import BadInput, unknown
from edgeacc.files import parse_model, read_model


class Recipe(BaseModel):
    """How one target stores and computes the network, and how close to the fp32 network it must stay.

    Attributes:
        target: where it runs.
        weights: number format in which weights are stored.
        activations: number format in which activations are computed.
        name: `<target>-<scheme>` with an optional `-<word>`; it says the same as the three above.
        min_snr_db: floor of the mean-removed signal-to-noise ratio on the golden windows, in dB.
        calibration_windows: windows that set int8 activation ranges; with float activations they take back the
            constant error of rounded weights, on the targets of `TAKE_BACK_OFFSET`; 0 where nothing is kept of them.
        minimum_os: oldest operating systems, such as `watchOS11`; empty where the runtime's version decides instead.
        layers: of a `mixed` recipe, and of no other: layer -> its number format, where it is not `weights`. Layers are
            named as `edgeacc.export.mixed` cuts a network.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    target: str
    weights: Weights
    activations: Activations
    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9_]+)+$")
    min_snr_db: float = Field(ge=0, le=200)
    calibration_windows: int = Field(ge=0, le=65_536)
    minimum_os: Annotated[tuple[str, ...], Field(strict=False)] = ()
    layers: dict[Annotated[str, Field(pattern=r"^[a-z0-9_.]{1,64}$")], Weights] = Field(
        default_factory=dict, validate_default=True
    )

    @property
    def scheme(self) -> str:
        """The scheme that the name says."""
        return decode(self.name).scheme

    @property
    def pruned(self) -> int:
        """Percent of the units that structured pruning took from the network; 0 where the name does not say."""
        return decode(self.name).pruned

    @property
    def trained(self) -> bool:
        """Whether the name asks for a network that was trained to be rounded."""
        return decode(self.name).trained

    @field_validator("target")
    @classmethod
    def _target_exists(cls, target: str) -> str:
        if target not in TABLE:
            raise ValueError(f"no such target; there are {', '.join(sorted(TABLE))}")
        return target

    @field_validator("name")
    @classmethod
    def _name_decodes(cls, name: str, info: ValidationInfo) -> str:
        data = info.data
        if not {"target", "weights", "activations"} <= data.keys():
            return name
        try:
            said = decode(name)
        except BadInput as error:
            raise ValueError(f"{error.problem}; valid: {error.valid}") from error
        has = (data["target"], data["weights"], data["activations"])
        if (said.target, *said.formats) != has:
            raise ValueError(
                f"the name must say what the recipe does: {name} is weights {said.formats.weights} with activations "
                f"{said.formats.activations} on {said.target}; the recipe has {has[1]} with {has[2]} on {has[0]}"
            )
        return name

    @field_validator("calibration_windows")
    @classmethod
    def _calibrated_if_int8(cls, windows: int, info: ValidationInfo) -> int:
        activations = info.data.get("activations")
        if activations in ("int8", "int16") and windows == 0:
            raise ValueError(f"{activations} activations need calibration windows (128 or more)")
        rounded = info.data.get("target") in TAKE_BACK_OFFSET and info.data.get("weights") != "fp32"
        if activations in ("fp32", "int8-dynamic") and windows > 0 and not rounded:
            raise ValueError(f"{activations} activations need no calibration: 0")
        return windows

    @field_validator("minimum_os")
    @classmethod
    def _os_has_version(cls, systems: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [system for system in systems if not re.fullmatch(r"[A-Za-z]+[0-9]+", system)]
        if wrong:
            raise ValueError(f"not a system with its version, such as watchOS11: {', '.join(wrong)}")
        return systems

    @field_validator("layers")
    @classmethod
    def _only_of_mixed(cls, layers: dict[str, Weights], info: ValidationInfo) -> dict[str, Weights]:
        if "name" not in info.data:
            return layers
        mixed = decode(info.data["name"]).scheme == "mixed"
        if mixed != bool(layers):
            raise ValueError("a mixed recipe, and no other, says the format of some layers")
        possible = MIXED[info.data["target"]] if mixed else ()
        wrong = [f"{name} = {weights!r}" for name, weights in layers.items() if weights not in possible]
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: a layer of {info.data['target']} can have {', '.join(possible)}")
        return layers

    def to_toml(self) -> str:
        """The recipe as TOML text that `parse_recipe` reads back to an equal recipe."""
        plain = self.model_dump(mode="json", exclude={"layers"})
        lines = [f"{key} = {json.dumps(value)}" for key, value in plain.items()]
        if self.layers:
            lines += [
                "",
                "[layers]",
                *(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in self.layers.items()),
            ]
        return "\n".join(lines) + "\n"


def read_recipe(name_or_file: str) -> Recipe:
    """A recipe by its name (`edgeacc ls recipes`; `-pNN` and `-qat` behind it ask for such a network), or a TOML file.

    Raises:
        BadInput: no such name or file, an impossible pair of target and scheme with its reason, or the file's mistakes,
            all of them listed.
    """
    if name_or_file in RECIPES:
        return RECIPES[name_or_file]
    base = next((name for name in RECIPES if re.fullmatch(rf"{name}(-p[1-9][0-9]?)?(-qat)?", name_or_file)), None)
    if base is not None:
        decode(name_or_file)
        return RECIPES[base].model_copy(update={"name": name_or_file})
    if not name_or_file.endswith(".toml"):
        _refuse_impossible(name_or_file)
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
        _refuse_impossible(name)
        raise unknown("recipe", name, list(RECIPES), next_command="edgeacc ls recipes")
    return (resources("edgeacc.compression") / "recipes" / f"{name}.toml").read_text()


def _refuse_impossible(name: str) -> None:
    """Tell the reason where `name` is a target with a scheme that it cannot compute, or one that is of one network."""
    if name.partition("-")[0] in TABLE and decode(name).scheme == "mixed":
        raise BadInput(
            f"{name}: the formats of layers are of one network, so that no such recipe is shipped",
            valid="a TOML file that `edgeacc compress search` wrote",
            next_command="edgeacc compress search --help",
        )


def _shipped() -> Iterator[Recipe]:
    folder = resources("edgeacc.compression") / "recipes"
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            yield parse_recipe(entry.read_text(), entry.name)


RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _shipped()}
"""The shipped recipes by name."""
