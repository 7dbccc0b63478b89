"""Counts: every class in the total but the words, JSON both ways, damage refused."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.firmware_sim.counts import EngineRun, InstructionCounts, LayerRun, from_json, to_json

CLASSES = [each.name for each in fields(InstructionCounts)]
COUNTS = st.builds(InstructionCounts, **{name: st.integers(0, 2**62) for name in CLASSES})
LAYERS = st.builds(
    LayerRun, index=st.integers(0, 99), operator=st.text(), name=st.text(), macs=st.integers(0, 2**40), counts=COUNTS
)
RUNS = st.builds(
    EngineRun,
    core=st.sampled_from(["host", "m4"]),
    engine=st.just("qemu"),
    version=st.text(),
    outputs=st.lists(st.binary(max_size=9)).map(tuple),
    layers=st.lists(LAYERS, max_size=3).map(tuple),
    total=st.none() | COUNTS,
    ram_stack_bytes=st.none() | st.integers(0, 2**32),
)


def test_the_total_counts_each_instruction_once_and_no_words():
    one_of_each = InstructionCounts(**dict.fromkeys(CLASSES, 1))
    assert one_of_each.total == len(CLASSES) - 2
    assert InstructionCounts(load=1, load_words=7).total == 1


@given(COUNTS, COUNTS)
def test_counts_add_class_by_class(one, other):
    both = one + other
    assert both.total == one.total + other.total
    assert both.load_words == one.load_words + other.load_words


@given(RUNS)
def test_json_gives_the_same_run_back(run):
    assert from_json(to_json(run)) == run


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('"core"', '"kern"'), "core"),
        (('"alu": 3', '"alu": -3'), "alu"),
        (('"alu": 3', '"alu": "three"'), "alu"),
        (('"macs": 5', '"macs": 5, "more": 1'), "more"),
        (("{", "["), "JSON"),
    ],
)
def test_damaged_json_is_one_error_that_names_the_place(change, told):
    counts = InstructionCounts(alu=3)
    text = to_json(EngineRun("m4", "qemu", "7.2", (b"\x01",), (LayerRun(0, "ADD", "sum", 5, counts),), counts))
    damaged = text.replace(*change, 1)
    assert damaged != text
    with pytest.raises(BadInput, match=told):
        from_json(damaged, where="run.json")
