"""Profiles: no number without its source, and what exists can be asked for by name."""

import tomllib

import pytest

from edgeacc.errors import BadInput
from edgeacc.files import parse_model
from edgeacc.firmware_sim.profile import (
    FOLDER,
    Core,
    Device,
    accelerometers,
    batteries,
    cores,
    devices,
    opticals,
    sources,
    target,
)
from edgeacc.firmware_sim.quantity import Quantity

FILES = sorted(path for path in FOLDER.rglob("*.toml") if path.name != "sources.toml")


def quantities(content, place=""):
    """(place, table) of each table that holds numbers, and of each number that is in no such table."""
    if isinstance(content, dict) and {"value", "typical"} & set(content):
        yield place, content
    elif isinstance(content, dict):
        for name, part in content.items():
            yield from quantities(part, f"{place}.{name}")
    elif isinstance(content, list):
        for index, part in enumerate(content):
            yield from quantities(part, f"{place}[{index}]")
    elif isinstance(content, int | float):
        yield place, {"value": content}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_every_number_has_unit_kind_and_source(path):
    found = list(quantities(tomllib.loads(path.read_text())))
    assert found
    for place, table in found:
        quantity = parse_model(table, Quantity, where=f"{path.name}{place}")
        assert quantity.source is None or quantity.source in sources(), place


def test_every_source_is_used():
    named = {
        table["source"]
        for path in FILES
        for _, table in quantities(tomllib.loads(path.read_text()))
        if "source" in table
    }
    assert set(sources()) - named == set()


def test_the_promised_profiles_are_there():
    assert {"stm32l4r5", "stm32u575", "stm32h7a3", "nrf52840", "nrf54l15", "apollo4-plus"} <= set(devices())
    assert {"cortex-m55-class", "m55-ethos-u55", "watch-application"} <= set(devices())
    assert set(accelerometers()) == {"adxl362", "adxl367", "bma400", "lis2dw12", "lsm6dso"}
    assert set(opticals()) == {"adpd4000", "max86141"}
    assert set(batteries()) == {"cr2032", "lipo-100", "watch-300"}


@pytest.mark.parametrize("room", ["cores", "devices", "accelerometers", "optical", "batteries"])
def test_a_file_is_named_as_its_profile(room):
    for path in (FOLDER / room).glob("*.toml"):
        assert tomllib.loads(path.read_text())["name"] == path.stem


def test_a_device_runs_on_a_core_that_has_a_profile():
    assert {device.core for device in devices().values()} - {None} <= set(cores())


def test_a_target_is_a_device_at_a_point():
    assert target("stm32l4r5").point.name == "ldo-1v8"
    assert target("stm32l4r5@ldo-3v0").point.supply_v.typical == 3.0
    assert target("stm32l4r5@ldo-3v0").name == "stm32l4r5@ldo-3v0"
    assert target("stm32l4r5@ldo-1v8").name == "stm32l4r5"


def test_an_unknown_device_lists_the_known_ones():
    with pytest.raises(BadInput, match="'stm32f4'") as caught:
        target("stm32f4")
    assert all(name in caught.value.valid for name in devices())


@pytest.mark.parametrize("name", ["stm32l4r5@5v", "stm32l4r5@"])
def test_an_unknown_operating_point_lists_the_known_ones(name):
    with pytest.raises(BadInput, match="operating point") as caught:
        target(name)
    assert caught.value.valid == "ldo-1v8, ldo-3v0"


NUMBER = {"value": 1, "unit": "cycles", "kind": "datasheet", "source": "ti-swcu192"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"source": None}, "needs its source"),
        ({"kind": "estimate"}, "needs its reason"),
        ({"kind": "estimate", "reason": "guess"}, "needs its reason"),
        ({"kind": "hearsay"}, "kind"),
        ({"value": -1}, "greater than or equal to 0"),
        ({"value": float("nan")}, "finite"),
        ({"unit": ""}, "unit"),
        ({"low": 1}, "either value, or low"),
    ],
)
def test_an_unsourced_or_strange_number_is_refused(change, told):
    with pytest.raises(BadInput, match=told):
        parse_model(NUMBER | change, Quantity, where="test")


def test_falling_ends_are_refused():
    ends = {"low": 2, "typical": 1, "high": 3, "unit": "V", "kind": "measured", "source": "x"}
    with pytest.raises(BadInput, match="must not fall"):
        parse_model(ends, Quantity, where="test")


def test_a_number_in_another_unit_is_refused():
    content = tomllib.loads((FOLDER / "devices" / "stm32l4r5.toml").read_text())
    content["flash_kib"]["unit"] = "MB"
    with pytest.raises(BadInput, match="must be 'KiB'"):
        parse_model(content, Device, where="test")


def test_two_points_of_one_name_are_refused():
    content = tomllib.loads((FOLDER / "devices" / "stm32l4r5.toml").read_text())
    content["points"][1]["name"] = content["points"][0]["name"]
    with pytest.raises(BadInput, match="two operating points"):
        parse_model(content, Device, where="test")


def test_a_device_has_a_way_to_cycles():
    content = tomllib.loads((FOLDER / "devices" / "stm32l4r5.toml").read_text())
    del content["core"]
    with pytest.raises(BadInput, match="core, or cycles_per_mac"):
        parse_model(content, Device, where="test")


def test_a_class_that_no_core_executes_is_refused():
    content = tomllib.loads((FOLDER / "cores" / "cortex-m4.toml").read_text())
    content["cycles"]["magic"] = NUMBER
    with pytest.raises(BadInput, match="'magic' is no class"):
        parse_model(content, Core, where="test")
