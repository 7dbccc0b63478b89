"""A firmware image as engines need it: its core checked, its code, its markers. Reads ELF with pyelftools."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.firmware_sim.boards import BOARDS, Board
from edgeacc.firmware_sim.engines.blocks import Code

BEGIN, END = "harness_layer_begin", "harness_layer_end"
_REBUILD = "an image that `python -m edgeacc.firmware_sim.firmware.build` made"


@dataclass(frozen=True)
class Image:
    """One firmware image.

    Attributes:
        path: the ELF file.
        segments: address and bytes of each part to load.
        code: for counting.
        begin: address at which a layer's count starts.
        end: address at which it ends.
        ram_used: bytes of its data.
    """

    path: Path
    segments: tuple[tuple[int, bytes], ...]
    code: Code
    begin: int
    end: int
    ram_used: int


def read_image(path: Path, board: Board) -> Image:
    """Read an image for a board.

    Raises:
        BadInput: missing, not an image of ours, or of another core (it says which).
        NotPossibleHere: pyelftools is not installed.
    """
    with opened_elf(path) as elf:
        return _read(elf, path, board)


@contextmanager
def opened_elf(path: Path) -> Iterator[Any]:
    """An ELF file to be read within the block.

    Raises:
        BadInput: missing, no ELF file, or it lacks what the block looks for.
        NotPossibleHere: pyelftools is not installed.
    """
    try:
        from elftools.common.exceptions import ELFError
        from elftools.elf.elffile import ELFFile
    except ImportError as error:
        raise NotPossibleHere(
            "pyelftools is not installed, which reads firmware images",
            next_command="pip install 'edgeacc[simulate]' -c constraints.txt",
        ) from error
    try:
        with path.open("rb") as stream:
            yield ELFFile(stream)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}", valid=_REBUILD) from error
    except (ELFError, AttributeError, KeyError, ValueError, TypeError, IndexError) as error:
        raise BadInput(f"{path} is no firmware image: {error}", valid=_REBUILD) from error


def _read(elf: Any, path: Path, board: Board) -> Image:  # noqa: ANN401
    attributes = _attributes(elf)
    found = (attributes.get("TAG_CPU_ARCH"), attributes.get("TAG_FP_ARCH"))
    if found != (board.architecture, board.fp_architecture):
        cores = [each.core for each in BOARDS.values() if (each.architecture, each.fp_architecture) == found]
        raise BadInput(f"{path} is an image for {cores[0] if cores else 'another core'}", valid=f"one for {board.core}")
    segments = tuple((s["p_paddr"], s.data()) for s in elf.iter_segments("PT_LOAD") if s["p_filesz"])
    symbols = {symbol.name: symbol["st_value"] & ~1 for symbol in elf.get_section_by_name(".symtab").iter_symbols()}
    begin, end = symbols[BEGIN], symbols[END]
    text = elf.get_section_by_name(".text")
    if begin == end or text["sh_addr"] != board.code.origin:
        raise ValueError("no markers of its own, or code at another place")
    data = (elf.get_section_by_name(name) for name in (".data", ".bss"))
    return Image(
        path=path,
        segments=segments,
        code=Code(text.data(), text["sh_addr"]),
        begin=begin,
        end=end,
        ram_used=sum(section["sh_size"] for section in data if section is not None),
    )


def _attributes(elf: Any) -> dict[str, int | str]:  # noqa: ANN401
    section = elf.get_section_by_name(".ARM.attributes")
    if section is None:
        raise ValueError("no attributes of an Arm core")
    return {
        attribute.tag: attribute.value
        for subsection in section.iter_subsections()
        for part in subsection.iter_subsubsections()
        for attribute in part.iter_attributes()
    }
