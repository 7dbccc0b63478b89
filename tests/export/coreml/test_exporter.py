"""The whole Core ML room: convert with coremltools, read the package back, evaluate it, compare with PyTorch."""

import shutil

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.export.coreml import CoreMLExporter
from edgeacc.export.coreml.package import read_program
from edgeacc.export.executorch import ExecuTorchExporter
from edgeacc.export.exporter import take_notes
from edgeacc.export.parity import parity
from edgeacc.export.registry import missing_packages
from edgeacc.models.deploy import deployable, exported_program
from edgeacc.models.sizes import build
from edgeacc.signals.contract import DEFAULT

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(missing_packages("coreml", "convert")), reason="the extra `coreml` is not installed"),
]
SHAPE = (1, 3, 96)
NO_CALIBRATION = torch.zeros(0, *SHAPE[1:])
OLD, NEW = ("watchOS10", "iOS17"), ("watchOS11", "iOS18")


def recipe(name, minimum_os=OLD):
    return RECIPES[name].model_copy(update={"minimum_os": minimum_os})


def convert(module, out, recipe=recipe("coreml-fp16")):  # noqa: B008  # a frozen recipe
    program = torch.export.export(module.eval(), (torch.zeros(SHAPE),))
    return CoreMLExporter().convert(program, recipe, NO_CALIBRATION, out)


def windows(count, shape=SHAPE[1:]):
    """Windows that differ in rhythm and in size, so that embeddings differ too."""
    generator = torch.Generator().manual_seed(count)
    rate, phase, size = torch.rand(3, count, shape[0], 1, generator=generator)
    wave = torch.sin(2 * torch.pi * (rate + 0.1) / 8 * torch.arange(shape[1]) + 6 * phase)
    return (wave * (size + 0.2) + 0.2 * torch.randn(count, *shape, generator=generator)).float()


class Apply(nn.Module):
    """A function as a network."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, acc_BCT):
        return self.function(acc_BCT)


class PatchesPlusTable(nn.Module):
    """Convolution, transpose, addition: what `fuse_conv_bias` breaks on once the weights are int8."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv1d(3, 64, 8, 8)
        self.table = nn.Parameter(torch.randn(1, 12, 64))

    def forward(self, acc_BCT):
        return (self.patches(acc_BCT).transpose(1, 2) + self.table).mean(1)


def lag(x):
    return x[..., 2:] - x[..., :-2]


FUNCTIONS = {
    "absolute difference": lambda x: lag(x).abs().mean(-1),
    "attention": lambda x: F.scaled_dot_product_attention(x, 2 * x, x + 1),
    "average pooling": lambda x: F.avg_pool1d(x, 4, 2, 1),
    "clipping": lambda x: x.clamp(-0.5, 0.5) + F.relu6(x),
    "division": lambda x: (1.5 - x) / (1 + x.square()).sqrt(),
    "gelu": lambda x: F.gelu(x) + F.gelu(x, approximate="tanh"),
    "group norm by hand": lambda x: (x - x.mean(-1, keepdim=True)) * torch.rsqrt(x.var(-1, keepdim=True) + 0.1),
    "height": lambda x: F.max_pool2d(x.unsqueeze(2), (1, 3), (1, 3)).squeeze(2),
    "larger and smaller": lambda x: torch.maximum(x, 0.5 * x[:, :1]) - torch.minimum(x, x.mean(-1, keepdim=True)),
    "layer norm": lambda x: F.layer_norm(x, (96,)),
    "matrix product": lambda x: x @ x.transpose(1, 2),
    "padding": lambda x: F.pad(x, (1, 2), value=0.5),
    "parts": lambda x: torch.cat([x.chunk(3, 1)[2], x.split([1, 2], 1)[0]], 2),
    "powers": lambda x: (x.abs() + 0.5) ** 1.5 + x.exp(),
    "reductions": lambda x: x.sum(1) + x.amax(1) + x.mean((1, 2), keepdim=True)[:, 0],
    "reshape": lambda x: x.reshape(1, 3, 12, 8).permute(0, 2, 1, 3).reshape(1, 12, 24),
    "sigmoids": lambda x: x * torch.sigmoid(1.702 * x) + F.silu(x) + x.tanh(),
    "softmax": lambda x: x.softmax(-1) + x.softmax(1),
    "stack": lambda x: torch.stack([x, x * x], 1).flatten(1),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_evaluates_what_pytorch_computes(name, tmp_path):
    package = convert(Apply(FUNCTIONS[name]), tmp_path)
    acc_BCT = windows(1)
    expected = FUNCTIONS[name](acc_BCT).numpy()
    np.testing.assert_allclose(CoreMLExporter().run(package, acc_BCT.numpy())[0], expected, rtol=4e-3, atol=4e-3)


def test_evaluates_the_fused_attention_of_newer_systems(tmp_path):
    attention = FUNCTIONS["attention"]
    package = convert(Apply(attention), tmp_path, recipe("coreml-fp16", NEW))
    acc_BCT = windows(1)
    assert "scaled_dot_product_attention" in {step.operation for step in read_program(package).steps}
    got = CoreMLExporter().run(package, acc_BCT.numpy())[0]
    np.testing.assert_allclose(got, attention(acc_BCT).numpy(), rtol=4e-3, atol=4e-3)


@pytest.fixture(scope="module")
def networks():
    """An encoder of each family, its batch statistics set, otherwise untrained; with the program to export."""
    made = {}
    for size in ("conv-xs", "pyramid-s", "transformer-xxxs"):
        torch.manual_seed(0)
        encoder = build(size, in_channels=3)
        with torch.no_grad():
            encoder.train()(windows(16, (3, DEFAULT.samples)))
        made[size] = (deployable(encoder.eval()), exported_program(encoder, DEFAULT))
    return made


@pytest.mark.parametrize(
    ("size", "name", "minimum_os", "floor_db"),
    [
        ("conv-xs", "coreml-fp16", NEW, 30),
        ("conv-xs", "coreml-w8", OLD, 15),
        ("pyramid-s", "coreml-fp16", OLD, 30),
        ("transformer-xxxs", "coreml-fp16", OLD, 30),
        ("transformer-xxxs", "coreml-w8", NEW, 15),
    ],
)
def test_embeds_as_the_network_does(networks, size, name, minimum_os, floor_db, tmp_path):
    """Below the recipes' floors, since windows hardly differ for an untrained network."""
    network, program = networks[size]
    acc_BCT = windows(8, (3, DEFAULT.samples))
    package = CoreMLExporter().convert(program, recipe(name, minimum_os), NO_CALIBRATION, tmp_path)
    expected_BD = torch.cat([network(window) for window in acc_BCT.split(1)]).numpy()

    result = parity(expected_BD, CoreMLExporter().run(package, acc_BCT.numpy())[0])

    assert result.snr_db > floor_db
    assert take_notes(tmp_path)["specification_version"] == {OLD: 8, NEW: 9}[minimum_os]


@pytest.mark.skipif(bool(missing_packages("executorch", "convert")), reason="the extra `executorch` is missing")
def test_int8_activations_are_those_of_executorch(program, calibration_BCT, acc_BCT, z_BD, tmp_path):
    """One graph for both: they differ by Core ML's 16 bits, less than either does from the float network."""
    package = CoreMLExporter().convert(program, recipe("coreml-w8a8", NEW), calibration_BCT[:3], tmp_path)
    other = ExecuTorchExporter().convert(program, RECIPES["executorch-w8a8"], calibration_BCT[:3], tmp_path)
    here_BD, there_BD = (
        CoreMLExporter().run(package, acc_BCT.numpy())[0],
        ExecuTorchExporter().run(other, acc_BCT.numpy())[0],
    )

    assert parity(there_BD, here_BD).snr_db > parity(z_BD, here_BD).snr_db

    steps = read_program(package).steps
    from_8_bits = {
        step.outputs[0].name for step in steps if "dequantize" in step.operation or "constexpr" in step.operation
    }
    products = [step for step in steps if step.operation in ("conv", "linear")]
    assert {step.arguments[name].name for step in products for name in ("x", "weight")} <= from_8_bits


@pytest.mark.skipif(bool(missing_packages("executorch", "convert")), reason="the extra `executorch` is missing")
def test_a_number_survives_8_bits(tmp_path):
    """coremltools subtracts its zero point in 8 bits, where it overflows; attention is scaled by such a number."""
    torch.manual_seed(0)
    product = nn.Linear(96, 16)
    program = torch.export.export(Apply(lambda x: (product(x) * 0.1768).flatten(1)), (torch.zeros(SHAPE),))
    acc_BCT = windows(8)
    package = CoreMLExporter().convert(program, recipe("coreml-w8a8"), acc_BCT, tmp_path)
    expected_BD = torch.cat([program.module()(window) for window in acc_BCT.split(1)]).detach().numpy()
    assert parity(expected_BD, CoreMLExporter().run(package, acc_BCT.numpy())[0]).snr_db > 25


def test_int8_weights_halve_the_file(tmp_path):
    network, folders = nn.Sequential(nn.Flatten(1), nn.Linear(288, 128)), [tmp_path / name for name in ("fp16", "w8")]
    for folder in folders:
        folder.mkdir()
        convert(network, folder, recipe(f"coreml-{folder.name}"))
    sizes = [sum(file.stat().st_size for file in folder.rglob("weight.bin")) for folder in folders]
    assert 0.5 < sizes[1] / sizes[0] < 0.55
    assert [take_notes(folder)["compressed_weights"] for folder in folders] == [0, 1]


def test_int8_weights_survive_a_convolution_before_a_transpose(tmp_path):
    torch.manual_seed(0)
    network, acc_BCT = PatchesPlusTable(), windows(4)
    package = convert(network, tmp_path, recipe("coreml-w8"))
    expected_BD = torch.cat([network(window) for window in acc_BCT.split(1)]).detach().numpy()
    assert parity(expected_BD, CoreMLExporter().run(package, acc_BCT.numpy())[0]).snr_db > 30


def test_the_interface_is_in_32_bits_and_has_our_names(tmp_path):
    package = convert(Apply(torch.relu), tmp_path)
    from edgeacc.export.coreml.toolkit import coremltools

    spec = coremltools().utils.load_spec(str(package))
    (given,), (made,) = spec.description.input, spec.description.output
    float32 = coremltools().proto.FeatureTypes_pb2.ArrayFeatureType.FLOAT32
    assert (given.name, made.name) == ("acc", "embedding")
    assert {given.type.multiArrayType.dataType, made.type.multiArrayType.dataType} == {float32}
    assert list(given.type.multiArrayType.shape) == list(SHAPE)


def test_a_gelu_states_its_mode(tmp_path):
    program = read_program(convert(Apply(F.gelu), tmp_path))
    assert [step.arguments["mode"] for step in program.steps if step.operation == "gelu"] == ["EXACT"]


def test_nothing_of_this_machine_is_in_the_package(tmp_path):
    package = convert(PatchesPlusTable(), tmp_path)
    content = b"".join(file.read_bytes() for file in package.rglob("*") if file.is_file())
    assert __file__.rsplit("/", 1)[0].encode() not in content
    assert b"site-packages" not in content
    assert {path.name for path in package.iterdir()} == {"Data", "Manifest.json"}


@pytest.mark.parametrize(
    ("systems", "message"),
    [((), "names no system"), (("watchOS3",), "watchOS3"), (("watchOS10", "iOS18"), "different Core ML")],
)
def test_refuses_systems_that_cannot_be_served(systems, message, tmp_path):
    with pytest.raises(BadInput, match=message):
        convert(Apply(torch.relu), tmp_path, recipe("coreml-fp16", systems))
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")  # coremltools drops a folder
def test_keeps_the_message_of_a_converter_that_refuses(tmp_path):
    with pytest.raises(NotPossibleHere, match=r"coremltools could not convert.*bessel"):
        convert(Apply(torch.special.bessel_j0), tmp_path)


def test_names_an_operation_that_the_evaluator_does_not_know(tmp_path):
    package = convert(Apply(lambda x: x.cumsum(2)), tmp_path)
    with pytest.raises(BadInput, match="'cumsum'"):
        CoreMLExporter().load(package)


def test_conversion_leaves_the_program_alone(tmp_path):
    program = torch.export.export(PatchesPlusTable(), (torch.zeros(SHAPE),))
    before = str(program.graph)
    CoreMLExporter().convert(program, recipe("coreml-w8"), NO_CALIBRATION, tmp_path)
    assert str(program.graph) == before


def damage(package, how):
    model, weights = next(package.rglob("model.mlmodel")), next(package.rglob("weight.bin"))
    match how:
        case "no package":
            shutil.rmtree(package)
        case "a file":
            shutil.rmtree(package)
            package.write_text("model")
        case "no manifest":
            (package / "Manifest.json").unlink()
        case "program cut off":
            model.write_bytes(model.read_bytes()[:-100])
        case "weights cut off":
            weights.write_bytes(weights.read_bytes()[:100])


@pytest.mark.parametrize("how", ["no package", "a file", "no manifest", "program cut off", "weights cut off"])
def test_refuses_a_damaged_package(how, tmp_path):
    package = convert(PatchesPlusTable(), tmp_path)
    damage(package, how)
    with pytest.raises(BadInput, match="package"):
        CoreMLExporter().load(package)


def test_calibration_windows_take_back_the_constant_error(networks, tmp_path):
    network, program = networks["conv-xs"]
    exporter, folders = CoreMLExporter(), [tmp_path / "as-it-is", tmp_path / "taken-back"]
    measured_on, judged_on = windows(24, (3, DEFAULT.samples)).split(16)
    for folder, acc_BCT in zip(folders, (measured_on[:0], measured_on), strict=True):
        folder.mkdir()
        exporter.convert(program, recipe("coreml-w8"), acc_BCT, folder)
    expected_BD = torch.cat([network(window) for window in judged_on.split(1)]).numpy()
    before, after = (
        parity(expected_BD, exporter.run(folder / "model.mlpackage", judged_on.numpy())[0]) for folder in folders
    )
    assert after.snr_db > before.snr_db + 1
    assert "offset" not in take_notes(folders[0])
    notes = take_notes(folders[1])
    assert notes["offset"]
    assert notes["snr_db_after"] > notes["snr_db_before"]


def test_an_offset_that_does_not_help_is_not_kept(tmp_path):
    torch.manual_seed(0)
    acc_BCT = windows(8)
    acc_BCT[::2] *= 100  # what is measured on these says nothing of the others
    program = torch.export.export(nn.Sequential(nn.Flatten(1), nn.Linear(288, 16)).eval(), (torch.zeros(SHAPE),))
    CoreMLExporter().convert(program, recipe("coreml-w8"), acc_BCT, tmp_path)
    notes = take_notes(tmp_path)
    assert not notes["offset"]
    assert notes["snr_db_after"] <= notes["snr_db_before"]
