"""Which number formats exist, and which of them each target can compute: the one table, with the reason where not."""

import re
from typing import Literal, NamedTuple

from edgeacc.errors import BadInput, unknown

Weights = Literal["fp32", "fp16", "int8", "int4", "pal6", "pal4"]
"""How weights are stored; `pal6` is a table of 64 values and an index of 6 bits per weight."""
Activations = Literal["fp32", "fp16", "int16", "int8", "int8-dynamic"]
"""How activations are computed; `int8-dynamic` takes its range from each window while it runs."""

WEIGHT_BITS: dict[Weights, int] = {"fp32": 32, "fp16": 16, "int8": 8, "int4": 4, "pal6": 6, "pal4": 4}
"""Bits per stored weight, scales and tables not counted."""


class Formats(NamedTuple):
    """What a scheme means on a target that can compute it."""

    weights: Weights
    activations: Activations


class Impossible(NamedTuple):
    """Why a target has no such scheme, and the scheme of the same target that comes nearest."""

    reason: str
    nearest: str


SCHEMES: dict[str, str] = {
    "fp32": "weights and activations in 32-bit float",
    "fp16": "weights and activations in 16-bit float",
    "w8": "weights in int8 (symmetric, per output channel), activations in the target's float",
    "w8-dynamic": "weights in int8, activations in int8 with the range of the window that is computed",
    "w8a8": "weights in int8 (symmetric, per output channel), activations in int8 (static, calibrated)",
    "w8a16": "weights in int8, activations in int16 (static, calibrated)",
    "w4": "weights in int4 (a scale per block of 32), activations in the target's float",
    "pal6": "weights as 6-bit indices into a table of 64 values, activations in the target's float",
    "pal4": "weights as 4-bit indices into a table of 16 values, activations in the target's float",
    "pal2": "weights as 2-bit indices into a table of 4 values, activations in the target's float",
    "mixed": "a format for each layer, as the recipe's `layers` say (`edgeacc compress search` writes such recipes)",
}
"""Scheme -> its meaning in words."""

_NO_TABLES = "its runtime has no operator that unpacks a table of weights"
_NO_CONVERTER = "edgeacc does not convert to it yet"
_LEFT_FLOAT = "a small network came out as if in float (116 dB), so nothing checks yet that all is quantized"
_STATIC_ONNX = "a small untrained network came to 11 dB, below the floor of 15, and the cause is not known yet"
_ONE_FORMAT = "edgeacc chooses no formats by layer for it"
_TWO_BITS = "four values per table lose the network without training for it (measured on a trained conv-s)"

TABLE: dict[str, dict[str, Formats | Impossible]] = {
    "coreml": {
        "fp32": Impossible("the Neural Engine computes in 16-bit float", "fp16"),
        "fp16": Formats("fp16", "fp16"),
        "w8": Formats("int8", "fp16"),
        "w8-dynamic": Impossible("a Core ML program holds its activation ranges as constants", "w8a8"),
        "w8a8": Formats("int8", "int8"),
        "w8a16": Impossible("Core ML quantizes activations to 8 bits only", "w8a8"),
        "w4": Formats("int4", "fp16"),
        "pal6": Formats("pal6", "fp16"),
        "pal4": Formats("pal4", "fp16"),
        "pal2": Impossible(_TWO_BITS, "pal4"),
        "mixed": Formats("fp16", "fp16"),
    },
    "tflite": {
        "fp32": Formats("fp32", "fp32"),
        "fp16": Impossible(_NO_CONVERTER, "w8"),
        "w8": Formats("int8", "fp32"),
        "w8-dynamic": Formats("int8", "int8-dynamic"),
        "w8a8": Formats("int8", "int8"),
        "w8a16": Formats("int8", "int16"),
        "w4": Impossible(_NO_CONVERTER, "w8"),
        "pal6": Impossible(_NO_TABLES, "w8"),
        "pal4": Impossible(_NO_TABLES, "w8"),
        "pal2": Impossible(_NO_TABLES, "w8"),
        "mixed": Formats("int8", "int8"),
    },
    "executorch": {
        "fp32": Formats("fp32", "fp32"),
        "fp16": Impossible(_NO_CONVERTER, "w8a8"),
        "w8": Impossible(_NO_CONVERTER, "w8a8"),
        "w8-dynamic": Impossible(_LEFT_FLOAT, "w8a8"),
        "w8a8": Formats("int8", "int8"),
        "w8a16": Impossible("XNNPACK quantizes activations to 8 bits only", "w8a8"),
        "w4": Impossible(_NO_CONVERTER, "w8a8"),
        "pal6": Impossible(_NO_TABLES, "w8a8"),
        "pal4": Impossible(_NO_TABLES, "w8a8"),
        "pal2": Impossible(_NO_TABLES, "w8a8"),
        "mixed": Formats("int8", "int8"),
    },
    "onnx": {
        "fp32": Formats("fp32", "fp32"),
        "fp16": Impossible(_NO_CONVERTER, "fp32"),
        "w8": Impossible(_NO_CONVERTER, "w8-dynamic"),
        "w8-dynamic": Formats("int8", "int8-dynamic"),
        "w8a8": Impossible(_STATIC_ONNX, "w8-dynamic"),
        "w8a16": Impossible(_NO_CONVERTER, "w8-dynamic"),
        "w4": Impossible(_NO_CONVERTER, "w8-dynamic"),
        "pal6": Impossible(_NO_TABLES, "w8-dynamic"),
        "pal4": Impossible(_NO_TABLES, "w8-dynamic"),
        "pal2": Impossible(_NO_TABLES, "w8-dynamic"),
        "mixed": Impossible(_ONE_FORMAT, "w8-dynamic"),
    },
    "coreai": {
        "fp32": Formats("fp32", "fp32"),
        "fp16": Impossible(_NO_CONVERTER, "w8"),
        "w8": Formats("int8", "fp32"),
        "w8-dynamic": Impossible(_NO_CONVERTER, "w8a8"),
        "w8a8": Formats("int8", "int8"),
        "w8a16": Impossible(_NO_CONVERTER, "w8a8"),
        "w4": Formats("int4", "fp32"),
        "pal6": Formats("pal6", "fp32"),
        "pal4": Formats("pal4", "fp32"),
        "pal2": Impossible(_TWO_BITS, "pal4"),
        "mixed": Impossible(_ONE_FORMAT, "w8"),
    },
    "firmware": {
        "w8a8": Formats("int8", "int8"),
        **{
            scheme: Impossible("its runtime computes in static int8 only", "w8a8")
            for scheme in SCHEMES
            if scheme != "w8a8"
        },
    },
}
"""Target -> scheme -> its formats there, or why not."""

MIXED: dict[str, tuple[Weights, ...]] = {
    "coreml": ("int8", "pal6", "pal4"),
    "tflite": ("fp32",),
    "executorch": ("fp32",),
}
"""Target -> what a layer of a `mixed` recipe can have in place of the scheme's format, from the most exact on.

With fp32 it computes in fp32. Not int4, which needs newer systems and blocks of input channels that many layers lack.
"""

TAKE_BACK_OFFSET = ("coreml", "coreai")
"""Targets whose converters measure the constant error of what is rounded, and take it back."""

_PRUNED, _TRAINED = re.compile(r"p([1-9][0-9]?)"), "qat"


class Decoded(NamedTuple):
    """What a recipe's name says.

    Attributes:
        target: where it runs.
        scheme: of `SCHEMES`.
        formats: what that means there.
        pruned: percent of the units that structured pruning took; 0 where the name does not say.
        trained: the network was trained to be rounded.
    """

    target: str
    scheme: str
    formats: Formats
    pruned: int = 0
    trained: bool = False


def possible(target: str) -> list[str]:
    """The schemes that a target can compute."""
    return [scheme for scheme, entry in TABLE[target].items() if isinstance(entry, Formats)]


def decode(name: str) -> Decoded:
    """What `<target>-<scheme>[-pNN][-<word>]` says; the longest scheme that fits is meant.

    Raises:
        BadInput: no such target or scheme; a pair that is impossible, with the reason and the nearest possible one;
            several `pNN`; or the word `qat` with a scheme that training does not round for.
    """
    target, _, rest = name.partition("-")
    if target not in TABLE:
        raise unknown("target", target, list(TABLE), next_command="edgeacc ls recipes")
    fitting = [scheme for scheme in SCHEMES if rest == scheme or rest.startswith(f"{scheme}-")]
    if not fitting:
        raise unknown(
            "recipe", name, [f"{target}-{each}" for each in possible(target)], next_command="edgeacc ls recipes"
        )
    scheme = max(fitting, key=len)
    entry = TABLE[target][scheme]
    if isinstance(entry, Impossible):
        raise BadInput(
            f"{target}-{scheme} is not possible: {entry.reason}",
            valid=f"{target}-{entry.nearest} is the nearest; all: "
            + ", ".join(f"{target}-{each}" for each in possible(target)),
            next_command=f"edgeacc cat {target}-{entry.nearest}",
        )
    words = rest.removeprefix(scheme).split("-")
    pruned = [int(found[1]) for found in map(_PRUNED.fullmatch, words) if found]
    trained = _TRAINED in words
    if len(pruned) > 1 or (trained and entry.activations != "int8"):
        raise BadInput(
            f"{name} is not possible: "
            + ("a network is pruned once" if len(pruned) > 1 else "networks are trained for static int8 activations"),
            valid=f"{target}-{scheme} is the nearest",
            next_command=f"edgeacc cat {target}-{scheme}",
        )
    return Decoded(target, scheme, entry, pruned[0] if pruned else 0, trained)


def decoder() -> str:
    """The key to the names, for people."""
    lines = [
        "<target>-<scheme>          e.g. tflite-w8a8; a copy that you changed: <target>-<scheme>-<your own word>",
        "<target>-<scheme>-pNN      the same for a network of which `edgeacc compress prune` took NN percent",
        "<target>-<scheme>-qat      the same for one that `edgeacc compress qat` trained; both: -pNN-qat",
        f"  target   {' | '.join(TABLE)}",
    ]
    for place, (scheme, meaning) in enumerate(SCHEMES.items()):
        lines.append(f"  {'' if place else 'scheme':<8} {scheme:<11}{meaning}")
        where = [target for target, entries in TABLE.items() if isinstance(entries[scheme], Formats)]
        lines.append(f"{'':<22}on {', '.join(where) or 'no target yet'}")
    return "\n".join(lines) + "\n"
