"""Adding recordings to a store: what is there stays, what is new is added once, and nothing is ever half there."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.recordings.table import TableMapping
from edgeacc.signals.contract import SignalContract
from edgeacc.windows import addition
from edgeacc.windows.from_recordings import from_recordings
from edgeacc.windows.store import open_store

SHORT = SignalContract(window_s=10)
MAPPING = TableMapping(
    acc_columns=("x", "y", "z"), acc_unit="g", ppg_columns=("p",), ppg_upstroke="positive", rate_hz=64
)
SPLITS = ("train", "validation", "test")


@pytest.fixture
def sets(tmp_path, write_table):
    """Two sets: five people, one of them twice; and two people, who lie one window still."""
    for number in range(5):
        write_table(tmp_path / "one" / f"S{number}" / "monday.csv", seconds=25, seed=number)
    write_table(tmp_path / "one" / "S1" / "tuesday.csv", seconds=35, seed=10)
    for number in range(2):
        write_table(tmp_path / "two" / f"S{number}" / "monday.csv", seconds=15, seed=20 + number)
    return tmp_path / "one", tmp_path / "two"


@pytest.fixture
def add(tmp_path):
    """Import into a store of one salt."""

    def add(*paths, to="store", **options):
        (tmp_path / f"{to}.salt").write_text("5a" * 32 + "\n")
        given = {"contract": SHORT, "mapping": MAPPING, "append": True} | options
        return from_recordings(list(paths), tmp_path / to, **given)

    return add


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_one_after_the_other_is_both_at_once(sets, add, tmp_path):
    add(sets[0], to="grown")
    grown = add(sets[1], to="grown").store
    whole = add(*sets, to="whole").store
    assert grown.manifest == whole.manifest
    assert contents(tmp_path / "grown") == contents(tmp_path / "whole")
    assert grown.manifest.participants == {"train": 5, "validation": 1, "test": 1}
    windows = grown.load("all")
    assert len(windows) == 5 * 2 + 3 + 2
    assert len(set(windows.window_id_B.tolist())) == len(windows)


def test_the_other_way_round_holds_the_same_windows(sets, add):
    one, other = add(*sets, to="here").store.load("all"), add(*reversed(sets), to="there").store.load("all")
    orders = [windows.window_id_B.argsort() for windows in (one, other)]
    for name in ("acc_BCT", "ppg_BCT", "participant_B", "window_id_B"):
        assert torch.equal(getattr(one, name)[orders[0]], getattr(other, name)[orders[1]])


def test_nobody_moves_when_more_come(sets, add):
    def sides(store):
        return {
            who: split for split in SPLITS if store.count(split) for who in store.load(split).participant_B.tolist()
        }

    before = sides(add(sets[0]).store)
    after = sides(add(sets[1]).store)
    assert before.items() <= after.items()
    assert len(after) == 7


def test_the_same_again_adds_nothing_and_says_so(sets, add, tmp_path):
    add(*sets)
    before = contents(tmp_path / "store")
    again = add(*sets)
    assert contents(tmp_path / "store") == before
    assert again.accounts == []
    assert len(again.known) == 8
    assert again.notes[-1] == "8 recording(s) are in the store already, sample by sample: nothing was added of them"


def test_a_folder_that_has_grown_adds_what_is_new(sets, add, write_table):
    add(sets[0])
    write_table(sets[0] / "S1" / "wednesday.csv", seconds=25, seed=30)
    again = add(sets[0])
    assert [account.place for account in again.accounts] == ["one/S1/wednesday.csv"]
    assert len(again.known) == 6
    assert sum(again.store.manifest.windows.values()) == 15


def test_a_name_that_the_store_holds_from_another_set_is_told(sets, add):
    add(sets[0])
    assert [note.split(";")[0] for note in add(sets[1]).notes] == [
        f"S{number} under two is taken for another person than the S{number} of the store" for number in range(2)
    ]


def test_a_recording_without_a_window_is_remembered_too(sets, add, write_table):
    add(sets[0])
    write_table(sets[1] / "S7.csv", motion_g=0.1, seed=40)
    added = add(sets[1] / "S7.csv")
    assert added.accounts[0].windows == 0
    assert added.store.manifest.rejected["motion"] == 15
    assert add(sets[1] / "S7.csv").store.manifest == added.store.manifest


def test_what_cannot_be_added_to(sets, add, tmp_path):
    add(sets[0])
    before = contents(tmp_path / "store")
    for told, options in (
        ("window_s is 10.0, wanted 12.0", {"contract": SignalContract(window_s=12)}),
        ("holds salted hashes", {"keep_ids": True}),
        ("--append adds to the store, --force replaces it", {"force": True}),
        ("exists already", {"append": False}),
    ):
        with pytest.raises(BadInput, match=told):
            add(sets[1], **options)
    with pytest.raises(BadInput, match="not a store"):
        add(sets[1], to="one")
    assert contents(tmp_path / "store") == before


def test_without_its_salt_nothing_is_added(sets, add, tmp_path):
    add(sets[0])
    for text, told in (
        (None, "salt of store .* is not beside it"),
        ("00" * 32, "is not the salt"),
        ("salt", "is no salt"),
    ):
        salt = tmp_path / "store.salt"
        salt.unlink() if text is None else salt.write_text(text)
        with pytest.raises(BadInput, match=told):
            from_recordings([sets[1]], tmp_path / "store", contract=SHORT, mapping=MAPPING, append=True)


def test_windows_have_numbers_of_their_own_even_where_recordings_hash_alike(sets, add, monkeypatch):
    monkeypatch.setattr(addition, "number_of", lambda recording_hash: 2**33 - 1)
    add(sets[0])
    numbers = add(sets[1]).store.load("all").window_id_B.tolist()
    assert len(set(numbers)) == len(numbers) == 15
    assert min(numbers) >= 0


def test_an_edited_manifest_is_told(sets, add, tmp_path):
    add(sets[0])
    manifest = tmp_path / "store" / "manifest.json"
    content = json.loads(manifest.read_text())
    for change, told in (
        ({"provenance": {"recordings": [{"participant": 1}]}}, "recordings.0.number: is missing"),
        ({"people": content["people"][1:]}, "of `people` are there"),
    ):
        manifest.write_text(json.dumps(content | change))
        with pytest.raises(BadInput, match=told):
            add(sets[1])


def test_two_commands_at_once_are_refused(sets, add, tmp_path):
    add(sets[0])
    folder = os.open(tmp_path / "store", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    with pytest.raises(NotPossibleHere, match="another command is adding"):
        add(sets[1])
    os.close(folder)
    assert len(add(sets[1]).accounts) == 2


def test_a_malformed_recording_leaves_the_store_as_it_was(sets, add, tmp_path):
    add(sets[0])
    before = contents(tmp_path / "store")
    (sets[1] / "S9.csv").write_text("x,y,z\n1,1,1\n")
    with pytest.raises(BadInput, match=r"S9\.csv lacks the column"):
        add(sets[1])
    assert contents(tmp_path / "store") == before


def test_what_a_killed_run_left_is_not_read_and_goes_with_the_next(sets, add, tmp_path):
    store = add(sets[0]).store
    part = tmp_path / "store" / store.manifest.parts[0].file
    left = ["staged-00000.parquet", f"train-{'0' * 14}-{'1' * 16}.parquet"]
    for name in left:
        shutil.copy(part, part.with_name(name))
    (tmp_path / "store" / "mine.parquet").write_text("somebody else's")
    assert open_store(tmp_path / "store").manifest == store.manifest
    assert len(open_store(tmp_path / "store").load("all")) == 13
    add(sets[1])
    names = {path.name for path in (tmp_path / "store").iterdir()}
    assert names.isdisjoint(left)
    assert "mine.parquet" in names


RUN = """
import sys
from pathlib import Path
from edgeacc.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def start(tmp_path, *arguments):
    mapping = (
        'acc_columns = ["x", "y", "z"]\nacc_unit = "g"\nppg_columns = ["p"]\nppg_upstroke = "positive"\nrate_hz = 64\n'
    )
    (tmp_path / "map.toml").write_text(mapping)
    options = ["--mapping", tmp_path / "map.toml", "--window-s", "10"]
    command = [sys.executable, "-c", RUN, "import", *map(str, [*arguments, *options])]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.integration
@pytest.mark.parametrize("way", ["--append", "--force", "new"])
def test_a_run_killed_while_it_writes_leaves_the_old_store_or_none(sets, add, tmp_path, write_table, way):
    if way != "new":
        add(sets[1])
    salt = (tmp_path / "store.salt").read_text() if way != "new" else None
    before = contents(tmp_path / "store") if way != "new" else {}
    for number in range(60):
        write_table(tmp_path / "many" / f"P{number}.csv", seconds=25, seed=100 + number)
    running = start(tmp_path, tmp_path / "many", "-o", tmp_path / "store", *([] if way == "new" else [way]))
    where = tmp_path / ("store" if way == "--append" else ".store.writing")
    until = time.monotonic() + 60
    while len(list(where.glob("staged-*.parquet"))) < 3:
        assert running.poll() is None, running.stdout.read()
        assert time.monotonic() < until
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    running.wait()
    running.stdout.close()
    if way == "new":
        assert not (tmp_path / "store").exists()
        assert not (tmp_path / "store.salt").exists()
    else:
        there = contents(tmp_path / "store")
        assert before.items() <= there.items()
        assert all(name.startswith("staged-") for name in set(there) - set(before))
        assert len(open_store(tmp_path / "store").load("all")) == 2
        assert (tmp_path / "store.salt").read_text() == salt
    done = add(tmp_path / "many").store
    assert sum(done.manifest.windows.values()) == 120 + (0 if way == "new" else 2)
    assert {path.name for path in done.path.iterdir()} == {part.file for part in done.manifest.parts} | {
        "manifest.json"
    }


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 200 KiB, where this process may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no permission to mount a small disk")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.integration
def test_a_full_disk_leaves_what_was_there(sets, write_table, tmp_path, small_disk):
    def imported(path, **options):
        return from_recordings([path], small_disk / "store", contract=SHORT, mapping=MAPPING, append=True, **options)

    for number in range(8):
        write_table(tmp_path / "many" / f"P{number}.csv", seconds=65, seed=number)
    with pytest.raises(NotPossibleHere, match="no space left on the device"):
        imported(tmp_path / "many")
    assert list(small_disk.iterdir()) == []
    imported(sets[1])
    before = contents(small_disk / "store")
    with pytest.raises(NotPossibleHere, match="no space left on the device"):
        imported(tmp_path / "many")
    assert contents(small_disk / "store") == before
