"""Convolutions that write over their own input: the same bytes, a smaller arena, and a lead that the runtime checks."""

import shutil
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.export.firmware.rolling import lead_of

SIZES = st.integers(1, 7)


def places_read(window, place):
    """First and last byte that one place of the output reads; None where its window lies outside the image."""
    in_h, in_w, in_c, _, out_w, _, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w = window
    y, x = divmod(place, out_w)
    lines = [y * stride_h - pad_h + tap * dilation_h for tap in range(kernel_h)]
    columns = [x * stride_w - pad_w + tap * dilation_w for tap in range(kernel_w)]
    inside = [line * in_w + column for line in lines for column in columns if 0 <= line < in_h and 0 <= column < in_w]
    return (min(inside) * in_c, max(inside) * in_c + in_c - 1) if inside else None


@given(
    sides=st.tuples(SIZES, SIZES),
    channels=st.tuples(SIZES, SIZES),
    kernel=st.tuples(SIZES, SIZES),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    same=st.booleans(),
)
@settings(max_examples=300)
def test_no_place_is_written_that_it_or_a_later_one_reads(sides, channels, kernel, stride, dilation, same):
    reach = [(taps - 1) * step + 1 for taps, step in zip(kernel, dilation, strict=True)]
    if not same:
        sides = tuple(map(max, sides, reach))
    out = [
        -(-side // step) if same else (side - taps) // step + 1
        for side, taps, step in zip(sides, reach, stride, strict=True)
    ]
    pads = [max((o - 1) * s + r - i, 0) // 2 for o, s, r, i in zip(out, stride, reach, sides, strict=True)]
    window = [*sides, channels[0], *out, channels[1], *kernel, *stride, *dilation, *(pads if same else (0, 0))]
    lead = lead_of(window, depthwise=False)
    assert lead % 16 == 0
    least = sides[0] * sides[1] * channels[0]
    for place in reversed(range(out[0] * out[1])):
        read = places_read(window, place)
        least = least if read is None else min(least, read[0])
        assert (place + 1) * channels[1] - lead <= least


@pytest.mark.parametrize("channels", [16, 48, 4, 12])
def test_a_channel_meets_only_itself(channels):
    lead = lead_of([9, 9, channels, 9, 9, channels, 3, 3, 1, 1, 1, 1, 1, 1], depthwise=True)
    assert lead % channels == lead % 16 == 0


@pytest.mark.parametrize(
    ("in_c", "out_c", "depthwise"), [(8, 65, False), (8, 16, True), (24, 24, True), (6, 6, True), (3, 3, True)]
)
def test_where_a_kernel_reads_again_nothing_rolls(in_c, out_c, depthwise):
    assert lead_of([9, 9, in_c, 9, 9, out_c, 3, 3, 1, 1, 1, 1, 1, 1], depthwise=depthwise) is None


@pytest.fixture(scope="module")
def chain():
    """chain(seed) -> the file of a chain of convolutions, and what it is compiled to."""
    pytest.importorskip("ai_edge_litert", reason="the extra `tflite` is not installed")
    if shutil.which("cc") is None:
        pytest.skip("cc is not installed: apt-get install gcc")
    from made_models import chain_of_convolutions

    from edgeacc.export.firmware.compile import compile_graph
    from edgeacc.export.firmware.graph import parse_graph

    def make(seed):
        content = chain_of_convolutions(seed)
        return content, compile_graph(parse_graph(content, "chain"), "chain")

    return make


@pytest.mark.integration
@given(seed=st.integers(0, 2**16))
@settings(max_examples=40)
def test_chains_give_the_bytes_of_literts_reference(chain, seed):
    from made_models import reference

    from edgeacc.export.firmware.session import FirmwareSession

    content, compiled = chain(seed)
    entry = np.random.default_rng(seed).integers(-128, 128, compiled.inputs[0].shape).astype(np.int8)
    (got,), (want,) = FirmwareSession(compiled)([entry]), reference(content, [entry])
    np.testing.assert_array_equal(got, want.reshape(-1))


@pytest.mark.integration
@pytest.mark.parametrize("seed", [43, 136])
def test_an_output_that_begins_too_late_is_refused(chain, seed):
    from edgeacc.export.firmware.session import FirmwareSession

    _, compiled = chain(seed)
    header = struct.unpack_from("<12I", compiled.blob)
    refused = 0
    for layer in range(header[9]):
        at = struct.unpack_from("<II", compiled.blob, header[10] + 8 * layer)[1]
        source, target, _, *window = struct.unpack_from("<17i", compiled.blob, at)
        read, written = (window[0] * window[1] * window[2], window[3] * window[4] * window[5])
        if source + read <= target or target + written <= source:
            continue
        changed = bytearray(compiled.blob)
        struct.pack_into("<i", changed, at + 4, target + 16)
        struct.pack_into("<I", changed, 12, zlib.crc32(changed[16:]))
        with pytest.raises(BadInput, match="leaves its memory"):
            FirmwareSession(replace(compiled, blob=bytes(changed)))
        refused += 1
    assert refused > 1
