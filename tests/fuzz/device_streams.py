"""Made-up sensor streams for the firmware's application, under AddressSanitizer and UBSan.

`python tests/fuzz/device_streams.py --streams 2500 --seed 0`: jumping, jittering, huge times, full FIFOs, codes of no
sample, stuck and wild values, resets and dead buses, at 64 Hz and behind the resampler. A stream is told by its seed.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from edgeacc.firmware_sim.application import APP
from edgeacc.firmware_sim.firmware.cross import HERE, STANDARD
from edgeacc.signals.contract import SignalContract
from edgeacc.signals.core.tables import FOLDER, tables_of, to_c

CONTRACT = SignalContract(window_s=4.0)
RATES_HZ = (64.0, 50.0, 200.0)
MODEL = Path(__file__).parents[1] / "firmware_sim" / "sum_runtime"
SANITIZERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def build(source_hz: float, folder: Path) -> Path:
    """The program of one rate."""
    tables = folder / "tables.c"
    tables.write_text(to_c(tables_of(CONTRACT, source_hz), "app_tables"))
    app = [APP / name for name in ("app.c", "fifo.c", "device_simulated.c", "wait_host.c")]
    sources = [Path(__file__).with_suffix(".c"), *app, *FOLDER.glob("*.c"), *MODEL.glob("*.c"), tables]
    include = [f"-I{each}" for each in (HERE, APP, FOLDER, MODEL)]
    to = folder / f"streams-{source_hz:g}"
    subprocess.run(["cc", *STANDARD, *SANITIZERS, *include, *map(str, sources), "-o", str(to)], check=True, timeout=120)
    return to


def run(program: Path, first: int, count: int) -> subprocess.CompletedProcess[str]:
    """Streams of so many seeds; code 0 where nothing was found."""
    command = [str(program), str(first), str(count)]
    return subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)


def main() -> int:
    """Run the streams at each rate and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    code = 0
    with tempfile.TemporaryDirectory() as folder:
        for source_hz in RATES_HZ:
            ran = run(build(source_hz, Path(folder)), chosen.seed, chosen.streams)
            print(f"{source_hz:g} Hz: {ran.stdout.strip() or ran.stderr.strip()}", flush=True)
            code = code or ran.returncode
    return code


if __name__ == "__main__":
    sys.exit(main())
