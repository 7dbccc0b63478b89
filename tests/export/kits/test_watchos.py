"""The watchOS kit: its C is compiled for the watches and run here, its Swift is held to what can be read."""

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from edgeacc.bundle.bundle import open_bundle
from edgeacc.bundle.sums import check_sums
from edgeacc.errors import BadInput
from edgeacc.export.kits.kit import make_kit
from edgeacc.export.kits.watchos.checks import oldest_systems, problems, read_specification

HERE = Path(__file__).parent
FREESTANDING = HERE.parents[2] / "firmware_sim/firmware/freestanding"
WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Wstrict-prototypes", "-Werror")
MACH_O_CPU = {"arm64": 0x0100000C, "arm64_32": 0x0200000C}


@pytest.fixture(scope="module")
def kit(coreml_bundle, tmp_path_factory):
    path = tmp_path_factory.mktemp("watchos") / "kit"
    make_kit(coreml_bundle, "watchos", path)
    return path


@pytest.fixture(scope="module")
def c_kit(firmware_bundle, tmp_path_factory):
    path = tmp_path_factory.mktemp("watchos") / "c-kit"
    make_kit(firmware_bundle, "watchos", path)
    return path


@pytest.fixture(params=["kit", "c_kit"])
def each_kit(request):
    return request.getfixturevalue(request.param)


def c_of(kit):
    folder = kit / "Sources/CEdge"
    include = [f"-I{folder / part}" for part in ("include", "edgeacc", "edgeacc/runtime", "edgeacc/signal")]
    return include, sorted(folder.rglob("*.c"))


def ran(command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.integration
def test_the_golden_window_comes_out_as_in_training(each_kit, tmp_path):
    include, sources = c_of(each_kit)
    sanitized = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    program = HERE / "streams/golden_check.c"
    ran(["cc", *WARNINGS, *sanitized, *include, *sources, program, "-o", tmp_path / "check"])
    verdict, difference = ran([tmp_path / "check"]).split()
    assert verdict == "0"
    assert float(difference) <= 1e-5


@pytest.mark.integration
@pytest.mark.parametrize("watch", MACH_O_CPU)
def test_the_c_compiles_for_the_watches(each_kit, zig, watch, tmp_path):
    include, sources = c_of(each_kit)
    library = Path(find_spec("ziglang").origin).parent / "lib" / "include"
    flags = (*WARNINGS, "-O2", "-ffreestanding", "-nostdinc", f"-isystem{library}", f"-I{FREESTANDING}", "-c")
    ran([*zig[:3], "clang", "-target", f"{watch}-apple-watchos10.0", *flags, *include, *sources], cwd=tmp_path)
    objects = list(tmp_path.glob("*.o"))
    assert {each.stem for each in objects} == {each.stem for each in sources}
    for each in objects:
        assert int.from_bytes(each.read_bytes()[4:8], "little") == MACH_O_CPU[watch]


@pytest.mark.integration
def test_what_swift_names_of_c_is_declared(each_kit):
    headers = "".join(file.read_text() for file in (each_kit / "Sources/CEdge/include").glob("*.h"))
    for file in each_kit.rglob("*.swift"):
        for name in set(re.findall(r"\b(?:edgeacc|EDGEACC)_\w+", file.read_text())):
            assert re.search(rf"\b{name}\b", headers), f"{file.name}: {name}"


@pytest.mark.integration
def test_every_line_of_swift_is_in_its_grammar(each_kit):
    """By tree-sitter's grammar of Swift: no compiler, it knows no types."""
    tree_sitter = pytest.importorskip("tree_sitter", reason="tree-sitter is not installed: pip install 'edgeacc[dev]'")
    swift = pytest.importorskip("tree_sitter_swift", reason="tree-sitter-swift: pip install 'edgeacc[dev]'")
    parser = tree_sitter.Parser(tree_sitter.Language(swift.language()))
    assert parser.parse(b"func f( {").root_node.has_error
    files = list(each_kit.rglob("*.swift"))
    assert len(files) > 15
    for file in files:
        assert not parser.parse(file.read_bytes()).root_node.has_error, file.name


@pytest.mark.slow
@pytest.mark.integration
def test_swift_compiles_and_its_own_tests_pass(each_kit, swift, apple_signatures, tmp_path):
    """On Linux: Apple's frameworks are signatures, so that what needs them is compiled and not run."""
    package = shutil.copytree(each_kit, tmp_path / "kit")
    shutil.copytree(apple_signatures, package / "Signatures")
    with (package / "Package.swift").open("a") as manifest:
        manifest.write((package / "Signatures/targets.swift").read_text())
    for file in package.glob("Sources/EdgeCapture/*.swift"):
        file.write_text(file.read_text().replace("#if os(watchOS)\n", "#if true\n"))
    quiet = ("--disable-sandbox", "--package-path", package)
    ran([swift, "build", "--build-tests", "-Xswiftc", "-warnings-as-errors", *quiet])
    said = subprocess.run(
        [str(word) for word in (swift, "test", "--skip-build", *quiet)], capture_output=True, text=True, timeout=300
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert "Executed 7 tests, with 0 failures" in said.stdout + said.stderr


@pytest.mark.integration
def test_a_kit_holds_to_the_rules_and_names_its_engine(kit, c_kit, coreml_bundle):
    for each, engine in ((kit, "EdgeCoreML"), (c_kit, "EdgeCEncoder")):
        assert problems(each) == []
        check_sums(each)
        assert f'targets: ["EdgeCore", "EdgeCapture", "{engine}"]' in (each / "Package.swift").read_text()
        assert {path.name for path in (each / "Sources").iterdir()} == {"CEdge", "EdgeCore", "EdgeCapture", engine}
    model = kit / "Sources/EdgeCoreML/Resources/Encoder.mlpackage"
    assert sorted(path.name for path in model.rglob("*")) == sorted(
        path.name for path in open_bundle(coreml_bundle).model.rglob("*")
    )


@pytest.fixture
def broken(kit, tmp_path):
    return shutil.copytree(kit, tmp_path / "kit")


@pytest.mark.integration
def test_the_models_version_is_held_against_the_apps_oldest_system(broken):
    (specification,) = broken.rglob("*.mlmodel")
    content = specification.read_bytes()
    assert content[:2] == b"\x08\x08"  # field 1, a number: version 8, which watchOS 10 loads
    specification.write_bytes(b"\x08\x09" + content[2:])
    assert problems(broken) == ["the model's specification 9 needs watchOS 11, the app's oldest is 10"]
    package = broken / "Package.swift"
    package.write_text(package.read_text().replace('.watchOS("10.0")', '.watchOS("11.0")'))
    assert problems(broken) == []
    specification.write_bytes(b"\x08\x63" + content[2:])
    assert problems(broken) == ["the model's specification 99 is of no watchOS that is known, the app's oldest is 11"]
    package.write_text(package.read_text().replace('.watchOS("11.0")', '.watchOS("9.0")'))
    assert problems(broken)[0] == "Package.swift is for watchOS 9: batched sensors begin with 10"


def message(*fields):
    """Protocol buffers' wire format: (number, whole number or bytes)."""
    kinds = {int: 0, bytes: 2}
    keyed = ((number << 3 | kinds[type(value)], value) for number, value in fields)
    return b"".join(varint(key) + (varint(v) if isinstance(v, int) else varint(len(v)) + v) for key, v in keyed)


def varint(value):
    rest = value >> 7
    return bytes([value & 0x7F | (0x80 if rest else 0)]) + (varint(rest) if rest else b"")


def a_model(*operations):
    """Of specification 8, one function, one block: (kind, names of inputs)."""
    listed = [(3, message((1, kind), *((2, message((1, name))) for name in names))) for kind, names in operations]
    function = message((3, message((1, b"CoreML7"), (2, message(*listed)))))
    return message((1, 8), (502, message((1, 1), (2, message((1, b"main"), (2, function))))))


GELU = "1 gelu without a mode: watchOS 11 refuses the model"


@pytest.mark.parametrize(("names", "said"), [((b"x", b"mode"), []), ((b"x",), [GELU])])
def test_a_gelu_without_a_mode_is_told(tmp_path, names, said):
    (tmp_path / "Sources").mkdir()
    (tmp_path / "Package.swift").write_text('platforms: [.watchOS("10.0")]')
    (tmp_path / "model.mlmodel").write_bytes(a_model((b"conv", (b"x",)), (b"gelu", names)))
    assert problems(tmp_path) == said


@pytest.mark.integration
def test_an_app_above_75_mb_is_told(broken):
    with (broken / "Sources/EdgeCoreML/Resources/Encoder.mlpackage/large.bin").open("wb") as file:
        file.truncate(80_000_000)
    assert problems(broken) == ["sources and model take 81 MB: a watchOS app may take 75 MB"]


@pytest.mark.parametrize(
    "content", [b"", b"\x08", b"\x08\x08", b"\x0f\x01", b"\x12\xff\xff\xff\x7f", b"\x08\x08\xb2\x1f\x02\x12\x00"]
)
def test_what_is_no_program_is_refused(tmp_path, content):
    (tmp_path / "model.mlmodel").write_bytes(content)
    with pytest.raises(BadInput, match=r"model\.mlmodel (is damaged|holds no ML program)"):
        read_specification(tmp_path / "model.mlmodel")


@pytest.mark.integration
def test_the_specification_is_read_as_coremltools_reads_it(coreml_bundle):
    from edgeacc.export.coreml.package import read_program

    model = open_bundle(coreml_bundle).model
    (specification,) = model.rglob("*.mlmodel")
    version, operations = read_specification(specification)
    kinds = [kind for kind, _ in operations if kind != "const"]
    assert version == 8
    assert kinds == [step.operation for step in read_program(model).steps]


@pytest.mark.parametrize(
    ("minimum_os", "systems"),
    [((), (10, 17)), (("watchOS10", "iOS17"), (10, 17)), (("iOS18", "watchOS11"), (11, 18)), (("watchOS8",), (10, 17))],
)
def test_the_apps_oldest_systems(minimum_os, systems):
    assert oldest_systems(minimum_os) == systems


@pytest.mark.integration
def test_a_kit_that_would_break_a_rule_is_not_made(coreml_bundle, tmp_path, monkeypatch):
    from edgeacc.export.kits.watchos import checks

    monkeypatch.setattr(checks, "LARGEST_APP_BYTES", 1000)
    with pytest.raises(BadInput, match="a watchOS app may take"):
        make_kit(coreml_bundle, "watchos", tmp_path / "kit")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.integration
def test_it_is_made_the_same_in_every_byte(coreml_bundle, kit, tmp_path):
    make_kit(coreml_bundle, "watchos", tmp_path / "again")
    assert (tmp_path / "again/SHA256SUMS").read_bytes() == (kit / "SHA256SUMS").read_bytes()
    for file in kit.rglob("*"):
        assert not file.is_file() or str(tmp_path.parent).encode() not in file.read_bytes()


@pytest.mark.integration
def test_a_bundle_of_another_target_is_refused(onnx_bundle, tmp_path):
    with pytest.raises(BadInput, match="is for onnx: a kit for watchos cannot run it") as refused:
        make_kit(onnx_bundle, "watchos", tmp_path / "kit")
    assert refused.value.valid == "a bundle of the target coreml or firmware"
