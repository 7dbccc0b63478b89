"""What was measured of recipes on one student: `measured.json`, as `edgeacc verify BUNDLES --json` printed it.

The table of `docs/targets.md`, which tells how to measure again; `edgeacc ls targets --measured` prints it.
"""

import json
from importlib.resources import files as resources
from typing import Any

from edgeacc.compression.recipe import read_recipe

COLUMNS = (
    "target",
    "recipe",
    "minimum OS",
    "size [KiB]",
    "checked",
    "SNR / floor [dB]",
    "worst cosine",
    "task cost [bpm]",
    "heads: SNR [dB]",
)


def measured_reports() -> list[dict[str, Any]]:
    """One `edgeacc.export.verify.VerifyReport` for each bundle, as plain JSON."""
    reports: list[dict[str, Any]] = json.loads((resources("edgeacc.export") / "measured.json").read_text())["bundles"]
    return reports


def row(report: dict[str, Any]) -> tuple[object, ...]:
    """The cells of `COLUMNS`."""
    cost_bpm = report["task_cost_bpm"]
    return (
        report["target"],
        report["recipe"],
        ", ".join(read_recipe(report["recipe"]).minimum_os) or None,
        round(report["model_bytes"] / 1024),
        report["level"],
        f"{report['snr_db']:.1f} / {report['min_snr_db']:g}",
        f"{report['worst_cosine']:.5f}",
        None if cost_bpm is None else f"{round(cost_bpm, 3) + 0.0:+.3f}",
        ", ".join(f"{head['name']} {head['snr_db']:.1f}" for head in report["heads"]) or None,
    )
