"""Our arena beside the one that TFLM plans for the same model: never larger."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeacc.errors import BadInput, NotPossibleHere

pytest.importorskip("tflite_micro", reason="the extra `tflm` is not installed")
pytest.importorskip("ai_edge_litert", reason="the extra `tflite` is not installed")

from made_models import Maker

from edgeacc.benchmarks.tflm import tflm_arena
from edgeacc.export.firmware.compile import compile_graph
from edgeacc.export.firmware.graph import parse_graph

pytestmark = pytest.mark.integration
MODELS = Path(__file__).parents[2].parent / "shared" / "data" / "models"


def ours(path):
    return compile_graph(parse_graph(path.read_bytes(), path.name), path.name).arena_bytes


def branching(seed, layers):
    """Pointwise convolutions from tensors made earlier, and sums of those of one width: buffers that live on."""
    random, maker = np.random.default_rng(seed), Maker()
    places, scale = int(random.integers(1, 40)), [0.05]
    widths = [int(random.integers(1, 20))]
    tensors = [maker.tensor((1, places, 1, widths[0]), scales=scale)]
    read = set()

    def sources():
        return [place for place in range(len(tensors)) if place not in read] or [len(tensors) - 1]

    for _ in range(layers):
        place = int(random.choice(len(tensors)))
        twin = [other for other in range(len(tensors)) if other != place and widths[other] == widths[place]]
        width = widths[place] if twin else int(random.integers(1, 20))
        made = maker.tensor((1, places, 1, width), scales=scale)
        if twin:
            maker.operator("ADD", [tensors[place], tensors[twin[0]]], [made], "AddOptions")
            read |= {place, twin[0]}
        else:
            weights = random.integers(-127, 128, (width, 1, 1, widths[place])).astype(np.int8)
            filters = maker.tensor(weights.shape, scales=np.full(width, 0.01), data=weights)
            bias = maker.tensor((width,), kind="INT32", scales=np.full(width, 0.0005), data=np.zeros(width, np.int32))
            options = dict(strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1, padding=0)
            maker.operator("CONV_2D", [tensors[place], filters, bias], [made], "Conv2DOptions", **options)
            read.add(place)
        tensors.append(made)
        widths.append(width)
    return maker.bytes_of(tensors[:1], [tensors[place] for place in sources()])


@given(seed=st.integers(0, 2**16), layers=st.integers(1, 12))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_of_random_branching_networks(seed, layers, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(branching(seed, layers))
    assert 0 < ours(path) <= tflm_arena(path).head


@pytest.mark.skipif(not MODELS.is_dir(), reason="the published models are not here")
@pytest.mark.parametrize("name", ["ad01_int8", "kws_ref_model"])
def test_of_published_models(name):
    path = MODELS / f"{name}.tflite"
    assert 0 < ours(path) <= tflm_arena(path).head


@pytest.mark.skipif(not MODELS.is_dir(), reason="the published models are not here")
def test_convolutions_over_their_own_input_take_a_third_less():
    path = MODELS / "kws_ref_model.tflite"
    assert ours(path) <= 0.7 * tflm_arena(path).head


def test_what_tflm_refuses_is_told(tmp_path):
    path = tmp_path / "no.tflite"
    path.write_bytes(b"no model")
    with pytest.raises(BadInput, match="TFLM refuses"):
        tflm_arena(path)


def test_where_it_is_not_installed_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "tflite_micro", raising=False)
    with pytest.raises(NotPossibleHere, match="not installed") as raised:
        tflm_arena(tmp_path / "any.tflite")
    assert "edgeacc[tflm]" in raised.value.next_command
