"""Every class of instruction, from a table that the assembler of GNU binutils 2.40 gave for the Cortex-M55."""

import shutil
import subprocess
from pathlib import Path

import pytest

from edgeacc.firmware_sim.engines.blocks import Block, Code
from edgeacc.firmware_sim.engines.opcodes import decode

TABLE = [line.split("|") for line in Path(__file__).with_name("opcodes.txt").read_text().splitlines()]


def told(instruction):
    words = f"+{instruction.load_words}l" if instruction.load_words else ""
    words += f"+{instruction.store_words}s" if instruction.store_words else ""
    return instruction.kind + words


@pytest.mark.parametrize(("text", "code", "kind"), TABLE, ids=[row[0] for row in TABLE])
def test_class_and_size_of(text, code, kind):
    instruction = decode(bytes.fromhex(code), 0)
    assert (told(instruction), instruction.size) == (kind, len(code) // 2)


def test_the_assembler_gives_the_same_codes(tmp_path):
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed: apt-get install gcc-arm-none-eabi")
    alone = [row for row in TABLE if not {"L", "M:", "0"} & set(row[0].replace(",", " ").split()) and ";" not in row[0]]
    source, built, raw = tmp_path / "all.s", tmp_path / "all.o", tmp_path / "all.bin"
    source.write_text(".syntax unified\n.thumb\n" + "".join(f"{text}\n" for text, _, _ in alone))
    compile_ = ["arm-none-eabi-gcc", "-c", "-mcpu=cortex-m55", "-mfloat-abi=hard", "-mthumb", source, "-o", built]
    subprocess.run(compile_, check=True)
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", "-j", ".text", built, raw], check=True)
    assert len(alone) > 150
    assert raw.read_bytes().hex().startswith("".join(code for _, code, _ in alone))


def test_a_jump_is_taken_or_passed_by_each_time():
    code = Code(bytes.fromhex("0130 fdd1 70bd".replace(" ", "")), 0x100)  # adds r0, #1; bne; pop {r4-r6, pc}
    counts = code.count([Block(0x100, 4, times=10, fell=1), Block(0x104, 2, times=1, fell=0)])
    assert (counts.alu, counts.branch_taken, counts.branch_not_taken) == (10, 9, 1)
    assert (counts.call_return, counts.load_words, counts.total) == (1, 4, 21)


@pytest.mark.parametrize("start", [0xFE, 0x106])
def test_a_block_outside_the_code_is_refused(start):
    with pytest.raises(ValueError, match="outside"):
        Code(bytes(6), 0x100).count([Block(start, 2, 1, 0)])
