"""`edgeacc ls`: what exists. Targets, recipes, encoder sizes, recording formats, and devices to simulate."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from edgeacc.cli.output import show, table

if TYPE_CHECKING:
    from rich.table import Table

    from edgeacc.firmware_sim.quantity import Quantity

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")]

app = typer.Typer(help="List what exists: targets, recipes, sizes, formats, devices.")


@app.command()
def targets(
    measured: Annotated[
        bool,
        typer.Option("--measured", help="What recipes gave on one student instead: size, fidelity, cost, how checked."),
    ] = False,
    json: Json = False,
) -> None:
    """Where a student can be exported to."""
    from edgeacc.export.registry import TARGETS

    if measured:
        from edgeacc.export.measured import COLUMNS, measured_reports, row

        reports = measured_reports()
        rows = [row(report) for report in reports]
        show({"bundles": reports}, [table("Recipes on one student", COLUMNS, rows)], as_json=json)
        return

    columns = ("target", "default recipe", "checked by", "extra", "summary")
    rows = [(t.name, t.default_recipe, t.level, t.extra, t.summary) for t in TARGETS.values()]
    show(TARGETS, [table("Targets", columns, rows)], as_json=json, next_command="edgeacc doctor")


@app.command()
def recipes(json: Json = False) -> None:
    """How a student can be stored and computed; with a key to the names; `in all`: made by `--target all`."""
    from edgeacc.compression.recipe import RECIPES
    from edgeacc.compression.schemes import decoder
    from edgeacc.export.registry import in_all

    columns = ("recipe", "weights", "activations", "min SNR [dB]", "calibration windows", "minimum OS", "in all")
    rows = [
        (
            r.name, r.weights, r.activations, r.min_snr_db, r.calibration_windows, ", ".join(r.minimum_os) or None,
            "yes" if r.name in in_all() else None,
        )
        for r in RECIPES.values()
    ]  # fmt: skip
    if not json:
        sys.stdout.write(f"{decoder()}\n")
    show(RECIPES, [table("Recipes", columns, rows)], as_json=json, next_command="edgeacc cat tflite-w8a8")


@app.command()
def sizes(json: Json = False) -> None:
    """Encoders that can be trained, and what each costs on a watch."""
    from edgeacc.models.cost import cost
    from edgeacc.models.sizes import SIZES
    from edgeacc.signals.contract import DEFAULT

    columns = (
        "size",
        "parameters",
        "MACs per window [M]",
        "activations int8 [KiB]",
        "float32 [KiB]",
        "tokens",
        "token width",
        "token's context [s]",
        "layers",
    )
    costs = {name: cost(config) for name, config in SIZES.items()}
    rows = [
        (
            name,
            f"{costs[name].parameters:,}",
            round(costs[name].macs_per_window / 1e6, 1),
            round(costs[name].activations / 1024, 1),
            round(costs[name].activations * 4 / 1024, 1),
            config.tokens,
            config.width,
            round(config.context_samples / DEFAULT.rate_hz, 2),
            config.layers,
        )
        for name, config in SIZES.items()
    ]
    title = "Encoder sizes (3 input axes; context before the transformer layers)"
    result = {name: {"config": config, **costs[name]._asdict()} for name, config in SIZES.items()}
    next_command = "edgeacc train student STORE --teacher DIR -o DIR --encoder conv-s"
    show(result, [table(title, columns, rows)], as_json=json, next_command=next_command)


@app.command()
def students(json: Json = False) -> None:
    """Trained encoders that come with edgeacc; `edgeacc export NAME --target ...` takes them by name."""
    from edgeacc.models.card import load_card
    from edgeacc.models.cost import cost
    from edgeacc.weights import DEFAULT, shipped

    cards = {name: load_card(path) for name, path in shipped().items()}
    rows = [
        (name, f"{cost(card.encoder).parameters:,}", card.objective, card.data.name if card.data else None, path)
        for (name, path), card in zip(shipped().items(), cards.values(), strict=True)
    ]
    columns = ("student", "parameters", "objective", "trained on", "checkpoint (its CARD.md tells figures)")
    next_command = f"edgeacc export {DEFAULT} --target coreml"
    show(cards, [table("Students", columns, rows)], as_json=json, next_command=next_command)


@app.command()
def formats(json: Json = False) -> None:
    """Recordings that can be imported."""
    from edgeacc.recordings.registry import FORMATS

    result = {name: format.told() | format.provenance() for name, format in FORMATS.items()}
    show(result, formats_tables(), as_json=json, next_command="edgeacc import PATH -o STORE")


def formats_tables() -> "list[Table]":
    """What can be imported and what each reader was checked on; whose the data are and where the format is told of."""
    from edgeacc.recordings.registry import FORMATS

    columns = ("format", "device", "files", "recognised by", "checked on")
    readers = table("Formats", columns, [tuple(format.told().values()) for format in FORMATS.values()])
    rows = [(format.name, format.licence, format.source) for format in FORMATS.values()]
    return [readers, table("Licence and source", ("format", "licence of the data", "source"), rows)]


@app.command()
def devices(json: Json = False) -> None:
    """What can be simulated: devices, sensors and batteries, and what kind of numbers is known of them."""
    from edgeacc.firmware_sim.profile import accelerometers, batteries, devices, opticals

    rooms = {
        "devices": devices(),
        "accelerometers": accelerometers(),
        "optical": opticals(),
        "batteries": batteries(),
    }
    columns = ("device", "what it is", "core", "clock [MHz]", "energy [pJ/cycle]", "kind")
    rows = [
        (
            each.name if place == 0 else f"{each.name}@{point.name}",
            each.title,
            each.core,
            *(_told(quantity) for quantity in (point.clock_mhz, point.active_pj_per_cycle)),
            None if point.active_pj_per_cycle is None else point.active_pj_per_cycle.kind,
        )
        for each in devices().values()
        for place, point in enumerate(each.points)
    ]
    worn = (("accelerometer", accelerometers()), ("optical", opticals()), ("battery", batteries()))
    others = [(kind, name, profile.title) for kind, profiles in worn for name, profile in profiles.items()]
    tables = [table("Devices", columns, rows), table("Worn with them", ("kind", "name", "what it is"), others)]
    show(rooms, tables, as_json=json, next_command="edgeacc simulate BUNDLE --device nrf54l15 --device stm32u575")


def _told(quantity: "Quantity | None") -> str | None:
    """Typical, and low to high where they differ."""
    if quantity is None:
        return None
    ends = "" if quantity.low == quantity.high else f" ({quantity.low:g}-{quantity.high:g})"
    return f"{quantity.typical:g}{ends}"
