"""Inputs and outputs as .npy: taken as they are or rounded to the scale, and a wrong file is one line."""

import numpy as np
import pytest

from edgeacc.errors import BadInput
from edgeacc.export.firmware.compile import Port
from edgeacc.firmware_sim.tensors import drawn_input, read_inputs, write_outputs

PORT = Port("x", (1, 3, 4), 12, 0.5, -3)


def saved(tmp_path, array):
    np.save(tmp_path / "x.npy", array)
    return tmp_path / "x.npy"


def test_int8_is_taken_as_it_is(tmp_path):
    array = np.arange(24, dtype=np.int8).reshape(2, 3, 4)
    assert read_inputs(saved(tmp_path, array), PORT) == [array[0].tobytes(), array[1].tobytes()]


def test_real_numbers_are_rounded_to_the_scale(tmp_path):
    array = np.zeros((1, 3, 4), np.float32)
    array[0, 0] = [0.5, -1.0, 1e6, -1e6]
    (found,) = read_inputs(saved(tmp_path, array), PORT)
    assert np.frombuffer(found, np.int8)[:5].tolist() == [-2, -5, 127, -128, -3]


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.zeros((1, 4, 3), np.int8), r"an array of \(1, 4, 3\)"),
        (np.zeros(12, np.int8), r"an array of \(12,\)"),
        (np.zeros((0, 3, 4), np.int8), "no input"),
        (np.zeros((1, 3, 4), np.int32), "type int32"),
        (np.full((1, 3, 4), np.nan), "NaN or infinity"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, told):
    with pytest.raises(BadInput, match=told):
        read_inputs(saved(tmp_path, array), PORT)


HEADER = "{{'descr': '|i1', 'fortran_order': False, 'shape': ({}, 3, 4), }}".format
CLAIMS = [b"\x93NUMPY\x01\x00\x76\x00" + HEADER(rows).ljust(117).encode() + b"\n" for rows in (-1, 2, 10**15, 10**30)]


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"text", b"PK\x03\x04", *CLAIMS])
def test_what_is_no_npy_is_refused(tmp_path, content):
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(BadInput, match=r"is no \.npy"):
        read_inputs(tmp_path / "x.npy", PORT)


def test_pickles_and_archives_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(BadInput, match=r"is no \.npy"):
        read_inputs(tmp_path / "x.npy", PORT)
    np.savez(tmp_path / "x.npz", a=np.zeros(3))
    with pytest.raises(BadInput, match=r"is no \.npy"):
        read_inputs(tmp_path / "x.npz", PORT)
    with pytest.raises(BadInput, match="does not exist"):
        read_inputs(tmp_path / "none.npy", PORT)


def test_a_drawn_input_is_the_same_each_time():
    assert drawn_input(PORT) == drawn_input(PORT)
    assert len(set(drawn_input(Port("x", (1, 1000), 1000, 1.0, 0)))) > 200


def test_outputs_are_written_row_by_row(tmp_path):
    write_outputs(tmp_path / "y.npy", [bytes(range(12)), bytes(12)], PORT, force=False)
    found = np.load(tmp_path / "y.npy")
    assert (found.shape, found.dtype, found[0, 2, 3]) == ((2, 3, 4), np.int8, 11)
    with pytest.raises(BadInput, match="exists already"):
        write_outputs(tmp_path / "y.npy", [bytes(12)], PORT, force=False)
