"""Nothing that tells who was recorded, with what, where or when lands in a store."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from edgeacc.recordings.table import TableMapping
from edgeacc.signals.contract import SignalContract
from edgeacc.windows.from_recordings import from_recordings
from edgeacc.windows.salt import Salt, read_salt

SHORT = SignalContract(window_s=10)
SERIAL = "SN4711XYZ"
TELLING = ("miller", "hospital", "ward7", "tuesday", SERIAL, "2021-06-27", "16:52:20")
MAPPING = TableMapping(
    acc_columns=("x", "y", "z"),
    acc_unit="g",
    ppg_columns=("miller_ppg",),
    ppg_upstroke="positive",
    time_column="t",
    device=f"Band {SERIAL}",
)
START_S = 1_624_812_740.0


def write_table(path, start_s=START_S, seconds=45, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    t_s = np.arange(64 * seconds) / 64
    acc = np.random.default_rng(seed).normal(scale=0.002, size=(len(t_s), 3)) + np.array([0, 0, 1])
    pulse = np.where(t_s % 1 < 0.2, t_s % 1 / 0.2, (1 - t_s % 1) / 0.8)
    pq.write_table(pa.table({"t": start_s + t_s, **dict(zip("xyz", acc.T, strict=True)), "miller_ppg": pulse}), path)


def write_tsdf(folder, seconds=45):
    """A Verily recording whose metadata name its device by a serial number and its start by a date."""
    folder.mkdir(parents=True)
    rows = 100 * seconds
    time = np.full(rows, 10.0, "<f4")
    time[0] = 0
    acc = np.tile([0, 0, 2089], (rows, 1)) + np.random.default_rng(0).integers(-2, 3, (rows, 3))
    phase = np.arange(rows) / 100 % 1
    light = 700_000 - 900 * np.where(phase < 0.2, phase / 0.2, (1 - phase) / 0.8)
    names = [f"acceleration_{axis}" for axis in "xyz"]
    for sensor, values, channels, unit, factor, kind in (
        ("imu", acc.astype("<i2"), names, "m/s/s", 0.00469378, ("int", 16)),
        ("ppg", light.astype("<i4"), ["green"], "none", 1, ("int", 32)),
    ):
        for name, content in (("time", time), ("values", values)):
            (folder / f"{sensor}_{name}.bin").write_bytes(content.tobytes())
        about = {"endianness": "little", "rows": rows}
        clock = about | {
            "file_name": f"{sensor}_time.bin", "channels": ["time"], "units": ["time_delta_ms"], "scale_factors": [1],
            "data_type": "float", "bits": 32,
        }  # fmt: skip
        samples = about | {
            "file_name": f"{sensor}_values.bin", "channels": channels, "units": [unit] * len(channels),
            "scale_factors": [factor] * len(channels), "data_type": kind[0], "bits": kind[1],
        }  # fmt: skip
        top = {
            "metadata_version": "0.1",
            "device_id": SERIAL,
            "start_iso8601": "2021-06-27T16:52:20Z",
            "subject_id": "miller",
        }
        (folder / f"{sensor}_meta.json").write_text(json.dumps(top | {"sensors": [clock, samples]}))


@pytest.fixture
def imported(tmp_path):
    """A store of two formats, whose every name tells something."""
    write_table(tmp_path / "hospital" / "miller anna" / "tuesday.parquet")
    write_tsdf(tmp_path / "ward7" / "miller bert" / "tuesday")
    first = from_recordings([tmp_path / "hospital"], tmp_path / "store", contract=SHORT, mapping=MAPPING)
    second = from_recordings([tmp_path / "ward7"], tmp_path / "store", contract=SHORT, append=True)
    assert [len(done.accounts) for done in (first, second)] == [1, 1]
    assert second.accounts[0].windows > 0
    return second


def every_byte(folder):
    """Files as they are, their names, and what is in their columns."""
    for path in folder.rglob("*"):
        yield path.name.encode()
        if path.is_dir():
            continue
        yield path.read_bytes()
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            yield str(table.schema.metadata).encode()
            yield str(pq.ParquetFile(path).metadata.metadata).encode()
            for column in table.columns:
                yield from (
                    bytes(buffer) for chunk in column.chunks for buffer in chunk.buffers() if buffer is not None
                )


def test_no_name_place_device_or_date_is_in_the_store(imported, tmp_path):
    assert imported.accounts[0].device == SERIAL
    words = [word.lower().encode() for word in (*TELLING, str(tmp_path))]
    for content in every_byte(tmp_path / "store"):
        assert [word for word in words if word in content.lower()] == []


@pytest.mark.integration
def test_nor_in_what_is_made_of_the_store(edgeacc, tiny_checkpoint, tmp_path):
    """The page of a store and a bundle calibrated and checked on it; every window of it is a participant's."""
    pytest.importorskip("onnxscript", reason="the extra `onnx` is not installed")
    for number, name in enumerate(("miller anna", "miller bert", "miller carl", "miller dora")):
        write_table(tmp_path / "hospital" / name / "tuesday.parquet", seconds=200, seed=number)
    write_tsdf(tmp_path / "ward7" / "miller emma" / "tuesday", seconds=200)
    store = tmp_path / "store"
    from_recordings([tmp_path / "hospital"], store, mapping=MAPPING)
    from_recordings([tmp_path / "ward7"], store, append=True)
    (tmp_path / "out").mkdir()
    page, bundle = tmp_path / "out" / "report.html", tmp_path / "out" / "bundle"
    assert edgeacc("data", "report", store, "-o", page).code == 0
    assert edgeacc("export", tiny_checkpoint, "--target", "onnx", "--store", store, "-o", bundle).code == 0
    words = [word.lower().encode() for word in (*TELLING, str(tmp_path))]
    seen = [content.lower() for content in (*every_byte(store), *every_byte(tmp_path / "out"))]
    assert len(seen) > 20
    assert [word for word in words if any(word in content for content in seen)] == []


def test_the_test_above_can_find_a_name(tmp_path):
    write_table(tmp_path / "hospital" / "miller anna" / "tuesday.parquet")
    from_recordings([tmp_path / "hospital"], tmp_path / "store", contract=SHORT, mapping=MAPPING, keep_ids=True)
    assert any(b"miller anna" in content for content in every_byte(tmp_path / "store"))


def test_the_salt_is_beside_the_store_for_its_owner_alone(imported, tmp_path):
    salt = read_salt(tmp_path / "store")
    assert (tmp_path / "store.salt").stat().st_mode & 0o777 == 0o600
    for content in every_byte(tmp_path / "store"):
        assert salt.secret not in content
        assert salt.secret.hex().encode() not in content


def test_names_are_kept_where_the_user_asks(tmp_path):
    write_table(tmp_path / "set" / "S01" / "a.parquet")
    done = from_recordings([tmp_path / "set"], tmp_path / "store", contract=SHORT, mapping=MAPPING, keep_ids=True)
    [person] = done.store.manifest.people
    assert (person.id, person.participant) == ("S01", done.accounts[0].participant)
    assert done.store.manifest.ids_kept


def test_another_salt_makes_other_numbers_of_the_same_people(tmp_path):
    write_table(tmp_path / "set" / "S01" / "a.parquet")
    one, other = (
        from_recordings([tmp_path / "set"], tmp_path / name, contract=SHORT, mapping=MAPPING) for name in ("a", "b")
    )
    assert one.accounts[0].participant != other.accounts[0].participant
    first, second = (done.store.manifest for done in (one, other))
    assert first.people[0].name != second.people[0].name
    rows = [manifest.provenance["recordings"][0] for manifest in (first, second)]
    assert rows[0]["recording"] != rows[1]["recording"]
    assert torch.equal(one.store.load("all").acc_BCT, other.store.load("all").acc_BCT)


def test_the_day_of_a_recording_is_not_in_its_windows(tmp_path):
    stores = []
    for name, days in (("now", 0), ("then", 1000)):
        write_table(tmp_path / name / "set" / "S01" / "a.parquet", start_s=START_S - 86_400 * days)
        (tmp_path / f"{name}.salt").write_text("77" * 32)
        done = from_recordings([tmp_path / name / "set"], tmp_path / f"{name}.store", contract=SHORT, mapping=MAPPING)
        stores.append(done.store)
    rows = [dict(store.manifest.provenance["recordings"][0]) for store in stores]
    for row in rows:
        del row["recording"], row["number"], row["participant"]  # salted hashes
    assert rows[0] == rows[1]
    windows = [store.load("all") for store in stores]
    for name in ("acc_BCT", "ppg_BCT"):
        assert torch.equal(getattr(windows[0], name), getattr(windows[1], name))
    for name, label_B in windows[0].labels.items():
        assert torch.equal(label_B.nan_to_num(-1), windows[1].labels[name].nan_to_num(-1))
    starts = [each.window_id_B - each.window_id_B[0] for each in windows]
    assert torch.equal(*starts)


@pytest.mark.parametrize(
    ("one", "other"), [(("a", "bc"), ("ab", "c")), (("a", "b"), ("b", "a")), (("", "a"), ("a", ""))]
)
def test_people_of_other_names_have_other_numbers(one, other):
    salt = Salt(bytes(32))
    assert salt.participant(*one) != salt.participant(*other)
    assert 0 <= salt.participant(*one) < 2**53


def test_a_recording_is_known_by_its_samples_and_times_alone(tmp_path):
    from edgeacc.recordings import table

    write_table(tmp_path / "a.parquet")
    write_table(tmp_path / "b.parquet", seed=1)
    salt = Salt(bytes(32))
    [one] = table.read(tmp_path / "a.parquet", "anna", MAPPING)
    [other] = table.read(tmp_path / "b.parquet", "anna", MAPPING)
    assert salt.recording(one) == salt.recording(replace(one, participant="bert", device="another"))
    assert salt.recording(one) != salt.recording(other)
    later = replace(one, acc=replace(one.acc, times_s=one.acc.times_s + 1))
    assert salt.recording(one) != salt.recording(later)
    assert salt.recording(one) != salt.recording(replace(one, ppg=None))
