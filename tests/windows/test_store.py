import errno
import json
import os
from importlib.metadata import version

import pyarrow.parquet as pq
import pytest
import torch

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.files import sha256
from edgeacc.signals.contract import SignalContract
from edgeacc.windows import parts as parts_room
from edgeacc.windows import store as store_room
from edgeacc.windows.labels import LABELS
from edgeacc.windows.manifest import content_digest
from edgeacc.windows.store import create_store, open_store

SPLITS = {0: "train", 1: "train", 2: "validation", 3: "test", 4: "test"}


@pytest.fixture
def make_store(tmp_path, make_windows, contract):
    def make(batches=None, **more):
        batches = (
            [make_windows([0, 1, 2, 3, 4, 4], seed=1), make_windows([0, 0, 3], seed=2)] if batches is None else batches
        )
        given = {"contract": contract, "source": "recordings", "name": "made", "provenance": {"made": "by the test"}}
        return create_store(tmp_path / "store", iter(batches), SPLITS, **{**given, **more})

    return make


def test_what_was_written_is_read_back(make_store, make_windows):
    made = make_store(rejected={"motion": 7})
    store = open_store(made.path)
    assert store.manifest == made.manifest
    assert store.manifest.windows == {"train": 4, "validation": 1, "test": 4}
    assert store.manifest.participants == {"train": 2, "validation": 1, "test": 2}
    assert store.manifest.rejected == {"motion": 7}
    first = make_windows([0, 1, 2, 3, 4, 4], seed=1)
    train = store.load("train")
    assert train.participant_B.tolist() == [0, 1, 0, 0]
    assert train.window_id_B.tolist() == [10000, 10001, 20000, 20001]
    assert torch.equal(train.acc_BCT[:2], first.acc_BCT[:2])
    assert torch.equal(train.ppg_BCT[:2], first.ppg_BCT[:2])
    assert torch.equal(train.labels["hr_bpm"][:2], first.labels["hr_bpm"][:2])
    assert train.labels["sdnn_ms"].isnan().all()
    assert set(train.labels) == set(LABELS)
    test = store.load("test")
    assert test.beats_BK.shape == (4, 5)
    assert torch.equal(test.beats_BK[0, :3], first.beats_BK[3, :3])
    assert test.beats_BK[0, 3:].isnan().all()
    assert len(store.load("all")) == 9


def test_nobody_is_on_two_sides(make_store):
    store = make_store()
    sides = [set(store.load(split).participant_B.tolist()) for split in ("train", "validation", "test")]
    assert sides == [{0, 1}, {2}, {3, 4}]


def test_columns_on_disk_are_plain_parquet(make_store):
    store = make_store()
    schema = pq.read_schema(store.path / "train-00000.parquet")
    assert str(schema.field("acc").type) == "fixed_size_list<element: halffloat>[960]"
    assert str(schema.field("hr_bpm").type) == "float"
    assert schema.names == store.manifest.columns


def test_parts_and_chunks_are_bounded(make_store, make_windows, monkeypatch):
    monkeypatch.setattr(store_room, "WINDOWS_PER_PART", 5)
    monkeypatch.setattr(parts_room, "WINDOWS_PER_ROW_GROUP", 2)
    batches = [make_windows([0] * 7, seed=1), make_windows([0] * 6 + [3], seed=2), make_windows([0] * 4, seed=3)]
    store = make_store(batches)
    assert [(part.file, part.windows) for part in store.manifest.parts] == [
        ("train-00000.parquet", 5), ("train-00001.parquet", 5), ("train-00002.parquet", 5), ("train-00003.parquet", 2),
        ("test-00000.parquet", 1),
    ]  # fmt: skip
    assert max(len(chunk) for chunk in store.chunks("all")) == 2
    loaded = store.load("train")
    assert torch.equal(loaded.acc_BCT, torch.cat([batches[0].acc_BCT, batches[1].acc_BCT[:6], batches[2].acc_BCT]))


def test_a_limit_is_spread_over_the_split(make_store, make_windows):
    store = make_store([make_windows([0] * 4 + [1] * 4)])
    assert store.load("train", limit=4).participant_B.tolist() == [0, 0, 1, 1]
    assert len(store.load("train", limit=100)) == 8


def test_the_same_windows_give_the_same_digest(make_store, make_windows, tmp_path):
    one, two = make_store(), make_store(force=True)
    assert one.manifest == two.manifest
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    other = make_store([make_windows([0, 1], seed=9)], force=True)
    assert other.manifest.content_digest != one.manifest.content_digest


def test_an_empty_split_says_where_the_windows_are(make_store, make_windows):
    with pytest.raises(BadInput, match="no window in its split 'test'") as caught:
        make_store([make_windows([0, 1])]).load("test")
    assert caught.value.valid == "windows are in train: 2, validation: 0, test: 0"


def test_no_window_at_all_writes_nothing(make_store, tmp_path):
    with pytest.raises(BadInput, match=r"no window is left .* rejected: \{'motion': 3\}"):
        make_store([], rejected={"motion": 3})
    assert list(tmp_path.iterdir()) == []


def test_an_existing_store_is_not_overwritten(make_store):
    store = make_store()
    with pytest.raises(BadInput, match="exists already"):
        make_store()
    assert open_store(store.path).manifest == store.manifest


def test_a_full_disk_leaves_nothing(make_store, monkeypatch, tmp_path):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(NotPossibleHere, match="no space left"):
        make_store()
    assert list(tmp_path.iterdir()) == []


def test_missing_folder_and_other_folders_are_refused(tmp_path):
    with pytest.raises(BadInput, match="does not exist") as caught:
        open_store(tmp_path / "nowhere")
    assert "edgeacc cohort make" in caught.value.next_command
    with pytest.raises(BadInput, match=r"is not a store: no manifest.json"):
        open_store(tmp_path)


def test_another_contract_is_refused_with_what_differs(make_store, contract):
    store = make_store()
    assert open_store(store.path, contract).manifest.contract == contract
    with pytest.raises(BadInput, match=r"window_s is 5\.0, wanted 60\.0, ppg_channels is 2, wanted 4"):
        open_store(store.path, SignalContract())


def _edit_manifest(path, **fields):
    content = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps(content | fields))


def test_another_schema_version_is_refused(make_store):
    path = make_store().path
    _edit_manifest(path, schema_version=1, something_old=1)
    with pytest.raises(BadInput, match="has schema version 1") as caught:
        open_store(path)
    assert caught.value.valid == "version 2: make the store again"


def test_it_says_which_tools_made_it(make_store):
    [versions] = make_store().manifest.versions
    assert set(versions) == {"edgeacc", "numpy", "scipy", "torch", "pyarrow"}
    assert versions["torch"] == version("torch")


def test_an_empty_part_is_refused(make_store):
    store = make_store()
    (store.path / "test-00000.parquet").write_bytes(b"")
    with pytest.raises(BadInput, match=r"test-00000\.parquet is truncated or changed: 0 bytes"):
        open_store(store.path)


def test_a_part_cannot_point_outside(make_store):
    store = make_store()
    parts = [part.model_dump() | {"file": "../train-00000.parquet"} for part in store.manifest.parts]
    _edit_manifest(store.path, parts=parts)
    with pytest.raises(BadInput, match="mistake"):
        open_store(store.path)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda m: m["contract"].update(acc_band_hz=[1.0, 20.0]), "contract: its digest is"),
        (lambda m: m["parts"].pop(), "content_digest"),
        (lambda m: m["parts"][0].update(windows=99), r"windows\.train: \d+, but its parts have \d+"),
        (lambda m: m["parts"][0].update(split="test"), r"train-00000\.parquet is said to be test"),
    ],
)
def test_an_edited_manifest_is_refused_when_it_contradicts_itself(make_store, edit, told):
    path = make_store().path
    content = json.loads((path / "manifest.json").read_text())
    edit(content)
    (path / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(BadInput, match=told) as caught:
        open_store(path)
    assert "manifest.json was changed" in caught.value.problem


def test_an_edited_manifest_is_refused_when_it_contradicts_its_parts(make_store):
    store = make_store()
    _edit_manifest(store.path, parts=[part.model_dump() | {"most_beats": 0} for part in store.manifest.parts])
    with pytest.raises(BadInput, match=r"was changed: the beats of train-00000\.parquet are others"):
        open_store(store.path).load("train")
    first, *others = [part.model_dump() for part in store.manifest.parts]
    more = store.manifest.windows | {first["split"]: first["windows"] + 1}
    _edit_manifest(store.path, parts=[first | {"windows": more[first["split"]]}, *others], windows=more)
    with pytest.raises(BadInput, match=r"was changed: the windows of train-00000\.parquet are others"):
        open_store(store.path).load("train")


def test_parts_of_other_columns_are_refused_even_where_the_manifest_was_made_to_fit(make_store):
    store = make_store()
    first, *others = store.manifest.parts
    path = store.path / first.file
    pq.write_table(pq.read_table(path).drop_columns(["ppg"]), path)
    changed = first.model_copy(update={"sha256": sha256(path), "size_bytes": path.stat().st_size})
    parts = [changed, *others]
    digest = content_digest(store.manifest.contract, parts)
    _edit_manifest(store.path, parts=[part.model_dump() for part in parts], content_digest=digest)
    with pytest.raises(BadInput, match=r"the columns of train-00000\.parquet are others"):
        open_store(store.path).load("train")


def test_truncated_missing_and_changed_parts_are_refused(make_store):
    store = make_store()
    part = store.path / "test-00000.parquet"
    whole = part.read_bytes()
    part.write_bytes(whole[:-10])
    with pytest.raises(BadInput, match="truncated or changed"):
        open_store(store.path)
    part.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    with pytest.raises(BadInput, match="was changed since it was written"):
        open_store(store.path).load("test")
    os.remove(part)
    with pytest.raises(BadInput, match=r"lacks its part test-00000\.parquet"):
        open_store(store.path)


def test_a_label_that_no_store_has_is_a_mistake(make_store, make_windows):
    windows = make_windows([0, 1])
    windows.labels["mood"] = torch.zeros(2)
    with pytest.raises(ValueError, match="labels that no store has: mood"):
        make_store([windows])
