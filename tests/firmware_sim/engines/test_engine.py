"""What all engines share, without an emulator: choice, results of a firmware, missing programs."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.firmware_sim.boards import BOARDS, board_of
from edgeacc.firmware_sim.engines import engine_for
from edgeacc.firmware_sim.engines.engine import RESULT, Layer, Program, decode_result
from edgeacc.firmware_sim.engines.image import read_image
from edgeacc.firmware_sim.engines.qemu import Qemu

PROGRAM = Program(b"blob", (Layer(0, "ADD", "sum", 1),), arena_bytes=8, input_bytes=4, output_bytes=3)
WHOLE = struct.pack("<IiII", RESULT, 0, 1, 3) + b"abcdef" + struct.pack("<I", 99)


def test_a_whole_result_gives_the_outputs_of_each_inference():
    result = decode_result(WHOLE, 0, PROGRAM, 2, "here")
    assert (result.outputs, result.stack_bytes) == ((b"abc", b"def"), 99)


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_a_result_that_was_cut_off_is_refused(length):
    with pytest.raises(NotPossibleHere, match=f"after {length} of {len(WHOLE)} bytes"):
        decode_result(WHOLE[:length], 0, PROGRAM, 2, "here")


@given(content=st.binary(max_size=60), code=st.integers(-9, 255))
def test_any_other_content_is_refused(content, code):
    with pytest.raises((BadInput, NotPossibleHere), match="here"):
        decode_result(content, code, PROGRAM, 2, "here")


def test_an_unknown_core_lists_the_known():
    for ask in (engine_for, board_of):
        with pytest.raises(BadInput, match="'m9'") as told:
            ask("m9")
        assert set(BOARDS) <= set(told.value.valid.split(", "))


def test_a_machine_without_qemu_names_the_package(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotPossibleHere, match="qemu-system-arm") as told:
        Qemu().version()
    assert told.value.next_command == "apt-get install qemu-system-arm"
    with pytest.raises(NotPossibleHere, match=r"m55.*qemu-system-arm"):
        engine_for("m55")


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"text", None])
def test_what_is_no_image_is_refused(content, tmp_path):
    path = tmp_path / "image.elf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=r"image\.elf"):
        read_image(path, BOARDS["m4"])
