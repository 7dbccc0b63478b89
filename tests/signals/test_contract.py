"""What a window may be."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.files import read_model
from edgeacc.signals.contract import DEFAULT, SignalContract


@given(samples=st.integers(1, 100_000), rate_hz=st.sampled_from([25.0, 32.0, 50.0, 64.0, 100.0]))
def test_any_whole_number_of_samples_is_a_window(samples, rate_hz):
    assert SignalContract(rate_hz=rate_hz, window_s=samples / rate_hz).samples == samples


@pytest.mark.parametrize(("window_s", "valid"), [(10.007, "10.0 s"), (0.001, "0.015625 s"), (59.99, "59.984375 s")])
def test_a_window_of_a_part_of_a_sample_is_refused_with_the_nearest_that_is_whole(window_s, valid):
    with pytest.raises(BadInput, match="no whole number of samples") as caught:
        DEFAULT.with_window(window_s)
    assert caught.value.valid == f"a whole number of samples, such as {valid}"


def test_in_a_file_it_is_refused_with_the_files_name(tmp_path):
    path = tmp_path / "contract.json"
    path.write_text(json.dumps(DEFAULT.model_dump(mode="json") | {"window_s": 10.007}))
    with pytest.raises(BadInput, match=r"contract\.json: a window of 10\.007 s at 64 Hz"):
        read_model(path, SignalContract)


def test_another_length_changes_nothing_else():
    assert DEFAULT.with_window(30).model_dump() == DEFAULT.model_dump() | {"window_s": 30}
    assert DEFAULT.with_window(60).digest == DEFAULT.digest
