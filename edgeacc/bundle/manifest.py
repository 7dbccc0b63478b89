"""What a bundle says about itself: `manifest.json` and `calibration.json`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

SCHEMA_VERSION = 4
"""Of what is written now; earlier ones are read as before. 1 had no heads, 2 no streaming, 3 no raw input, needs,
functions and batches."""


RAW_UNIT = "g"
PREPARED_UNIT = "standard score"
"""Of the input of an artifact that prepares its windows itself, and of one that is given prepared ones."""


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


class Needs(_Frozen):
    """What an artifact asks of a runtime, as read back from its own file.

    Attributes:
        format: versions in the format's own words, such as `opset`; what runs it has these or later ones.
        operators: names in the format's words, sorted; with a version (`CONV_2D 2`) where the format counts them.
    """

    format: dict[str, str]
    operators: tuple[str, ...]


class Compatibility(_Frozen):
    """Where it runs.

    Attributes:
        minimum_os: oldest systems; empty where the runtime's version decides.
        runtime: versions that it was checked with.
        needs: what it asks of a runtime; None in bundles of schema 1 to 3.
    """

    minimum_os: tuple[str, ...]
    runtime: dict[str, str]
    needs: Needs | None = None


class StreamingSpec(_Frozen):
    """How an artifact takes a window in pieces (see `edgeacc.export.streaming`).

    Attributes:
        samples: S, of one piece.
        pieces: of one window, with those of zeros at its end.
        token_width: D, of a token that `step` gives.
        tokens: N, that it gives for a piece.
        macs_per_piece: multiply-accumulates of `step`.
        macs_to_finish: of `finish`, once a window.
        macs_per_window: of the network that takes the whole window at once.
    """

    samples: int = Field(ge=1)
    pieces: int = Field(ge=1)
    token_width: int = Field(ge=1)
    tokens: int = Field(ge=1)
    macs_per_piece: int = Field(ge=1)
    macs_to_finish: int = Field(ge=0)
    macs_per_window: int = Field(ge=1)


class Manifest(_Frozen):
    """`manifest.json` of a bundle."""

    schema_version: Literal[1, 2, 3, 4] = 4
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
    streaming: StreamingSpec | None = None
    functions: tuple[str, ...] = Field(default=(), description="of an artifact of several, the default first")
    batches: tuple[int, ...] = Field(default=(), description="how many windows it takes at once, beside one")
    verification: Verification
    compatibility: Compatibility
    tool_versions: dict[str, str]
    tool_licences: dict[str, str] = Field(default_factory=dict)

    @property
    def takes_raw(self) -> bool:
        """The artifact prepares its windows itself: it is given acceleration in g."""
        return self.input.unit == RAW_UNIT


class CalibrationRecord(_Frozen):
    """`calibration.json`: which windows set the activation ranges, and what the converter decided.

    Attributes:
        origin: the store or the cohort that they come from.
        windows: how many; 0 where the recipe needs none.
        participants: whose they are.
        sha256: over the float32 samples, in order; None for no window.
        strata: how many are of each stratum (thirds of heart rate and of signal-to-noise ratio).
        window_ids: their names in the store or cohort, in order.
        warnings: what the user was warned about.
        converter: what the exporter noted, such as the calibration that it kept.
    """

    origin: str
    windows: int = Field(ge=0)
    participants: int = Field(ge=0)
    sha256: str | None
    strata: dict[str, int] = Field(default_factory=dict)
    window_ids: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()
    converter: dict[str, JsonValue] = Field(default_factory=dict)
