"""`edgeacc cohort`: the simulated cohort, made, measured and drawn."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeacc.cli.group import Verb
from edgeacc.cli.output import progress, show, table
from edgeacc.errors import command

if TYPE_CHECKING:
    from edgeacc.cohort.calibration import Check

app = typer.Typer(help="The simulated cohort: paired PPG and accelerometer windows of a still wrist.")


class PresetName(StrEnum):
    """Level of the accelerometer's noise."""

    calibrated = "calibrated"
    quiet = "quiet"


Preset = Annotated[PresetName, typer.Option(help="Level of the accelerometer's noise; `calibrated` is the headline.")]
Seed = Annotated[int, typer.Option(min=0, help="Decides every participant and window.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")]


@app.command(cls=Verb)
def make(
    output: Annotated[Path, typer.Option("-o", "--output", help="The store's folder to make.")],
    preset: Preset = PresetName.calibrated,
    participants: Annotated[
        int, typer.Option(min=3, help="People; split 70/10/20 into train, validation, test.")
    ] = 200,
    windows_per_participant: Annotated[int, typer.Option(min=1, help="Windows of 60 s of each.")] = 20,
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
) -> None:
    """Simulate a cohort into a store of windows, prepared and labelled."""
    import torch

    from edgeacc.cohort.config import CohortConfig
    from edgeacc.files import parse_model, refuse_existing
    from edgeacc.windows.from_cohort import from_cohort

    refuse_existing(output, force=force)
    asked = {"preset": preset.value, "seed": seed, "participants": participants}
    asked["windows_per_participant"] = windows_per_participant
    config = parse_model(asked, CohortConfig, where="cohort", next_command="edgeacc cohort make --help")
    torch.set_num_threads(1)  # two batches are made at once; threads within each operation would wait for one another
    with progress("cohort") as report:
        manifest = from_cohort(config, output, report, force=force).manifest
    sides = [(split, count, manifest.participants[split]) for split, count in manifest.windows.items()]
    tables = [table(f"Store of the {preset.value} cohort", ("split", "windows", "participants"), sides)]
    result = {"store": str(output), "cohort": config, "windows": manifest.windows, "digest": manifest.content_digest}
    show(result, tables, as_json=json, next_command=command("edgeacc", "train", "teacher", output, "-o", "DIR"))


@app.command(cls=Verb)
def calibrate(
    preset: Preset = PresetName.calibrated,
    json: Json = False,
) -> None:
    """Measure the cohort like recordings, and hold it against published figures."""
    from edgeacc.cohort import calibration

    config = calibration.standard(preset.value)
    with progress("calibrate") as report:
        result = calibration.calibrate(config, report)
    columns = ("quantity", "unit", "statistic", "published", "range", "measured", "inside")
    title = f"Preset {preset.value}: {config.windows:,} windows of {config.participants} participants"
    tables = [table(title, columns, [_row(check) for check in result.checks])]
    show(result, tables, as_json=json, next_command="edgeacc cohort make -o STORE")


@app.command(cls=Verb)
def plot(
    output: Annotated[Path, typer.Option("-o", "--output", help="The picture: .png, .svg or .pdf.")],
    force: Force = False,
) -> None:
    """Draw one typical window: both signals, their spectra, their averages over beats."""
    from edgeacc.cohort.config import CohortConfig
    from edgeacc.cohort.figure import draw_window, picture_format
    from edgeacc.files import replacing

    picture = picture_format(output)
    with replacing(output, force=force) as beside:
        window = draw_window(CohortConfig(), beside, picture)
    show({}, [table("", ("picture", "window"), [(output, window)])], as_json=False)


def _row(check: "Check") -> tuple[str, ...]:
    return (
        check.quantity,
        check.unit,
        check.statistic,
        check.target,
        f"{check.low:.3g} - {check.high:.3g}",
        f"{check.measured:.3g}",
        "yes" if check.inside else "NO",
    )
