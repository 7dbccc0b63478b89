import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edgeacc.errors import BadInput
from edgeacc.recordings import table
from edgeacc.recordings.table import TableMapping
from edgeacc.signals.contract import SignalContract
from edgeacc.windows.from_recordings import from_recordings
from edgeacc.windows.store import open_store

REAL = Path("../shared/data")
SHORT = SignalContract(window_s=10)
MAPPING = TableMapping(
    acc_columns=("x", "y", "z"), acc_unit="g", ppg_columns=("p",), ppg_upstroke="positive", rate_hz=64
)


def test_every_minute_is_accounted_for(tmp_path, write_table):
    for number, motion_g in enumerate((0.0, 0.0, 0.0, 0.1)):
        write_table(tmp_path / "set" / f"person {number}.csv", motion_g=motion_g, seed=number)
    heard = []
    done = from_recordings(
        [tmp_path / "set"], tmp_path / "store", lambda *told: heard.append(told), contract=SHORT, mapping=MAPPING
    )
    assert [account.windows for account in done.accounts] == [4, 4, 4, 0]
    assert done.accounts[3].lost_min["motion"] > 0.5
    assert [account.acc_step_mg for account in done.accounts] == pytest.approx([0.1] * 4, abs=0.001)
    for account in done.accounts:
        kept_min = account.windows * 10 / 60
        assert kept_min + sum(account.lost_min.values()) == pytest.approx(account.recorded_min, abs=0.01)
    assert [told[:2] for told in heard] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    store = open_store(tmp_path / "store", SHORT)
    assert store.manifest.windows == {"train": 4, "validation": 4, "test": 4}
    assert store.manifest.rejected == {"motion": 15}
    assert len(set(store.load("all").window_id_B.tolist())) == 12


def test_no_name_enters_the_store(tmp_path, write_table):
    for number in range(3):
        write_table(tmp_path / "hospital" / f"miller {number}.csv", seed=number)
    done = from_recordings([tmp_path / "hospital"], tmp_path / "store", contract=SHORT, mapping=MAPPING)
    assert done.accounts[0].place == "hospital/miller 0.csv"
    for file in (tmp_path / "store").iterdir():
        content = file.read_bytes()
        assert b"miller" not in content
        assert b"hospital" not in content
    manifest = json.loads((tmp_path / "store" / "manifest.json").read_text())
    numbers = [row["participant"] for row in manifest["provenance"]["recordings"]]
    assert numbers == sorted(account.participant for account in done.accounts)
    assert len(set(numbers)) == 3
    assert "place" not in manifest["provenance"]["recordings"][0]


def test_one_name_in_two_sets_is_two_people_and_two_recordings_of_one_are_one(tmp_path, write_table):
    for seed, file in enumerate(("one/S01/monday.csv", "one/S01/tuesday.csv", "two/S01/monday.csv")):
        write_table(tmp_path / file, seconds=15, seed=seed)
    done = from_recordings([tmp_path / "one", tmp_path / "two"], tmp_path / "store", contract=SHORT, mapping=MAPPING)
    first, second, third = (account.participant for account in done.accounts)
    assert first == second != third
    assert [account.place for account in done.accounts][::2] == ["one/S01/monday.csv", "two/S01/monday.csv"]
    assert done.store.manifest.name == "table"
    assert len(done.notes) == 1
    assert done.notes[0].startswith("S01 under one and S01 under two are taken for 2 people; if they are one, ")


def test_a_person_is_the_same_by_any_path_to_the_set(tmp_path, write_table, monkeypatch):
    write_table(tmp_path / "set" / "S01.csv")
    (tmp_path / "a.salt").write_text("1f" * 32)
    (tmp_path / "b.salt").write_text("1f" * 32)
    one = from_recordings([tmp_path / "set"], tmp_path / "a", contract=SHORT, mapping=MAPPING)
    monkeypatch.chdir(tmp_path / "set")
    other = from_recordings([Path("S01.csv")], tmp_path / "b", contract=SHORT, mapping=MAPPING)
    assert other.store.manifest == one.store.manifest


def test_two_sets_of_one_name_cannot_be_told_apart(tmp_path, write_table):
    for seed, file in enumerate(("x/data/S01.csv", "y/data/S01.csv")):
        write_table(tmp_path / file, seed=seed)
    with pytest.raises(BadInput, match=r"x/data and .*y/data are two sets of one name, and both hold S01"):
        from_recordings(
            [tmp_path / "x" / "data", tmp_path / "y" / "data"], tmp_path / "store", contract=SHORT, mapping=MAPPING
        )


def test_the_same_recording_under_two_names_is_taken_once(tmp_path, write_table):
    for file in ("S01.csv", "S02.csv"):
        write_table(tmp_path / "set" / file)
    done = from_recordings([tmp_path / "set"], tmp_path / "store", contract=SHORT, mapping=MAPPING)
    assert [account.place for account in done.accounts] == ["set/S01.csv"]
    assert done.known == ["set/S02.csv"]
    assert done.notes == ["1 recording(s) are in the store already, sample by sample: nothing was added of them"]


def test_a_recording_given_twice_is_refused(tmp_path, write_table):
    write_table(tmp_path / "set" / "a.csv", seconds=15)
    with pytest.raises(BadInput, match=r"given twice: .*a\.csv"):
        from_recordings([tmp_path, tmp_path / "set"], tmp_path / "store", contract=SHORT, mapping=MAPPING)


def test_all_malformed_recordings_are_told_at_once(tmp_path, write_table):
    write_table(tmp_path / "set" / "S01.csv", seconds=15)
    (tmp_path / "set" / "S02.csv").write_text("x,y,z\n1,1,1\n")
    (tmp_path / "set" / "S03.csv").write_text("x,y,z,p\n1,1,1,1\n1,1,1,high\n")
    with pytest.raises(BadInput) as caught:
        from_recordings([tmp_path / "set"], tmp_path / "store", contract=SHORT, mapping=MAPPING)
    assert "2 mistakes" in caught.value.problem
    assert "S02.csv lacks the column(s) p" in caught.value.problem
    assert "S03.csv, line 3: p is 'high'" in caught.value.problem
    assert not (tmp_path / "store").exists()


def test_nothing_left_says_why(tmp_path, write_table):
    write_table(tmp_path / "a.csv", motion_g=0.2)
    with pytest.raises(BadInput, match=r"no window is left of .*; lost: motion 0\.6 min"):
        from_recordings([tmp_path / "a.csv"], tmp_path / "store", contract=SHORT, mapping=MAPPING)
    write_table(tmp_path / "b.csv", seconds=6)
    with pytest.raises(BadInput, match=r"lost: tail 0\.1 min"):
        from_recordings([tmp_path / "b.csv"], tmp_path / "store", contract=SHORT, mapping=MAPPING)
    assert not (tmp_path / "store").exists()


def test_a_recording_without_ppg_is_accounted_for_and_nothing_of_it_kept(tmp_path, write_table, monkeypatch):
    write_table(tmp_path / "set" / "a.csv")
    write_table(tmp_path / "set" / "b.csv")

    def read_one_without(path, participant, mapping):
        return [replace(one, ppg=one.ppg if path.name == "a.csv" else None) for one in read(path, participant, mapping)]

    read = table.read
    monkeypatch.setattr(table, "read", read_one_without)
    done = from_recordings([tmp_path / "set"], tmp_path / "store", contract=SHORT, mapping=MAPPING)
    assert [account.windows for account in done.accounts] == [4, 0]
    assert done.accounts[1].recorded_min == pytest.approx(0.75, abs=0.001)
    assert done.accounts[1].lost_min == {"no PPG": pytest.approx(0.75, abs=0.001)}
    assert len(done.store.load("all").window_id_B) == 4
    with pytest.raises(BadInput, match=r"^b\.csv: accelerometer only, no PPG: nothing to pair$"):
        from_recordings([tmp_path / "set" / "b.csv"], tmp_path / "other", contract=SHORT, mapping=MAPPING)
    assert not (tmp_path / "other").exists()


IMPORT = """
import resource, sys
from pathlib import Path
import numpy as np
from edgeacc.recordings import table
from edgeacc.recordings.recording import Recording, regular
from edgeacc.recordings.table import TableMapping
from edgeacc.signals.contract import SignalContract
from edgeacc.windows.from_recordings import from_recordings

def read(path, participant, mapping):
    rng = np.random.default_rng(int(path.stem))
    t_s = np.arange(64 * 3600 * 4) / 64
    acc = rng.normal(scale=0.002, size=(len(t_s), 3)) + np.array([0, 0, 1])
    pulse = np.where(t_s % 1 < 0.2, t_s % 1 / 0.2, (1 - t_s % 1) / 0.8) + rng.normal(scale=0.01, size=len(t_s))
    streams = regular(acc, "g", 0.0, 64.0), regular(pulse[:, None], "au", 0.0, 64.0)
    yield Recording(participant, "a band", "table", *streams)

table.read = read
folder = Path(sys.argv[1])
columns = {"acc_columns": ("x", "y", "z"), "ppg_columns": ("p",)}
mapping = TableMapping(**columns, acc_unit="g", ppg_upstroke="positive", rate_hz=64)
done = from_recordings([folder / "set"], folder / "store", contract=SignalContract(window_s=600), mapping=mapping)
print(sum(done.store.manifest.windows.values()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.slow
def test_the_memory_does_not_grow_with_the_recordings(tmp_path):
    """Recordings of four hours, 12 MiB of windows each: 16 more of them add less than a quarter of what they hold.

    The first dozen still fill the allocator's pools.
    """
    peaks_mib = []
    for count in (12, 28):
        for number in range(count):
            (tmp_path / str(count) / "set").mkdir(parents=True, exist_ok=True)
            (tmp_path / str(count) / "set" / f"{number}.csv").write_text("made when it is read")
        ran = subprocess.run(
            [sys.executable, "-c", IMPORT, tmp_path / str(count)], capture_output=True, text=True, check=True
        )
        windows, peak_mib = ran.stdout.split()
        assert int(windows) == 24 * count
        peaks_mib.append(float(peak_mib))
    assert peaks_mib[1] - peaks_mib[0] < 16 * 12 / 4


@pytest.mark.integration
@pytest.mark.skipif(not REAL.exists(), reason="the real recordings are not here")
def test_the_other_formats_together(tmp_path):
    pytest.importorskip("fastavro")
    sets = [REAL / name for name in ("embraceplus", "verily_study_watch", "axivity")]
    done = from_recordings(sets, tmp_path / "store", contract=SignalContract(window_s=15))
    kept = {account.format: account.windows for account in done.accounts}
    assert kept["axivity-cwa"] == 0
    assert kept["empatica-embraceplus"] > 20
    assert kept["verily-tsdf"] > 0
    assert done.accounts[0].hr_difference_bpm < 1.5


@pytest.mark.integration
@pytest.mark.skipif(not REAL.exists(), reason="the real recordings are not here")
def test_the_real_recordings_together(tmp_path):
    done = from_recordings([REAL / "stress_predict", REAL / "polar_verity_sense"], tmp_path / "store")
    e4 = [account for account in done.accounts if account.format == "empatica-e4"]
    assert len(e4) == 28
    still_min = sum(account.windows + account.lost_min.get("no_pulse", 0.0) for account in e4)
    assert still_min == pytest.approx(326, rel=0.1)  # shared/data/README.md
    assert done.accounts[-1].windows in (7, 8)
    differences_bpm = [account.hr_difference_bpm for account in done.accounts if account.hr_difference_bpm is not None]
    assert max(differences_bpm) < 1.5
    sides = {split: set(done.store.load(split).participant_B.tolist()) for split in ("train", "validation", "test")}
    assert not sides["train"] & (sides["validation"] | sides["test"])
    assert not sides["validation"] & sides["test"]


def test_all_paths_that_hold_nothing_are_told_at_once(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "notes.txt").write_text("nothing here")
    with pytest.raises(BadInput) as caught:
        from_recordings([tmp_path / "one", tmp_path / "two", tmp_path / "three"], tmp_path / "store")
    for name in ("one", "two", "three"):
        assert str(tmp_path / name) in caught.value.problem
    assert not (tmp_path / "store").exists()
