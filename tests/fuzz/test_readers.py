"""A part of the fuzz run that takes seconds, and what the whole run has found."""

import subprocess
import sys
from pathlib import Path

import pytest
import readers
from made_recordings import MADE

from edgeacc.errors import BadInput
from edgeacc.recordings import e4
from edgeacc.recordings.registry import FORMATS

pytestmark = pytest.mark.integration

pytest.importorskip("fastavro", reason="the extra formats is not installed")
pytest.importorskip("h5py", reason="the extra formats is not installed")


@pytest.mark.parametrize("kind", MADE)
def test_changed_files_are_read_or_refused_with_one_clear_line(tmp_path, kind):
    outcomes = []
    for number in range(15):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            readers.write(readers.changed(kind, 1, number), folder)
        except (OSError, ValueError):  # a part's name that no file can have
            continue
        outcomes.append(readers.read_all(folder, MADE[kind]()))
    assert set(outcomes) <= {"accepted", "refused"}
    assert "refused" in outcomes


FOUND = [
    ("e4", "IBI.csv", lambda raw: b"inf" + raw[raw.index(b",") :]),
    ("e4", "ACC.csv", lambda raw: raw[:30] + bytes(2000) + raw[30:]),
    ("e4-zip raw", "session.zip", lambda raw: raw[4:]),
    ("e4-zip raw", "session.zip", lambda raw: raw[1:]),
    ("dalia", "S1.pkl", lambda raw: raw.replace(b"multiarray", b"mu\n\0\x1biarry")),
    ("dalia protocol 0", "S1.pkl", lambda raw: raw.replace(b"multiarray", b"mul\0\0\0\x1bray")),
    ("tsdf", "imu/imu_time.bin", lambda raw: raw[:8] + b"\0\0\x80\x7f" + raw[12:]),
    ("polar", "Polar_PPG.txt", lambda raw: raw.replace(b"channel 1", b"channel 0", 1)),
    ("wfdb", "s1.hea", lambda raw: raw.replace(b"s1.dat", b"9" * 300, 3)),
    ("tsdf", "imu/imu_meta.json", lambda raw: raw.replace(b"imu_values.bin", b"9" * 300)),
    ("aurora", "o000.initial.Supine_1.tsv", lambda raw: b"\n".join(raw.split(b"\n")[:40]) + b"\n"),
    ("aurora", "o000.initial.Supine_1.tsv", lambda raw: raw.replace(b"ekg", b"\0kg").replace(b"0.6000\t", b"", 1)),
    ("sleep-accel", "46343_acceleration.txt", lambda raw: raw.replace(b" 0.6000000", b" 1e308", 9)),
    ("table csv", "anna.csv", lambda raw: raw.replace(b"0.6000", b"1e308", 1)),
    ("table csv", "anna.csv", lambda raw: raw.replace(b"green", b"g\0een")),
    ("table csv", "anna.csv", lambda raw: raw.replace(b"\n", b";")),
    ("table csv", "anna.csv", lambda raw: raw.replace(b"green", b"\x1b[31mred", 1)),
    ("table parquet", "anna.parquet", lambda raw: raw[:4] + b"\xff" * 16 + raw[20:]),
    ("table parquet", "anna.parquet", lambda raw: raw.replace(b"green", b"\xd9reen")),
]
"""Kind, part and change: what a run ended in a traceback, a warning, or an error of several lines or pages."""


@pytest.mark.parametrize("case", range(len(FOUND)))
def test_what_was_found_stays_mended(tmp_path, case):
    kind, part, change = FOUND[case]
    made = MADE[kind]()
    raw = made.parts[part]
    assert change(raw) != raw
    readers.write(made.pack(made.parts | {part: change(raw)}), tmp_path)
    assert readers.read_all(tmp_path, made) == "refused"


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (ValueError("not mended"), ValueError),
        (BadInput("somewhere: wrong", valid="right"), readers.NotClear),
        (BadInput("{folder}: wrong"), readers.NotClear),
        (BadInput("{folder}: wrong\nand more", valid="right"), readers.NotClear),
    ],
)
def test_a_defect_is_one(tmp_path, monkeypatch, error, kept):
    class Broken:
        recognise = staticmethod(e4.recognise)

        @staticmethod
        def read(path, participant):
            if isinstance(error, BadInput):
                raise BadInput(error.problem.replace("{folder}", str(path)), valid=error.valid)
            raise error

    monkeypatch.setitem(FORMATS, e4.NAME, FORMATS[e4.NAME]._replace(reader=Broken))
    readers.write(MADE["e4"]().files(), tmp_path)
    with pytest.raises(kept):
        readers.read_all(tmp_path, MADE["e4"]())


def test_the_same_recipe_makes_the_same_input():
    assert readers.changed("e4-zip", 7, 3) == readers.changed("e4-zip", 7, 3)
    assert readers.changed("e4-zip", 7, 3) != readers.changed("e4-zip", 7, 4)


@pytest.mark.integration
def test_the_command_prints_a_summary():
    command = [sys.executable, readers.__file__, "--inputs", "30", "--only", "e4", "--seed", "3"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[2])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "30 inputs, 0 defects" in ran.stdout


WORKER = """
import json, os, sys, time
first, count = map(int, sys.argv[4:])
for number in range(first, first + count):
    print(json.dumps({"begin": number, "folder": sys.argv[0] + " folder"}), flush=True)
    if number == 2:
        os.abort()
    if number == 4:
        time.sleep(60)
    done = {"end": number, "outcome": "refused", "took_s": 0.1 * number, "peak_kib": 1000, "told": ""}
    print(json.dumps(done), flush=True)
"""


def test_an_input_that_ends_or_hangs_the_process_is_a_defect_and_the_run_goes_on(tmp_path, monkeypatch):
    (tmp_path / "worker.py").write_text(WORKER)
    monkeypatch.setattr(readers, "__file__", str(tmp_path / "worker.py"))
    monkeypatch.setattr(readers, "HUNG_S", 1.0)
    kind = readers.Kind("e4")
    readers.watch(kind, 0, 0, 7)
    assert kind.counts == {"accepted": 0, "refused": 5, "defect": 2}
    assert [number for number, _ in kind.defects] == [2, 4]
    assert kind.slowest_s == pytest.approx(0.6)


def test_a_worker_that_cannot_begin_ends_the_run(tmp_path, monkeypatch):
    (tmp_path / "worker.py").write_text("raise SystemExit('no such package')")
    monkeypatch.setattr(readers, "__file__", str(tmp_path / "worker.py"))
    with pytest.raises(SystemExit, match="no input was tried: no such package"):
        readers.watch(readers.Kind("e4"), 0, 0, 7)
