"""What a bundle says about itself: `manifest.json` and `calibration.json`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

SCHEMA_VERSION = 2
"""Of what is written now. Version 1 had no heads; it is read as before."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TensorSpec(_Frozen):
    """An input or output of the artifact.

    Attributes:
        name: as the artifact's format spells it; ExecuTorch has positions instead of names.
        shape: of one call.
        dtype: at the seam; an int8 artifact converts inside.
        unit: of the values.
    """

    name: str
    shape: tuple[int, ...] = Field(min_length=2)
    dtype: Literal["float32"] = "float32"
    unit: str


class SourceCheckpoint(_Frozen):
    """The checkpoint that the artifact was made from; `sha256` is over its encoder's weights."""

    name: str
    kind: str
    objective: str
    encoder: str
    sha256: str


class HeadCheck(_Frozen):
    """What was measured on one head, against the same head on the fp32 network's embeddings.

    Attributes:
        name: of the output; it ends in its unit.
        snr_db: mean-removed; the recipe's floor holds for it too.
        worst_error: the largest difference on any golden window, in the head's unit; None where it gave no number.
    """

    name: str
    snr_db: float
    worst_error: float | None


class FieldCheck(_Frozen):
    """What another runtime of the field gave: its name and version, and the SNR of its worst output."""

    name: str
    version: str
    snr_db: float


class LayerCheck(_Frozen):
    """Mean-removed SNR of one layer's result, the network converted so that it is an output too."""

    name: str
    snr_db: float


class Verification(_Frozen):
    """What was measured on the golden windows when the bundle was made.

    Attributes:
        level: `executed` by the target's runtime, or `evaluated` by our evaluator of the artifact's program.
        windows: how many golden windows.
        snr_db: mean-removed, against the fp32 network.
        min_snr_db: the recipe's floor.
        worst_cosine: mean-removed, of the worst window.
        hr_mae_bpm: mean absolute error of the shipped heart-rate probe on the artifact's embeddings; None without one.
        hr_mae_network_bpm: the same on the fp32 network's embeddings.
        heads: one check for each head of the artifact.
        field: other runtimes that ran it when it was made, each with the recipe's floor.
        layers: of a rejected artifact, in the order of computation; empty where that target shows none.
    """

    level: Literal["executed", "evaluated"]
    windows: int = Field(ge=2)
    snr_db: float
    min_snr_db: float
    worst_cosine: float
    hr_mae_bpm: float | None
    hr_mae_network_bpm: float | None
    heads: tuple[HeadCheck, ...] = ()
    field: tuple[FieldCheck, ...] = ()
    layers: tuple[LayerCheck, ...] = ()

    @property
    def failures(self) -> list[str]:
        """The outputs below the floor, each in words, and the first layer below it."""
        others: list[HeadCheck | FieldCheck] = [*self.heads, *self.field]
        outputs = {"": self.snr_db, **{f"{each.name}: ": each.snr_db for each in others}}
        floor = f"below the recipe's floor of {self.min_snr_db:g} dB"
        said = [f"{name}{snr_db:.1f} dB, {floor}" for name, snr_db in outputs.items() if not snr_db >= self.min_snr_db]
        return [*said, self._first_diverging()] if said and self.layers else said

    def _first_diverging(self) -> str:
        for layer in self.layers:
            if not layer.snr_db >= self.min_snr_db:
                return f"the first layer below it is {layer.name} with {layer.snr_db:.1f} dB"
        return "none of its layers is below it where each is an output"

    @property
    def passed(self) -> bool:
        """Every output is at or above the floor; a bundle of which that is not so was rejected."""
        return not self.failures

    @property
    def task_cost_bpm(self) -> float | None:
        """Heart-rate error that the conversion added."""
        if self.hr_mae_bpm is None or self.hr_mae_network_bpm is None:
            return None
        return self.hr_mae_bpm - self.hr_mae_network_bpm


class Compatibility(_Frozen):
    """Where it runs: oldest systems, and the runtime's version that it was checked with."""

    minimum_os: tuple[str, ...]
    runtime: dict[str, str]


class Manifest(_Frozen):
    """`manifest.json` of a bundle."""

    schema_version: Literal[1, 2] = 2
    edgeacc_version: str
    target: str
    recipe: str
    model: str = Field(pattern=r"^model/[A-Za-z0-9_][A-Za-z0-9_.-]*$", description="the artifact, inside the bundle")
    model_bytes: int = Field(ge=1)
    contract_digest: str
    source: SourceCheckpoint
    input: TensorSpec
    output: TensorSpec
    heads: tuple[TensorSpec, ...] = Field(default=(), description="further outputs, in the artifact's order")
    verification: Verification
    compatibility: Compatibility
    tool_versions: dict[str, str]
    tool_licences: dict[str, str] = Field(default_factory=dict)


class CalibrationRecord(_Frozen):
    """`calibration.json`: which windows set the activation ranges, and what the converter decided.

    Attributes:
        origin: the store or the cohort that they come from.
        windows: how many; 0 where the recipe needs none.
        participants: whose they are.
        sha256: over the float32 samples, in order; None for no window.
        warnings: what the user was warned about.
        converter: what the exporter noted, such as the calibration that it kept.
    """

    origin: str
    windows: int = Field(ge=0)
    participants: int = Field(ge=0)
    sha256: str | None
    warnings: tuple[str, ...] = ()
    converter: dict[str, JsonValue] = Field(default_factory=dict)
