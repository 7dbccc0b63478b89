"""What exists, as tables and as JSON."""

import json
from pathlib import Path

import pytest

from edgeacc.compression.recipe import RECIPES
from edgeacc.export.registry import TARGETS
from edgeacc.firmware_sim.profile import batteries, devices
from edgeacc.models.sizes import SIZES
from edgeacc.recordings.registry import FORMATS

THINGS = {"targets": TARGETS, "recipes": RECIPES, "sizes": SIZES, "formats": FORMATS}


@pytest.mark.parametrize(
    "what", [pytest.param(what, marks=pytest.mark.integration) if what == "sizes" else what for what in THINGS]
)
def test_everything_that_exists_is_listed(edgeacc, what):
    told, plain = edgeacc("ls", what, "--json"), edgeacc("ls", what)
    assert (told.code, plain.code) == (0, 0)
    assert set(json.loads(told.out)) == set(THINGS[what])
    assert [name for name in THINGS[what] if f" {name} " not in plain.out] == []
    assert "next: edgeacc " in plain.out


def test_the_names_of_recipes_are_decoded(edgeacc):
    assert "<target>-<scheme>" in edgeacc("ls", "recipes").out


@pytest.mark.integration
def test_a_size_tells_what_it_costs(edgeacc):
    told = json.loads(edgeacc("ls", "sizes", "--json").out)["conv-xs"]
    assert told["parameters"] == 61_904
    assert told["macs_per_window"] == 11_704_320 + 480  # and the scale of the embedding
    assert told["activations"] == 24 * 960 + 32 * 480
    assert told["config"]["family"] == "conv"


def test_every_device_and_what_is_worn_with_it_is_listed(edgeacc):
    told, plain = edgeacc("ls", "devices", "--json"), edgeacc("ls", "devices")
    assert (told.code, plain.code) == (0, 0)
    rooms = json.loads(told.out)
    assert set(rooms["devices"]) == set(devices())
    assert set(rooms["batteries"]) == set(batteries())
    names = [name for room in rooms.values() for name in room]
    assert [name for name in names if f" {name} " not in plain.out] == []
    assert "stm32l4r5@ldo-3v0" in plain.out
    assert "next: edgeacc simulate" in plain.out


def test_a_listed_number_tells_its_source(edgeacc):
    told = json.loads(edgeacc("ls", "devices", "--json").out)["devices"]["nrf54l15"]
    energy = told["points"][0]["active_pj_per_cycle"]
    assert (energy["unit"], energy["kind"], energy["source"]) == ("pJ/cycle", "datasheet", "nrf54l15-ds")


def test_a_format_tells_whose_the_data_are_and_where_it_is_described(edgeacc):
    told, plain = json.loads(edgeacc("ls", "formats", "--json").out), edgeacc("ls", "formats").out
    assert told["dalia-wesad"]["licence"].startswith("PPG-DaLiA: CC BY 4.0")
    assert "10.24432/C53890" in told["dalia-wesad"]["source"]
    assert [name for name, each in told.items() if not (each["licence"] and each["source"] and each["axes"])] == []
    assert "CC BY 4.0" in plain
    assert "10.24432/C53890" in plain


def test_what_was_measured_of_every_recipe_is_the_page_s_table(edgeacc):
    ran = edgeacc("ls", "targets", "--measured")
    assert ran.code == 0
    page = (Path(__file__).parent.parent.parent / "docs" / "targets.md").read_text()
    lines = [line.strip() for line in ran.out.splitlines() if line.strip()]
    assert [line for line in lines if line not in page] == []
    reports = json.loads(edgeacc("ls", "targets", "--measured", "--json").out)["bundles"]
    assert {report["recipe"].removesuffix("-p50") for report in reports} == RECIPES.keys()
    assert {report["target"] for report in reports} == TARGETS.keys()
    assert {report["level"] for report in reports} == {"executed", "evaluated"}
