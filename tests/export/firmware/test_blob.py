"""Blobs: no two live buffers overlap, any change is refused, and a blob made to deceive cannot leave its memory."""

import json
import shutil
import struct
import subprocess
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_models import Maker, reference, small_model
from model_blobs import replayer

pytest.importorskip("ai_edge_litert", reason="the extra `tflite` is not installed")
if shutil.which("cc") is None:
    pytest.skip("cc is not installed: apt-get install gcc", allow_module_level=True)

from edgeacc.errors import BadInput
from edgeacc.export.firmware.artifact import read_artifact, write_artifact
from edgeacc.export.firmware.compile import compile_graph, compile_model
from edgeacc.export.firmware.graph import parse_graph
from edgeacc.export.firmware.layers import KernelLayer, Program
from edgeacc.export.firmware.plan import plan
from edgeacc.export.firmware.project import write_project
from edgeacc.export.firmware.session import FirmwareSession

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def content():
    return small_model()


@pytest.fixture(scope="module")
def compiled(content):
    return compile_graph(parse_graph(content, "model"), "model")


def test_every_kernel_is_in_the_small_model(compiled, content):
    assert {layer.kernel for layer in compiled.layers} == {
        "conv_2d", "depthwise_conv_2d", "binary", "pool_2d", "copy", "batch_matmul", "mean", "softmax", "table",
    }  # fmt: skip
    given_ = np.random.default_rng(1).integers(-128, 128, (1, 6, 5, 2)).astype(np.int8)
    for got, want in zip(FirmwareSession(compiled)([given_]), reference(content, [given_]), strict=True):
        np.testing.assert_array_equal(got, want.reshape(-1))


def test_the_same_model_gives_the_same_blob(content, compiled):
    assert compile_graph(parse_graph(content, "model"), "model") == compiled


def test_any_change_of_one_byte_is_refused(compiled):
    for place in range(len(compiled.blob)):
        changed = bytearray(compiled.blob)
        changed[place] ^= 0x41
        with pytest.raises(BadInput, match="refuses"):
            FirmwareSession(replace(compiled, blob=bytes(changed)))


@pytest.mark.parametrize("length", [0, 15, 16, 47, 48, 400])
def test_a_blob_that_was_cut_off_is_refused(compiled, length):
    with pytest.raises(BadInput, match="refuses"):
        FirmwareSession(replace(compiled, blob=compiled.blob[:length]))


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    """Opens and runs blobs under the address and undefined-behaviour sanitizers."""
    return replayer(tmp_path_factory.mktemp("driver") / "driver")


def sealed(blob):
    changed = bytearray(blob)
    struct.pack_into("<I", changed, 12, zlib.crc32(changed[16:]))
    return bytes(changed)


def test_changed_blobs_with_a_right_checksum_stay_in_their_memory(compiled, driver, tmp_path):
    """2,000 blobs, each with one to three words of header, tables or parameters replaced."""
    random = np.random.default_rng(3)
    strange = [0, 1, -1, 2, 5, 255, 256, 32767, 65535, 1 << 24, (1 << 31) - 1, -(1 << 31), 1 << 30, -129, 128]
    tables = struct.unpack_from("<12I", compiled.blob)
    entries = [struct.unpack_from("<II", compiled.blob, tables[10] + 8 * i)[1] for i in range(tables[9])]
    places = [*range(16, 48, 4), *range(tables[6], tables[6] + 8, 4), *range(tables[10], tables[10] + 8 * tables[9], 4)]
    places += [start + 4 * word for start in entries for word in range(28)]
    blobs = []
    for number in range(2000):
        changed = bytearray(compiled.blob)
        for _ in range(random.integers(1, 4)):
            place = int(random.choice([each for each in places if each + 4 <= len(changed)]))
            old = struct.unpack_from("<i", changed, place)[0]
            new = int(random.choice(strange)) if random.random() < 0.5 else old + int(random.integers(-9, 10))
            struct.pack_into("<i", changed, place, max(min(new, (1 << 31) - 1), -(1 << 31)))
        blobs.append(tmp_path / f"{number}.bin")
        blobs[-1].write_bytes(sealed(changed))
    ran = subprocess.run([driver, *blobs], capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr[:2000]
    assert 100 < int(ran.stdout) < 1900


@given(
    sizes=st.lists(st.integers(1, 90), min_size=2, max_size=12),
    reads=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), min_size=12, max_size=12),
)
def test_buffers_that_live_at_the_same_time_do_not_overlap(sizes, reads):
    program = Program(buffer_bytes=list(sizes))
    for target in range(1, len(sizes)):
        sources = tuple({each % target for each in reads[target]})
        program.layers.append(KernelLayer("copy", (), sources, target, "COPY", ""))
    made = plan(program, [0], [len(sizes) - 1])
    held = {}
    for number, layer in enumerate(program.layers):
        for buffer in (*layer.reads, layer.writes):
            first = held.get(buffer, (number,))[0] if buffer else -1
            held[buffer] = (first, number)
    for one, (first, last) in held.items():
        assert made.offsets[one] + sizes[one] <= made.arena_bytes
        for other, (other_first, other_last) in held.items():
            if one < other and first <= other_last and other_first <= last:
                apart = made.offsets[one] + sizes[one] <= made.offsets[other]
                assert apart or made.offsets[other] + sizes[other] <= made.offsets[one]


@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6))
@settings(max_examples=150)
def test_a_damaged_tflite_file_is_compiled_or_refused(changes, content):
    damaged = bytearray(content)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    try:
        compile_graph(parse_graph(bytes(damaged), "damaged.tflite"), "damaged.tflite")
    except BadInput as error:
        told = error.problem
        assert "damaged.tflite" in told or "tensor" in told


def test_an_operator_that_is_lacking_is_named_with_its_index_and_what_there_is():
    maker = Maker()
    entry, one, two = (maker.tensor((2, 2), scales=[0.1]) for _ in range(3))
    maker.operator("ADD", [entry, entry], [one], "AddOptions")
    maker.operator("CUMSUM", [one, maker.ints([0])], [two], "CumsumOptions")
    with pytest.raises(BadInput, match=r"operator 1 .*CUMSUM") as caught:
        compile_graph(parse_graph(maker.bytes_of([entry], [two]), "model"), "model")
    assert "CONV_2D" in caught.value.valid


def test_a_float_model_is_refused():
    maker = Maker()
    entry, output = (maker.tensor((2, 2), kind="FLOAT32") for _ in range(2))
    maker.operator("ABS", [entry], [output], "AbsOptions")
    with pytest.raises(BadInput, match=r"float32|ABS"):
        compile_graph(parse_graph(maker.bytes_of([entry], [output]), "model"), "model")


@pytest.mark.parametrize("what", ["missing", "text", "empty"])
def test_what_is_no_model_is_refused(what, tmp_path):
    path = tmp_path / "model.tflite"
    if what != "missing":
        path.write_text("no model" if what == "text" else "")
    with pytest.raises(BadInput, match=r"model\.tflite"):
        compile_model(path)


def test_an_artifact_is_read_back_and_refused_when_changed(compiled, tmp_path):
    write_artifact(compiled, tmp_path / "firmware")
    assert read_artifact(tmp_path / "firmware") == compiled
    (tmp_path / "firmware" / "model.bin").write_bytes(compiled.blob[:-1])
    with pytest.raises(BadInput, match=r"model\.bin"):
        read_artifact(tmp_path / "firmware")


@pytest.mark.parametrize(
    ("name", "lie"),
    [("shape", [1, 7, 5, 2]), ("shape", [-1, -60]), ("bytes", 61), ("scale", 0.0), ("zero_point", 300)],
)
def test_a_manifest_whose_ports_cannot_be_is_refused(compiled, tmp_path, name, lie):
    write_artifact(compiled, tmp_path / "firmware")
    path = tmp_path / "firmware" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["inputs"][0][name] = lie
    path.write_text(json.dumps(manifest))
    with pytest.raises(BadInput, match=r"manifest\.json"):
        read_artifact(tmp_path / "firmware")


def test_a_manifest_of_another_arena_is_refused(compiled, tmp_path):
    write_artifact(replace(compiled, arena_bytes=10**15), tmp_path / "firmware")
    with pytest.raises(BadInput, match="arena"):
        read_artifact(tmp_path / "firmware")


MAIN = """
#include "edgeacc_model.h"
#include "model.h"
#include <stdio.h>
static uint8_t arena[MODEL_ARENA_BYTES] __attribute__((aligned(16)));
int main(void)
{
    edgeacc_model model;
    uint32_t bytes;
    if (edgeacc_model_open(&model, model_blob, MODEL_BLOB_BYTES, arena, sizeof arena) != EDGEACC_OK) { return 1; }
    int8_t *input = edgeacc_model_input(&model, 0, &bytes);
    if (fread(input, 1, bytes, stdin) != bytes) { return 2; }
    edgeacc_model_run(&model);
    for (uint32_t i = 0; i < 2; i++) {
        const int8_t *output = edgeacc_model_output(&model, i, &bytes);
        fwrite(output, 1, bytes, stdout);
    }
    return 0;
}
"""


def test_the_c_project_compiles_without_a_warning_and_computes_the_same(compiled, tmp_path):
    folder = tmp_path / "project"
    write_project(compiled, folder)
    (folder / "main.c").write_text(MAIN)
    warnings = ["-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Wshadow", "-Werror"]
    sources = sorted(folder.rglob("*.c"))
    includes = [f"-I{folder}", f"-I{folder / 'runtime'}"]
    subprocess.run(["cc", "-std=c99", "-O1", *warnings, *includes, *sources, "-o", folder / "run"], check=True)
    given_ = np.random.default_rng(4).integers(-128, 128, (1, 6, 5, 2)).astype(np.int8)
    ran = subprocess.run([folder / "run"], input=given_.tobytes(), capture_output=True, check=True)
    assert ran.stdout == b"".join(each.tobytes() for each in FirmwareSession(compiled)([given_]))
