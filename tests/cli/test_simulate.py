"""`edgeacc simulate`: a table for people, the same as JSON, files that two runs make alike, and what stops it."""

import json
import shutil

import numpy as np
import pytest

from edgeacc.cli.simulate import told
from edgeacc.compression.recipe import RECIPES
from edgeacc.export.registry import missing_packages
from edgeacc.firmware_sim.band import Band
from edgeacc.firmware_sim.profile import devices


@pytest.fixture(scope="module")
def untrained_bundle(tiny_source, tmp_path_factory):
    """untrained_bundle(recipe) -> a bundle of an untrained network, which quantizes badly."""
    from edgeacc.export.pipeline import export_bundle

    def make(recipe):
        if missing_packages("tflite", "convert"):
            pytest.skip("the extra `tflite` is not installed")
        path = tmp_path_factory.mktemp("simulate") / "bundle"
        untrained = RECIPES[recipe].model_copy(update={"min_snr_db": 0.0, "name": f"{recipe}-untrained"})
        export_bundle(tiny_source, untrained, path)
        return path

    return make


@pytest.fixture(scope="module")
def int8_bundle(untrained_bundle):
    return untrained_bundle("tflite-w8a8")


@pytest.fixture
def emulated():
    for program in ("qemu-system-arm", "cc"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


def test_an_unknown_device_lists_the_known_ones(edgeacc, tmp_path):
    ran = edgeacc("simulate", tmp_path / "x.tflite", "--device", "stm32f4")
    assert ran.code == 2
    assert "unknown device 'stm32f4'" in ran.err
    assert all(name in ran.err for name in devices())
    assert "next: edgeacc ls devices" in ran.err


@pytest.mark.parametrize("option", ["--accelerometer", "--optical", "--battery"])
def test_unknown_parts_are_refused(edgeacc, tmp_path, option):
    ran = edgeacc("simulate", tmp_path / "x.tflite", "--device", "nrf52840", option, "none")
    assert ran.code == 2
    assert "'none'" in ran.err


def test_a_supply_without_a_trace_is_refused(edgeacc, tmp_path):
    ran = edgeacc("simulate", tmp_path / "x.tflite", "--device", "nrf52840", "--supply-v", "3")
    assert (ran.code, "--supply-v without --import" in ran.err) == (2, True)


def test_a_model_that_is_not_there_is_refused(edgeacc, tmp_path):
    ran = edgeacc("simulate", tmp_path / "none.tflite", "--device", "nrf52840")
    assert ran.code == 2
    assert "none.tflite" in ran.err


def test_an_output_that_exists_is_refused_before_any_work(edgeacc, tmp_path):
    (tmp_path / "y.npy").touch()
    ran = edgeacc("simulate", tmp_path / "x.tflite", "--device", "nrf52840", "--outputs", tmp_path / "y.npy")
    assert (ran.code, "exists already" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("band", "text"),
    [
        (None, None),
        (Band(1.0, 1.0, 1.0), "1"),
        (Band(0.1234, 12.34, 12345.6), "12.3 (0.123-12.3k)"),
        (Band(0, 0, 0), "0"),
        (Band(999, 9994, 999_499), "9,994 (999-999k)"),
        (Band(99.96, 1e6, 1.234e9), "1M (100-1.23e+03M)"),
    ],
)
def test_a_band_in_three_digits(band, text):
    assert told(band) == text


@pytest.mark.integration
def test_a_bundle_on_several_devices(edgeacc, int8_bundle, emulated, tmp_path):
    names = ["stm32l4r5", "nrf54l15", "cortex-m55-class", "watch-application"]
    chosen = [word for name in names for word in ("--device", name)]
    ran = edgeacc("simulate", int8_bundle, *chosen, "--hours", "1", "-o", tmp_path / "a", "--force")
    assert ran.code == 0
    assert all(ran.out.count(f" {name} ") >= 3 for name in names)
    written = {path.name for path in (tmp_path / "a").iterdir()} - {"run-a53.json"}  # where qemu-user is installed
    assert written == {
        "manifest.json", "run-m4.json", "run-m33.json", "run-m55.json", "power.png", "energy.png", "battery.png",
    }  # fmt: skip
    again = edgeacc("simulate", int8_bundle, *chosen, "--hours", "1", "-o", tmp_path / "b", "--json")
    assert again.code == 0
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name
    result = json.loads(again.out)
    assert result == json.loads((tmp_path / "a" / "manifest.json").read_text())
    rows = {row["device"]: row for row in result["rows"]}
    assert rows["stm32l4r5"]["instructions"] == sum(
        count
        for layer in json.loads((tmp_path / "a" / "run-m4.json").read_text())["layers"]
        for name, count in layer["counts"].items()
        if not name.endswith("_words")
    )
    assert rows["cortex-m55-class"]["instructions"] < rows["nrf54l15"]["instructions"]


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize("name", ["conv-xxs", "conv-s"])
def test_a_small_student_keeps_its_budget_on_a_cortex_m4(name, edgeacc, emulated, tiny_store, tmp_path):
    from edgeacc.export.pipeline import export_bundle
    from edgeacc.export.source import read_source
    from edgeacc.models.card import Card
    from edgeacc.models.checkpoint import save
    from edgeacc.models.encoder import settle
    from edgeacc.models.sizes import SIZES, build
    from edgeacc.signals.contract import DEFAULT

    if missing_packages("tflite", "convert"):
        pytest.skip("the extra `tflite` is not installed")
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    encoder = settle(build(name, 3), [torch.randn(16, 3, DEFAULT.samples)])
    save(tmp_path / name, Card(kind="student", objective="distill", encoder=SIZES[name], contract=DEFAULT), encoder)
    untrained = RECIPES["tflite-w8a8"].model_copy(update={"min_snr_db": 0.0, "name": "tflite-w8a8-untrained"})
    export_bundle(read_source(tmp_path / name, tiny_store, 0), untrained, tmp_path / "bundle")
    ran = edgeacc("simulate", tmp_path / "bundle", "--device", "stm32l4r5", "--hours", "1", "--json")
    assert ran.code == 0, ran.err
    (row,) = json.loads(ran.out)["rows"]
    assert row["ram_bytes"] <= 64 * 1024
    assert row["flash_bytes"] <= 160 * 1024
    assert row["cycles"][1] <= 60e6


@pytest.mark.integration
@pytest.mark.parametrize("option", [["--trace", "nosuch"], ["--radio"], ["--seed", "1"]])
def test_what_a_day_of_wear_needs_is_refused_where_there_is_none(option, edgeacc, int8_bundle):
    ran = edgeacc("simulate", int8_bundle / "model" / "model.tflite", "--device", "nrf52840", *option)
    assert ran.code == 2
    assert f"{option[0]}: a .tflite has no day of wear by itself" in ran.err
    assert "--hours 24" in ran.err


@pytest.mark.integration
def test_a_foreign_model_gives_the_outputs_of_the_reference(edgeacc, int8_bundle, emulated, tmp_path):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    model = int8_bundle / "model" / "model.tflite"
    interpreter = Interpreter(str(model), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    (entry,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    scale, zero_point = entry["quantization"]
    inputs = np.random.default_rng(0).integers(-128, 128, (2, *entry["shape"][1:]), dtype=np.int8)
    np.save(tmp_path / "x.npy", inputs)
    ran = edgeacc(
        "simulate", model, "--device", "nrf52840", "--inputs", tmp_path / "x.npy", "--outputs", tmp_path / "y.npy"
    )  # fmt: skip
    assert ran.code == 0
    assert "of wear" not in ran.out
    found = np.load(tmp_path / "y.npy")
    for given, got in zip(inputs, found, strict=True):
        real = entry["dtype"] == np.float32
        interpreter.set_tensor(entry["index"], (given[None] - zero_point) * np.float32(scale) if real else given[None])
        interpreter.invoke()
        expected = interpreter.get_tensor(result["index"])[0]
        assert np.array_equal(got, expected.astype(np.int8))


@pytest.mark.integration
def test_a_firmware_bundle_is_the_tflite_that_it_was_compiled_from(
    edgeacc, int8_bundle, untrained_bundle, emulated, tmp_path
):
    rows = {}
    for name, bundle in (("tflite", int8_bundle), ("firmware", untrained_bundle("firmware-w8a8"))):
        chosen = ("--device", "stm32l4r5", "--device", "m55-ethos-u55", "--hours", "1", "--outputs", tmp_path / name)
        ran = edgeacc("simulate", bundle, *chosen, "--json")
        assert ran.code == 0, ran.err
        rows[name] = json.loads(ran.out)["rows"]
    assert rows["firmware"][0] == rows["tflite"][0]
    assert (tmp_path / "firmware").read_bytes() == (tmp_path / "tflite").read_bytes()
    assert rows["firmware"][1]["engine"] == "estimate"
    assert "m55-ethos-u55: latency by cycles per multiply-accumulate alone: Vela compiles a .tflite" in ran.err


@pytest.mark.integration
def test_a_measured_inference(edgeacc, int8_bundle, emulated, tmp_path):
    (tmp_path / "m.csv").write_text("time_s,current_a\n0,0.001\n2,0.001\n")
    chosen = ("--device", "nrf52840", "--import", tmp_path / "m.csv", "--supply-v", "3", "--json")
    ran = edgeacc("simulate", int8_bundle / "model" / "model.tflite", *chosen)
    (row,) = json.loads(ran.out)["rows"]
    assert row["energy_uj"] == pytest.approx([6000, 6000, 6000])
    ran = edgeacc("simulate", int8_bundle / "model" / "model.tflite", *chosen, "--device", "stm32l4r5")
    assert (ran.code, "for 2 devices" in ran.err) == (2, True)


@pytest.mark.integration
def test_a_measured_day_says_which_figures_are_the_traces(edgeacc, int8_bundle, emulated, tmp_path):
    (tmp_path / "m.csv").write_text("time_s,current_a,supply_v\n0,0.001,3\n2,0.001,3\n")
    chosen = ("--device", "nrf52840", "--import", tmp_path / "m.csv", "--hours", "1")
    ran = edgeacc("simulate", int8_bundle, *chosen)
    assert ran.code == 0
    assert "by the model of energy, not by the trace" in " ".join(ran.out.split())
    refused = edgeacc("simulate", tmp_path / "none.tflite", *chosen, "--device", "stm32l4r5")
    assert (refused.code, "for 2 devices" in refused.err) == (2, True)


@pytest.fixture
def store(edgeacc, tmp_path):
    """Of a table that the import reads: six minutes of a still wrist, then three in which it is swung."""
    t_s = np.arange(64 * 540) / 64
    still = np.random.default_rng(0).normal(scale=0.002, size=(len(t_s), 3)) + np.array([0, 0, 1])
    swung = np.where(t_s > 360, 0.5 * np.sin(2 * np.pi * 2 * t_s), 0)
    pulse = np.where(t_s % 1 < 0.2, t_s % 1 / 0.2, (1 - t_s % 1) / 0.8)
    rows = (f"{x + s:.4f},{y:.4f},{z:.4f},{p:.4f}" for (x, y, z), s, p in zip(still, swung, pulse, strict=True))
    (tmp_path / "anna.csv").write_text("x,y,z,p\n" + "\n".join(rows) + "\n")
    (tmp_path / "map.toml").write_text(
        'acc_columns = ["x", "y", "z"]\nacc_unit = "g"\nppg_columns = ["p"]\nppg_upstroke = "positive"\nrate_hz = 64\n'
    )
    ran = edgeacc("import", tmp_path / "anna.csv", "-o", tmp_path / "store", "--mapping", tmp_path / "map.toml")
    assert ran.code == 0, ran.err
    return tmp_path / "store"


@pytest.mark.integration
def test_a_day_as_moved_as_a_store_of_recordings(edgeacc, int8_bundle, emulated, store, tmp_path):
    manifest = json.loads((store / "manifest.json").read_text())
    assert manifest["provenance"]["recordings"][0]["lost_min"]["motion"] == 2.25
    chosen = ("--device", "nrf52840", "--hours", "24", "--trace", store)
    ran = edgeacc("simulate", int8_bundle, *chosen, "-o", tmp_path / "a", "--json")
    assert ran.code == 0, ran.err
    result = json.loads(ran.out)
    assert result["trace"] == "store store: 6 min kept, 2.25 min rejected for motion; seed 0"
    day = result["rows"][0]["day"]
    assert day["windows_run"] + day["windows_gated"] == 1440
    assert day["windows_run"] / 1440 == pytest.approx(6 / 8.25, abs=0.04)
    assert (tmp_path / "a" / "power.png").stat().st_size > 10_000
    again = edgeacc("simulate", int8_bundle, *chosen, "--json")
    assert again.out == ran.out
    other = json.loads(edgeacc("simulate", int8_bundle, *chosen, "--json", "--seed", "1").out)
    assert other["rows"][0]["day"]["windows_run"] != day["windows_run"]


@pytest.mark.integration
def test_a_bundle_that_is_not_int8_is_refused(edgeacc, onnx_bundle):
    ran = edgeacc("simulate", onnx_bundle, "--device", "nrf52840")
    assert ran.code == 2
    assert "onnx-fp32" in ran.err
    assert "tflite-w8a8" in ran.err


@pytest.mark.integration
def test_where_nothing_runs_it_says_what_is_missing(edgeacc, int8_bundle, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = edgeacc("simulate", int8_bundle, "--device", "cortex-m55-class", "--hours", "1")
    assert ran.code == 1
    assert "apt-get install" in ran.err
