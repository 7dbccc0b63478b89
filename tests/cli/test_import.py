"""`edgeacc import` on small files written here."""

import json

import numpy as np
import pytest


@pytest.fixture
def table(tmp_path):
    """45 s of a still wrist with a pulse, and the mapping of its columns."""
    t_s = np.arange(64 * 45) / 64
    acc = np.random.default_rng(0).normal(scale=0.002, size=(len(t_s), 3)) + np.array([0, 0, 1])
    pulse = np.where(t_s % 1 < 0.2, t_s % 1 / 0.2, (1 - t_s % 1) / 0.8)
    rows = (f"{x:.4f},{y:.4f},{z:.4f},{p:.4f}" for (x, y, z), p in zip(acc, pulse, strict=True))
    (tmp_path / "anna.csv").write_text("x,y,z,p\n" + "\n".join(rows) + "\n")
    mapping = (
        'acc_columns = ["x", "y", "z"]\nacc_unit = "g"\nppg_columns = ["p"]\nppg_upstroke = "positive"\nrate_hz = 64\n'
    )
    (tmp_path / "map.toml").write_text(mapping)
    return tmp_path / "anna.csv"


def test_prints_what_was_kept_and_lost(edgeacc, table, tmp_path):
    ran = edgeacc("import", table, "-o", tmp_path / "store", "--mapping", tmp_path / "map.toml", "--window-s", "10")
    assert ran.code == 0, ran.err
    assert "anna.csv" in ran.out
    assert "tail" in ran.out
    assert f"next: edgeacc data report {tmp_path / 'store'} -o" in ran.out
    assert (tmp_path / "store" / "manifest.json").exists()


def test_json_alone(edgeacc, table, tmp_path):
    mapping = tmp_path / "map.toml"
    ran = edgeacc("import", table, "-o", tmp_path / "store", "--mapping", mapping, "--window-s", "10", "--json")
    result = json.loads(ran.out)
    assert result["windows"] == {"train": 0, "validation": 0, "test": 4}
    assert result["recordings"][0]["windows"] == 4
    assert result["recordings"][0]["hr_difference_bpm"] is None


def test_an_existing_store_is_kept_unless_forced(edgeacc, table, tmp_path):
    (tmp_path / "store").mkdir()
    command = ["import", table, "-o", tmp_path / "store", "--mapping", tmp_path / "map.toml", "--window-s", "10"]
    refused = edgeacc(*command)
    assert refused.code == 2
    assert "exists already" in refused.err
    assert "--append to add to the store" in refused.err
    assert edgeacc(*command, "--force").code == 0


def test_the_same_command_again_adds_nothing(edgeacc, table, tmp_path):
    command = ["import", table, "-o", tmp_path / "store", "--mapping", tmp_path / "map.toml", "--window-s", "10"]
    first = edgeacc(*command, "--append")
    assert first.code == 0, first.err
    before = {path.name: path.read_bytes() for path in (tmp_path / "store").iterdir()}
    again = edgeacc(*command, "--append")
    assert again.code == 0
    assert "1 recording(s) are in the store already, sample by sample: nothing was added of them" in again.out
    assert {path.name: path.read_bytes() for path in (tmp_path / "store").iterdir()} == before
    forced = edgeacc(*command, "--force")
    assert forced.code == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "store").iterdir()} == before
    both = edgeacc(*command, "--append", "--force")
    assert both.code == 2
    assert "--append adds to the store, --force replaces it" in both.err


def test_names_stay_out_unless_asked_for(edgeacc, table, tmp_path):
    command = ["import", table, "--mapping", tmp_path / "map.toml", "--window-s", "10", "-o"]
    assert edgeacc(*command, tmp_path / "store").code == 0
    assert "anna" not in (tmp_path / "store" / "manifest.json").read_text()
    assert (tmp_path / "store.salt").exists()
    assert edgeacc(*command, tmp_path / "named", "--keep-ids").code == 0
    assert '"id": "anna.csv"' in (tmp_path / "named" / "manifest.json").read_text()


def test_what_cannot_be_imported(edgeacc, table, tmp_path):
    for arguments, told in (
        ((tmp_path / "nowhere",), "nowhere does not exist"),
        ((table,), "a table needs a mapping of its columns"),
        ((table, "--format", "fitbit"), "unknown format 'fitbit'"),
        ((table, "--format", "table"), "--mapping FILE"),
        ((table, "--mapping", tmp_path / "none.toml"), "none.toml does not exist"),
        ((table, "--window-s", "1"), "--window-s"),
    ):
        ran = edgeacc("import", *arguments, "-o", tmp_path / "store")
        assert ran.code == 2
        assert told in ran.err
        assert not (tmp_path / "store").exists()


def test_all_mistakes_of_a_mapping_at_once(edgeacc, table, tmp_path):
    (tmp_path / "map.toml").write_text('acc_columns = ["x"]\nacc_unit = "lbs"\nrate_hz = -1\n')
    ran = edgeacc("import", table, "-o", tmp_path / "store", "--mapping", tmp_path / "map.toml")
    assert ran.code == 2
    for part in ("acc_columns", "acc_unit", "rate_hz", "ppg_columns", "ppg_upstroke"):
        assert part in ran.err


def test_a_malformed_file_is_told_by_line(edgeacc, table, tmp_path):
    lines = table.read_text().splitlines()
    lines[9] = "0.1,much,1,2"
    table.write_text("\n".join(lines))
    ran = edgeacc("import", table, "-o", tmp_path / "store", "--mapping", tmp_path / "map.toml")
    assert ran.code == 2
    assert "anna.csv, line 10: y is 'much', expected a finite number" in ran.err
    assert not (tmp_path / "store").exists()


def test_the_list_is_that_of_ls_formats(edgeacc):
    listed = edgeacc("import", "--list")
    assert listed.code == 0
    assert listed.out == edgeacc("ls", "formats").out
    assert "28 real recordings" in listed.out
    assert "files made by the tests" in listed.out
