"""The files of a C kit."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeacc.bundle.bundle import Bundle
from edgeacc.bundle.probe import Probe
from edgeacc.export.firmware.artifact import read_artifact
from edgeacc.export.firmware.compile import Compiled, Port
from edgeacc.export.firmware.project import write_project
from edgeacc.export.firmware.session import FirmwareSession
from edgeacc.signals.contract import SignalContract
from edgeacc.signals.core import tables as core
from edgeacc.signals.prepare import prepare_acc

RATES_HZ = (50, 52, 64, 100, 200, 800)
"""Of watches: Apple's recorder 50, live 100, batched 200 and 800; Wear OS 50, 100, 200; Polar's 52."""
GOLDEN_UNIT_G = 1 / 4096
"""Of the golden window's 16-bit samples: 8 g are 32,768 of them (our choice)."""

_HERE = Path(__file__).parent
_LINE = 12


def write_c(bundle: Bundle, folder: Path) -> dict[str, object]:
    """Write the kit's C into an existing folder: `edgeacc/`, `host/` and `CMakeLists.txt`; raises as `write_encoder`.

    Returns:
        Nothing: its texts name nothing of a bundle.
    """
    write_encoder(bundle, folder / "edgeacc")
    (folder / "host").mkdir()
    for name in ("host_test.c", "recording.c"):
        shutil.copyfile(_HERE / name, folder / "host" / name)
    shutil.copyfile(_HERE / "CMakeLists.txt", folder / "CMakeLists.txt")
    return {}


def write_encoder(bundle: Bundle, folder: Path) -> None:
    """Write a new folder: signal core, tables, encoder, golden window, self-test.

    Args:
        bundle: of the target `firmware`.
        folder: to make.

    Raises:
        BadInput: a damaged artifact, or a contract that the signal core does not serve.
        NotPossibleHere: no C compiler, to run the encoder on the golden window.
    """
    compiled = read_artifact(bundle.model)
    write_project(compiled, folder)
    write_signal(bundle.contract, folder)
    for name in ("edgeacc_wrist.h", "edgeacc_wrist.c", "edgeacc_encoder.h", "edgeacc_encoder.c", "self_test.c"):
        shutil.copyfile(_HERE / name, folder / name)
    probe = bundle.probe()
    golden = _golden(bundle, compiled)
    (folder / "encoder.h").write_text(_encoder_header(bundle.contract, compiled, probe))
    (folder / "encoder.c").write_text(_encoder_source(probe))
    (folder / "golden.h").write_text(_GOLDEN_HEADER.format(unit=float_constant(GOLDEN_UNIT_G)))
    (folder / "golden.c").write_text(golden.to_c(bundle.contract))


def write_signal(contract: SignalContract, folder: Path) -> None:
    """Write the signal core into an existing folder: `signal/`, `tables/`, `tables.h` and `tables.c`.

    Raises:
        BadInput: a contract that the core does not serve.
    """
    (folder / "signal").mkdir()
    for source in sorted(core.FOLDER.glob("*.[ch]")):
        shutil.copyfile(source, folder / "signal" / source.name)
    (folder / "tables").mkdir()
    for hz in RATES_HZ:
        made = core.to_c(core.tables_of(contract, hz), _table(hz))
        (folder / "tables" / f"{_table(hz)}.c").write_text(made)
    (folder / "tables.h").write_text(_tables_header())
    (folder / "tables.c").write_text(_tables_source())


@dataclass(frozen=True)
class _Golden:
    """The bundle's first golden window, its samples rounded to 16 bits, and what Python makes of them.

    Attributes:
        raw_CT: steps of `GOLDEN_UNIT_G` (3, T) int16.
        scores_CT: prepared by the contract (3, T) float32.
        embedding_D: the encoder's output on the quantized scores (D,) int8.
    """

    raw_CT: NDArray[np.int16]
    scores_CT: NDArray[np.float32]
    embedding_D: NDArray[np.int8]

    def to_c(self, contract: SignalContract) -> str:
        own = core.to_c(core.tables_of(contract, contract.rate_hz), "golden_tables").partition("\n\n")[2]
        return "\n".join(
            [
                '#include "golden.h"\n',
                *_matrix("const int16_t golden_raw", self.raw_CT, str),
                *_matrix("const float golden_scores", self.scores_CT, float_constant),
                f"const int8_t golden_embedding[EDGEACC_EMBEDDING] = {{\n{rows(map(str, self.embedding_D))}\n}};\n",
                own,
            ]
        )


def _golden(bundle: Bundle, compiled: Compiled) -> _Golden:
    acc_g_CT = bundle.golden().acc_g_BCT[0]
    limit = np.iinfo(np.int16)
    raw_CT = np.clip(np.round(acc_g_CT / GOLDEN_UNIT_G), limit.min + 1, limit.max).astype(np.int16)
    scores_CT = prepare_acc((raw_CT.astype(np.float32) * np.float32(GOLDEN_UNIT_G))[None], bundle.contract)[0]
    (entry,) = compiled.inputs
    scaled_CT = scores_CT / np.float32(entry.scale)
    away_CT = np.trunc(scaled_CT + np.where(scaled_CT < 0, np.float32(-0.5), np.float32(0.5)))
    stored_CT = np.clip(away_CT + entry.zero_point, -128, 127).astype(np.int8)
    embedding_D, *_ = FirmwareSession(compiled)([stored_CT])
    return _Golden(raw_CT, scores_CT.astype(np.float32), embedding_D)


def _table(hz: float) -> str:
    return f"edgeacc_at_{hz:g}_hz"


def _tables_header() -> str:
    externs = "\n".join(f"extern const edgeacc_tables {_table(hz)};" for hz in RATES_HZ)
    rates = ", ".join(map(str, RATES_HZ))
    return f"""\
/* What the signal core needs to know of a sensor's rate; only what is used is linked. */
#ifndef TABLES_H
#define TABLES_H

#include "edgeacc_signal.h"

#define EDGEACC_RATES "{rates}"

{externs}

/* The tables of a rate in Hz, 0 where there are none; links all of them. */
const edgeacc_tables *edgeacc_tables_at(float rate_hz);

#endif
"""


def _tables_source() -> str:
    tables = ", ".join(f"&{_table(hz)}" for hz in RATES_HZ)
    return f"""\
#include "tables.h"

static const edgeacc_tables *const ALL[] = {{{tables}}};

const edgeacc_tables *edgeacc_tables_at(float rate_hz)
{{
    for (unsigned at = 0; at < sizeof ALL / sizeof *ALL; at++) {{
        if ((float)ALL[at]->source_mhz == rate_hz * 1000.0f) {{
            return ALL[at];
        }}
    }}
    return 0;
}}
"""


def _encoder_header(contract: SignalContract, compiled: Compiled, probe: Probe | None) -> str:
    (entry,), (result, *_) = compiled.inputs, compiled.outputs
    signal_bytes = 3 * contract.samples * 4
    self_test = -(-(signal_bytes + 64) // 16) * 16 + compiled.arena_bytes + 4 * contract.samples + 64
    return f"""\
/* The encoder's numbers: window, embedding, scales of its int8 input and output, heart-rate probe. */
#ifndef ENCODER_H
#define ENCODER_H

#include <stdint.h>

enum {{ EDGEACC_SAMPLES = {contract.samples}, EDGEACC_EMBEDDING = {result.bytes} }};

{_scales("INPUT", entry)}
{_scales("OUTPUT", result)}
#define EDGEACC_SELF_TEST_BYTES {self_test}u
#define EDGEACC_HAS_PROBE {int(probe is not None)}

#if EDGEACC_HAS_PROBE
extern const float edgeacc_probe_mean[EDGEACC_EMBEDDING], edgeacc_probe_std[EDGEACC_EMBEDDING];
extern const float edgeacc_probe_weight[EDGEACC_EMBEDDING], edgeacc_probe_bias;
#endif

#endif
"""


def _scales(name: str, port: Port) -> str:
    return f"#define EDGEACC_{name}_SCALE {float_constant(port.scale)}\n#define EDGEACC_{name}_ZERO ({port.zero_point})"


def _encoder_source(probe: Probe | None) -> str:
    if probe is None:
        return '#include "encoder.h"\n\ntypedef int edgeacc_no_probe; /* a file of C holds something */\n'
    arrays = {"mean": probe.mean_D, "std": probe.std_D, "weight": probe.weight_D}
    defined = "\n".join(
        f"const float edgeacc_probe_{name}[EDGEACC_EMBEDDING] = {{\n{rows(map(float_constant, values))}\n}};"
        for name, values in arrays.items()
    )
    return f'#include "encoder.h"\n\n{defined}\nconst float edgeacc_probe_bias = {float_constant(probe.bias[0])};\n'


_GOLDEN_HEADER = """\
/* One window whose result is known: a simulated person's, who is in no store. Linked by the self-test alone. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include "edgeacc_signal.h"
#include "encoder.h"

#define GOLDEN_UNIT_G {unit}

extern const edgeacc_tables golden_tables; /* a sensor at the contract's own rate */
extern const int16_t golden_raw[EDGEACC_AXES][EDGEACC_SAMPLES];
extern const float golden_scores[EDGEACC_AXES][EDGEACC_SAMPLES];
extern const int8_t golden_embedding[EDGEACC_EMBEDDING]; /* of the quantized scores */

#endif
"""


def _matrix(declared: str, values_CT: NDArray[np.generic], written) -> Iterator[str]:  # type: ignore[no-untyped-def]  # noqa: ANN001
    yield f"{declared}[EDGEACC_AXES][EDGEACC_SAMPLES] = {{"
    for values_T in values_CT:
        yield f"    {{\n{rows(map(written, values_T))}\n    }},"
    yield "};\n"


def rows(cells: Iterable[str]) -> str:
    """Constants of an array, some to a line."""
    listed = list(cells)
    return "\n".join(
        "    " + " ".join(f"{cell}," for cell in listed[at : at + _LINE]) for at in range(0, len(listed), _LINE)
    )


def float_constant(value: float) -> str:
    """A C constant of the nearest 32-bit number."""
    text = f"{np.float32(value):.9g}"
    return f"{text}f" if any(mark in text for mark in ".en") else f"{text}.0f"
