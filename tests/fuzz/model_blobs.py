"""Changed model blobs, each with a right checksum, for the runtime under AddressSanitizer and UBSan.

`python tests/fuzz/model_blobs.py --minutes 30` lets libFuzzer search (apt-get install clang libclang-rt-14-dev), from
and into `tests/fuzz/model_blobs.zip`; what is kept there is replayed by the tests with any compiler.
"""

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from made_models import small_model, streaming_model

from edgeacc.export.firmware.compile import compile_graph
from edgeacc.export.firmware.graph import parse_graph
from edgeacc.export.firmware.project import RUNTIME

CORPUS = Path(__file__).with_suffix(".zip")
SOURCE = Path(__file__).with_suffix(".c")
FLAGS = ("-std=gnu11", "-O1", "-g", "-fno-sanitize-recover=all", f"-I{RUNTIME}")
LARGEST_BYTES, LONGEST_RUN_S = 8192, 20


def build(compiler: str, flags: list[str], to: Path) -> Path:
    """The program: of libFuzzer, or with -DREPLAY one that takes files and prints how many were opened."""
    command = [compiler, *FLAGS, *flags, str(SOURCE), *map(str, sorted(RUNTIME.rglob("*.c"))), "-o", str(to)]
    subprocess.run(command, check=True, timeout=300)
    return to


def replayer(to: Path) -> Path:
    """By the system's compiler."""
    return build("cc", ["-DREPLAY", "-fsanitize=address,undefined"], to)


def unpacked(folder: Path) -> list[Path]:
    """The blobs that are kept, as files of a folder."""
    with zipfile.ZipFile(CORPUS) as corpus:
        corpus.extractall(folder)
    return sorted(folder.iterdir())


def pack(blobs: list[Path]) -> None:
    """Keep these blobs instead, in one order and without a date."""
    with zipfile.ZipFile(CORPUS, "w", zipfile.ZIP_DEFLATED) as corpus:
        for blob in sorted(blobs):
            corpus.writestr(zipfile.ZipInfo(blob.name), blob.read_bytes(), zipfile.ZIP_DEFLATED)


def main() -> int:
    """Search, keep what reaches new code, and give libFuzzer's exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--compiler", default="clang")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found, kept, seeds = (Path(folder, name) for name in ("found", "kept", "seeds"))
        for each in (found, kept, seeds):
            each.mkdir()
        for name, content in {"small": small_model(), "streaming": streaming_model(0)}.items():
            (seeds / name).write_bytes(compile_graph(parse_graph(content, name), name).blob)
        if CORPUS.exists():
            unpacked(seeds)
        program = build(chosen.compiler, ["-fsanitize=fuzzer,address,undefined"], Path(folder, "search"))
        limits = [f"-max_len={LARGEST_BYTES}", f"-timeout={LONGEST_RUN_S}", f"-artifact_prefix={CORPUS.parent}/found-"]
        search = [*limits, f"-max_total_time={60 * chosen.minutes:.0f}", f"-seed={chosen.seed}", "-print_final_stats=1"]
        code = subprocess.run([program, *search, found, seeds], check=False).returncode
        subprocess.run([program, "-set_cover_merge=1", *limits, kept, seeds, found], check=True)
        pack(list(kept.iterdir()))
        return code


if __name__ == "__main__":
    sys.exit(main())
