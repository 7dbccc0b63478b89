import shutil
import subprocess

import numpy as np
import pytest

from edgeacc.errors import BadInput
from edgeacc.signals.contract import DEFAULT, SignalContract
from edgeacc.signals.core.tables import FOLDER, tables_of, to_c
from edgeacc.signals.filters import band_pass_taps, low_pass_taps
from edgeacc.signals.resample import TRANSITION, whole_ratio

RATES_HZ = (50.0, 52.0, 100.0, 200.0, 800.0)


def test_the_band_pass_is_the_contracts():
    tables = tables_of(DEFAULT, 64.0)
    taps = band_pass_taps(64.0, DEFAULT.acc_band_hz)
    assert tables.band_half == len(taps) // 2
    np.testing.assert_allclose(tables.band, taps[len(taps) // 2 :], atol=1e-7)
    np.testing.assert_allclose(tables.band_q31 / 2**31, taps[len(taps) // 2 :], atol=1e-7)


def test_fixed_taps_sum_to_zero_exactly():
    fixed = tables_of(DEFAULT, 64.0).band_q31.astype(np.int64)
    assert fixed[0] + 2 * fixed[1:].sum() == 0


@pytest.mark.parametrize("source_hz", RATES_HZ)
def test_the_sinc_holds_the_taps_of_resample(source_hz):
    tables = tables_of(DEFAULT, source_hz)
    up, _ = whole_ratio(source_hz, DEFAULT.rate_hz)
    half_hz = min(source_hz, DEFAULT.rate_hz) / 2
    taps = up * low_pass_taps(source_hz * up, half_hz * (1 - TRANSITION / 2), TRANSITION * half_hz)
    wanted = taps[len(taps) // 2 :]
    held = tables.sinc[:: tables.sinc_density // up]
    np.testing.assert_allclose(held[: len(wanted)], wanted, atol=1e-6)
    assert np.all(held[len(wanted) :] == 0)
    assert len(tables.sinc) == tables.sinc_half * tables.sinc_density + 1


def test_no_resampling_at_the_contracts_rate():
    tables = tables_of(DEFAULT, 64.0)
    assert (tables.sinc_half, tables.sinc.size, tables.even_half, tables.even.size) == (0, 0, 0, 0)


@pytest.mark.parametrize("source_hz", [0.0, -50.0, 32.0, 40.0, 800.5, 1600.0, 50.0004, float("nan"), float("inf")])
def test_refuses_a_rate_out_of_range(source_hz):
    with pytest.raises(BadInput, match="sensor's rate of") as refused:
        tables_of(DEFAULT, source_hz)
    assert "above 40 Hz, up to 800 Hz" in str(refused.value.valid)


def test_refuses_a_rate_in_no_whole_ratio():
    with pytest.raises(BadInput, match="whole ratio"):
        tables_of(DEFAULT, 64.321)


def test_refuses_a_contract_with_other_steps():
    with pytest.raises(BadInput, match="the steps band_pass"):
        tables_of(SignalContract(steps=("band_pass",)), 64.0)


def test_refuses_a_band_pass_too_long_for_the_core():
    with pytest.raises(BadInput, match="too long for the core"):
        tables_of(SignalContract(acc_band_hz=(0.4, 18.0)), 64.0)


@pytest.mark.parametrize("source_hz", [50.0, 64.0])
def test_the_c_source_compiles_and_is_the_same_each_time(source_hz, tmp_path):
    text = to_c(tables_of(DEFAULT, source_hz), "tables")
    assert text == to_c(tables_of(DEFAULT, source_hz), "tables")
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("cc is not installed: apt-get install gcc")
    (tmp_path / "tables.c").write_text(text)
    command = [compiler, "-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror", f"-I{FOLDER}"]
    subprocess.run([*command, "-c", "tables.c", "-o", "tables.o"], cwd=tmp_path, check=True, timeout=60)
