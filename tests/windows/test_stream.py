import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.signals.contract import SignalContract
from edgeacc.windows import parts as parts_room
from edgeacc.windows import store as store_room
from edgeacc.windows.store import create_store
from edgeacc.windows.stream import Shard, open_stream


@pytest.fixture(scope="module")
def small_parts():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_room, "WINDOWS_PER_PART", 7)
        patch.setattr(parts_room, "WINDOWS_PER_ROW_GROUP", 3)
        yield


@pytest.fixture
def store(tmp_path, make_windows, contract, small_parts):
    """60 windows for training in nine parts, 5 to test."""
    return create_store(
        tmp_path / "store",
        iter([make_windows([0] * 25 + [1] * 35, seed=1), make_windows([2] * 5, seed=2)]),
        {0: "train", 1: "train", 2: "test"},
        contract=contract,
        source="recordings",
        name="made",
        provenance={},
    )


def ids(batches):
    return [number for batch in batches for number in batch.window_id_B.tolist()]


def test_an_epoch_is_every_window_once(store):
    batches = list(open_stream(store.path).batches("train", batch=8, seed=0, epoch=0, mixed=16))
    assert [len(batch) for batch in batches] == [8] * 7 + [4]
    assert sorted(ids(batches)) == sorted(store.load("train").window_id_B.tolist())
    assert ids(batches) != sorted(ids(batches))


def test_windows_are_those_of_the_store(store):
    whole = store.load("train")
    at = {number: row for row, number in enumerate(whole.window_id_B.tolist())}
    for batch in open_stream(str(store.path)).batches("train", batch=10, seed=3, epoch=0, mixed=20):
        rows = [at[number] for number in batch.window_id_B.tolist()]
        wanted = whole.take(torch.tensor(rows))
        for name in ("acc_BCT", "ppg_BCT", "participant_B"):
            assert torch.equal(getattr(batch, name), getattr(wanted, name))
        assert torch.equal(batch.beats_BK.nan_to_num(-1), wanted.beats_BK.nan_to_num(-1))
        for name, label_B in batch.labels.items():
            assert torch.equal(label_B.nan_to_num(-1), wanted.labels[name].nan_to_num(-1))


def test_the_order_is_that_of_the_seed_and_the_epoch(store):
    def order(**given):
        return ids(open_stream(store.path).batches("train", **({"batch": 8, "seed": 0, "epoch": 0} | given)))

    assert order() == order()
    assert order() != order(epoch=1) != order(seed=1)


@pytest.mark.parametrize(("ranks", "workers"), [(1, 1), (2, 1), (1, 3), (2, 2), (7, 13)])
def test_shards_share_the_windows(store, ranks, workers):
    stream = open_stream(store.path)
    shards = [
        ids(stream.batches("train", batch=4, seed=0, epoch=2, mixed=8, shard=shard))
        for rank in range(ranks)
        for worker in range(workers)
        for shard in [Shard.of(rank=rank, ranks=ranks, worker=worker, workers=workers)]
    ]
    together = [number for shard in shards for number in shard]
    assert sorted(together) == sorted(store.load("train").window_id_B.tolist())
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


@pytest.fixture(scope="module")
def tiny_store(tmp_path_factory, make_windows, small_parts):
    """60 very short windows in nine parts."""
    tiny = SignalContract(window_s=0.25, ppg_channels=1)
    return create_store(
        tmp_path_factory.mktemp("stream") / "store",
        iter([make_windows([0] * 25 + [1] * 35, contract=tiny)]),
        {0: "train", 1: "train"},
        contract=tiny,
        source="recordings",
        name="made",
        provenance={},
    )


@pytest.mark.integration
@settings(max_examples=12)
@given(mixed=st.integers(1, 90), shards=st.integers(1, 70), batch=st.integers(1, 40), epoch=st.integers(0, 5))
def test_any_shards_and_sizes_hold_every_window_once(tiny_store, mixed, shards, batch, epoch):
    stream = open_stream(tiny_store.path)
    together = [
        number
        for shard in range(shards)
        for number in ids(
            stream.batches("train", batch=batch, seed=1, epoch=epoch, mixed=mixed, shard=Shard(shard, shards))
        )
    ]
    assert sorted(together) == list(range(60))


def test_a_rank_or_worker_that_does_not_exist_is_a_mistake():
    with pytest.raises(ValueError, match="rank 2 of 2"):
        Shard.of(rank=2, ranks=2)


def test_batches_mix_parts(store):
    first = next(open_stream(store.path).batches("train", batch=30, seed=0, epoch=0))
    assert set(first.participant_B.tolist()) == {0, 1}


def test_what_is_wrong_is_told(store, contract, tmp_path):
    stream = open_stream(store.path, contract)
    with pytest.raises(BadInput, match="no window in its split 'validation'"):
        next(stream.batches("validation", batch=1, seed=0, epoch=0))
    with pytest.raises(BadInput, match=r"window_s is 5\.0, wanted 60\.0"):
        open_stream(store.path, SignalContract())
    with pytest.raises(BadInput, match="nowhere does not exist"):
        open_stream(tmp_path / "nowhere")
    part = store.path / "test-00000.parquet"
    whole = part.read_bytes()
    for content, told in (
        (b"", "is truncated or changed: 0 bytes"),
        (whole[:100] + bytes([whole[100] ^ 1]) + whole[101:], "was changed since it was written"),
    ):
        part.write_bytes(content)
        with pytest.raises(BadInput, match=told):
            next(stream.batches("test", batch=1, seed=0, epoch=0))
    part.unlink()
    with pytest.raises(BadInput, match="lacks its part"):
        next(stream.batches("test", batch=1, seed=0, epoch=0))


READ = """
import resource, sys
from pathlib import Path
from edgeacc.windows.stream import open_stream

def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

stream = open_stream(sys.argv[1])
first = stream.batches("test", batch=32, seed=0, epoch=0, mixed=64)
assert sum(len(batch) for batch in first) == 64
before = peak_mib()
seen = sum(len(batch) for batch in stream.batches("train", batch=32, seed=0, epoch=0, mixed=64))
print(seen, peak_mib() - before)
"""


@pytest.mark.slow
def test_a_store_ten_times_the_memory_streams_through(tmp_path, make_windows, monkeypatch):
    """640 MiB of windows; reading them adds less than 64 MiB to what 64 of them took."""
    monkeypatch.setattr(store_room, "WINDOWS_PER_PART", 64)
    contract = SignalContract()
    count = 640 * 2**20 // (2 * 7 * contract.samples)

    def noise():
        yield make_windows([1] * 64, contract=contract)
        for seed, at in enumerate(range(0, count, 512), 1):
            yield make_windows([0] * min(512, count - at), contract=contract, seed=seed)

    given = {"contract": contract, "source": "recordings", "name": "noise", "provenance": {}}
    create_store(tmp_path / "store", noise(), {0: "train", 1: "test"}, **given)
    ran = subprocess.run([sys.executable, "-c", READ, tmp_path / "store"], capture_output=True, text=True, check=True)
    seen, added_mib = ran.stdout.split()
    assert int(seen) == count
    assert float(added_mib) < 64
