"""Arrow's numbers as NumPy's, as pyarrow itself would give them, and no pandas."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.recordings.arrow import column, numbers


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.integers(-1000, 1000)), max_size=30),
    st.sampled_from([pa.int16(), pa.int64(), pa.float16(), pa.float32(), pa.float64()]),
    st.integers(0, 5),
)
def test_as_pyarrow_would(values, kind, offset):
    typed = [None if value is None else (float(value) if pa.types.is_floating(kind) else value) for value in values]
    array = pa.array(typed, kind)[offset:]
    expected = array.to_numpy(zero_copy_only=False)
    found = numbers(array)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == (expected.dtype if len(array) else found.dtype)
    np.testing.assert_array_equal(numbers(pa.chunked_array([array, array])), np.concatenate([expected, expected]))


@pytest.mark.parametrize("kind", [pa.float32(), pa.int64()])
def test_of_nothing_nothing(kind):
    assert numbers(pa.array([], kind)).shape == (0,)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-9, 9), max_size=20), st.sampled_from([np.int64, np.float16, np.float32, np.int32]))
def test_there_and_back(values, kind):
    np.testing.assert_array_equal(numbers(column(np.array(values, kind))), np.array(values, kind))


def test_no_pandas_is_imported():
    code = (
        "import sys, numpy as np; from edgeacc.recordings.arrow import column, numbers; "
        "numbers(column(np.array([1.0, 2.0]))); sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
