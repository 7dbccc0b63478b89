"""The convolutions of the runtime: plain C as NumPy computes TFLite, tuned bodies as plain C to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.firmware_sim.engines.host import Host
from edgeacc.firmware_sim.engines.qemu import Qemu
from edgeacc.firmware_sim.firmware.build import build_image, host_image
from edgeacc.firmware_sim.firmware.kernels import ONE_KERNEL, Window, random_kernel

pytestmark = pytest.mark.integration

CORES = ("m4", "m33", "m55")
SHAPES = [
    (False, Window(1, 9, 64, 1, 9, 64, 1, 1)),
    (False, Window(1, 1, 640, 1, 1, 130, 1, 1)),
    (False, Window(1, 5, 13, 1, 5, 5, 1, 1)),
    (False, Window(7, 9, 5, 7, 9, 7, 3, 3, pad_h=1, pad_w=1)),
    (False, Window(9, 8, 3, 9, 8, 6, 3, 2, dilation_h=2, dilation_w=2, pad_h=2, pad_w=1)),
    (False, Window(3, 3, 300, 3, 3, 4, 3, 3, pad_h=1, pad_w=1)),
    (True, Window(1, 20, 64, 1, 20, 64, 1, 9, pad_w=4)),
    (True, Window(6, 5, 18, 3, 3, 18, 3, 3, 2, 2, pad_h=1, pad_w=1)),
    (True, Window(9, 9, 3, 9, 9, 3, 3, 3, pad_h=1, pad_w=1)),
    (True, Window(9, 9, 20, 9, 9, 20, 3, 3, dilation_h=2, dilation_w=2, pad_h=2, pad_w=2)),
    (True, Window(4, 4, 3, 4, 4, 12, 2, 2)),
    (True, Window(10, 10, 16, 2, 2, 16, 9, 9)),
]


@st.composite
def windows(draw):
    depthwise = draw(st.booleans())
    in_h, in_w, kernel_h, kernel_w = (draw(st.integers(1, most)) for most in (6, 12, 4, 9))
    stride_h, stride_w, dilation_h, dilation_w = (draw(st.integers(1, most)) for most in (2, 3, 2, 2))
    in_c = draw(st.integers(1, 40))
    out_c = in_c * draw(st.integers(1, 2)) if depthwise else draw(st.integers(1, 20))
    pads = []
    for size, kernel, dilation in ((in_h, kernel_h, dilation_h), (in_w, kernel_w, dilation_w)):
        reach = (kernel - 1) * dilation + 1
        pads.append(draw(st.integers(max(0, (reach - size + 1) // 2), reach // 2 + 1)))
    out_h = max(1, (in_h + 2 * pads[0] - (kernel_h - 1) * dilation_h - 1) // stride_h + 1)
    out_w = max(1, (in_w + 2 * pads[1] - (kernel_w - 1) * dilation_w - 1) // stride_w + 1)
    strides = (stride_h, stride_w, dilation_h, dilation_w)
    return depthwise, Window(in_h, in_w, in_c, out_h, out_w, out_c, kernel_h, kernel_w, *strides, *pads)


def computed(kernel, content):
    """TFLite's reference arithmetic in 64-bit NumPy: rounded twice, half up and then half away from zero, or once."""
    w = kernel.window
    x = np.frombuffer(content, np.int8).reshape(w.in_h, w.in_w, w.in_c).astype(np.int64) - kernel.input_zero
    fold = w.out_c // w.in_c if kernel.depthwise else 1
    shape = (w.kernel_h, w.kernel_w, w.out_c) if kernel.depthwise else (w.out_c, w.kernel_h, w.kernel_w, w.in_c)
    weights = kernel.weights.astype(np.int64).reshape(shape)
    sums = np.tile(kernel.bias_K.astype(np.int64), (w.out_h, w.out_w, 1))
    for y, place in np.ndindex(w.out_h, w.out_w):
        for tap_y, tap_x in np.ndindex(w.kernel_h, w.kernel_w):
            at_y = y * w.stride_h - w.pad_h + tap_y * w.dilation_h
            at_x = place * w.stride_w - w.pad_w + tap_x * w.dilation_w
            if 0 <= at_y < w.in_h and 0 <= at_x < w.in_w:
                here = x[at_y, at_x]
                if kernel.depthwise:
                    sums[y, place] += np.repeat(here, fold) * weights[tap_y, tap_x]
                else:
                    sums[y, place] += weights[:, tap_y, tap_x] @ here
    shift = kernel.shift_K.astype(np.int64)
    if kernel.rounds_once:
        scaled = ((sums * kernel.multiplier_K + (1 << (30 - shift))) >> (31 - shift)) + kernel.output_zero
        return np.clip(scaled, kernel.low, kernel.high).astype(np.int8).tobytes()
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    high = ((sums << left) * kernel.multiplier_K + (1 << 30)) >> 31
    away = np.where(right > 0, (1 << right) >> 1, 0) - ((high < 0) & (right > 0))
    scaled = ((high + away) >> right) + kernel.output_zero
    return np.clip(scaled, kernel.low, kernel.high).astype(np.int8).tobytes()


def made(window, seed, *, depthwise, shift=None, limits=(-128, 127), once=False):
    random = np.random.default_rng(seed)
    kernel = random_kernel(window, random, depthwise=depthwise, shift=shift)
    kernel = type(kernel)(**{**vars(kernel), "low": limits[0], "high": limits[1], "rounds_once": once})
    program = kernel.program()
    return kernel, program, random.integers(-128, 128, program.input_bytes).astype(np.int8).tobytes()


@pytest.fixture(scope="module")
def host_kernel(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return host_image(ONE_KERNEL, ("-fsanitize=address,undefined", "-fno-sanitize-recover=all"))


@pytest.fixture(scope="module")
def images(cross_compiler, qemu, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kernels")
    for core in CORES:
        build_image(core, ONE_KERNEL, folder / f"{core}.elf")
    return {core: folder / f"{core}.elf" for core in CORES}


@given(shape=windows(), seed=st.integers(0, 99), shift=st.none() | st.integers(-31, 2))
@settings(max_examples=60)
def test_plain_c_is_tflites_arithmetic_and_stays_in_bounds(shape, seed, shift, host_kernel):
    depthwise, window = shape
    kernel, program, content = made(window, seed, depthwise=depthwise, shift=shift)
    run = Host().run("host", host_kernel, program, [content])
    assert run.outputs[0] == 2 * computed(kernel, content)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(("depthwise", "window"), SHAPES)
def test_the_cores_own_body_gives_the_same_bytes(core, depthwise, window, images):
    kernel, program, content = made(window, 7, depthwise=depthwise)
    run = Qemu().run(core, images[core], program, [content])
    expected = computed(kernel, content)
    assert run.outputs[0] == 2 * expected
    assert len(set(expected)) > 5


@pytest.mark.parametrize("core", CORES)
@given(
    shape=windows(),
    seed=st.integers(0, 99),
    shift=st.none() | st.integers(-31, 2),
    limits=st.sampled_from([(-128, 127), (-20, 127), (-128, 30)]),
    once=st.booleans(),
)
@settings(max_examples=25)
def test_any_shape_gives_the_same_bytes_on(core, shape, seed, shift, limits, once, images):
    depthwise, window = shape
    kernel, program, content = made(
        window, seed, depthwise=depthwise, shift=shift, limits=limits, once=once and not depthwise
    )
    run = Qemu().run(core, images[core], program, [content])
    assert run.outputs[0] == 2 * computed(kernel, content)
