"""The comparison with MLPerf Tiny: the arithmetic on known counts, and the networks that are built for it."""

import pytest

from edgeacc.benchmarks.mlperf import networks, published, run_mlperf
from edgeacc.errors import BadInput
from edgeacc.firmware_sim.counts import InstructionCounts
from edgeacc.firmware_sim.profile import target

NAMES = ["ad", "kws", "vww", "ic"]
CLOCK_HZ = {"stm32l4r5": 120e6, "stm32h7a3": 280e6, "stm32u575": 160e6}


def test_the_published_results_are_of_known_boards_and_networks():
    for board, known in published().boards.items():
        assert target(board).point.clock_mhz.typical * 1e6 == CLOCK_HZ[board]
        assert list(known.cycles_per_mac) == list(known.energy_uj) == list(known.per_s) == NAMES
        assert all(one.least <= one.median <= one.most for one in known.cycles_per_mac.values())


def test_one_energy_of_a_cycle_holds_for_all_networks_of_a_board():
    result = run_mlperf({name: name.encode() for name in NAMES}, counted(2.0))
    assert result.near_energy_of_its_cycles == 12
    assert all(row.energy_of_its_cycles_ratio == pytest.approx(1, abs=0.1) for row in result.rows)


def test_three_networks_foretell_the_energy_of_the_fourth():
    """The profiles' energy of a cycle is the median of these logs; here each is left out of it in turn."""
    for board, known in published().boards.items():
        a_cycle = {name: known.energy_uj[name] * known.per_s[name] / CLOCK_HZ[board] for name in NAMES}
        for name, its_own in a_cycle.items():
            others = sorted(value for other, value in a_cycle.items() if other != name)
            assert others[1] == pytest.approx(its_own, rel=0.1)


def counted(instructions_per_mac):
    """Counts of a network that executes nothing but additions."""

    def count(model, core):
        return InstructionCounts(alu=round(instructions_per_mac * published().macs[model.decode()]))

    return count


def test_cycles_per_mac_by_hand():
    result = run_mlperf({name: name.encode() for name in NAMES}, counted(2.0))
    row = next(row for row in result.rows if (row.board, row.network) == ("stm32l4r5", "ic"))
    assert row.instructions_per_mac == pytest.approx(2.0)
    assert row.cycles_per_mac == pytest.approx((2.0, 2.06, 2.4), rel=1e-4)
    assert (row.inside, row.near_median) == (True, True)
    assert row.energy_ratio == pytest.approx(2.06 * 12.502e6 * 350.6e-6 / 6919.375, rel=1e-3)


def test_what_is_inside_is_counted():
    models = {name: name.encode() for name in NAMES}
    assert run_mlperf(models, counted(100.0)).inside == 0
    result = run_mlperf(models, counted(2.0))
    assert len(result.rows) == 12
    assert result.inside == sum(row.inside for row in result.rows) > 0


def test_progress_is_told():
    told = []
    run_mlperf({"ad": b"ad"}, counted(2.0), lambda done, total, note="": told.append((done, total)))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_file_takes_the_place_of_a_built_network(tmp_path):
    path = tmp_path / "kws_ref_model.tflite"
    path.write_bytes(b"given")
    found = networks([path], lambda name: f"built {name}".encode())
    assert found == {"ad": b"built ad", "kws": b"given", "vww": b"built vww", "ic": b"built ic"}


@pytest.mark.parametrize(("name", "told"), [("other.tflite", "none of the networks"), ("ad.tflite", "cannot read")])
def test_a_strange_file_is_refused(tmp_path, name, told):
    with pytest.raises(BadInput, match=told):
        networks([tmp_path / name], lambda name: b"")


@pytest.mark.integration
@pytest.mark.parametrize(("name", "inputs"), [("vww", 96 * 96 * 3), ("ic", 32 * 32 * 3)])
def test_a_network_is_built_as_int8(name, inputs):
    pytest.importorskip("litert_torch")
    from ai_edge_litert.interpreter import Interpreter

    from edgeacc.benchmarks.mlperf_models import int8_flatbuffer

    interpreter = Interpreter(model_content=int8_flatbuffer(name))
    interpreter.allocate_tensors()
    (entry,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert entry["dtype"].__name__ == result["dtype"].__name__ == "int8"
    assert entry["shape"].prod() == inputs
    assert {each["dtype"].__name__ for each in interpreter.get_tensor_details()} <= {"int8", "int32"}
