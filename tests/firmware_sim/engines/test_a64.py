"""A64: instructions by class, and counts that are the same in two runs."""

import numpy as np
import pytest
from made_models import small_model

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.firmware_sim.engines.a64 import A64
from edgeacc.firmware_sim.engines.opcodes_a64 import decode_a64
from edgeacc.firmware_sim.images import image_of
from edgeacc.firmware_sim.run import program_of, run_model


@pytest.mark.parametrize(
    ("word", "kind", "loads", "stores"),
    [
        (0x8B020020, "alu", 0, 0),  # add x0, x1, x2
        (0x91000420, "alu", 0, 0),  # add x0, x1, #1
        (0x9B027C20, "multiply", 0, 0),  # mul x0, x1, x2
        (0x1AC20C20, "divide", 0, 0),  # sdiv w0, w1, w2
        (0xF9400020, "load", 0, 0),  # ldr x0, [x1]
        (0x38401420, "load", 0, 0),  # ldrb w0, [x1], #1
        (0xF9000020, "store", 0, 0),  # str x0, [x1]
        (0xA9400440, "load", 1, 0),  # ldp x0, x1, [x2]
        (0xA9BF7BFD, "store", 0, 1),  # stp x29, x30, [sp, #-16]!
        (0x3DC00020, "mve_load", 0, 0),  # ldr q0, [x1]
        (0x3D800020, "mve_store", 0, 0),  # str q0, [x1]
        (0x4C407020, "mve_load", 0, 0),  # ld1 {v0.16b}, [x1]
        (0x14000001, "branch", 0, 0),  # b
        (0x54000041, "branch", 0, 0),  # b.ne
        (0xB4000040, "branch", 0, 0),  # cbz x0
        (0x36000040, "branch", 0, 0),  # tbz w0, #0
        (0x94000001, "call_return", 0, 0),  # bl
        (0xD65F03C0, "call_return", 0, 0),  # ret
        (0xD4000001, "alu", 0, 0),  # svc #0
        (0x0E22C020, "mve_mac", 0, 0),  # smull v0.8h, v1.8b, v2.8b
        (0x0E628020, "mve_mac", 0, 0),  # smlal v0.4s, v1.4h, v2.4h
        (0x4EA29420, "mve_mac", 0, 0),  # mla v0.4s, v1.4s, v2.4s
        (0x4EA28420, "mve_other", 0, 0),  # add v0.4s, v1.4s, v2.4s
        (0x1E622820, "fp", 0, 0),  # fadd d0, d1, d2
    ],
)
def test_classes(word, kind, loads, stores):
    found = decode_a64(word.to_bytes(4, "little"), 0)
    assert (found.kind, found.size, found.load_words, found.store_words) == (kind, 4, loads, stores)


@pytest.mark.integration
def test_what_it_computes_and_counts():
    pytest.importorskip("ai_edge_litert", reason="the extra `tflite` is not installed")
    from edgeacc.export.firmware.compile import compile_graph
    from edgeacc.export.firmware.graph import parse_graph

    try:
        A64().version()
    except NotPossibleHere as error:
        pytest.skip(f"{error.problem}: {error.next_command}")
    compiled = compile_graph(parse_graph(small_model(), "model"), "model")
    given = np.random.default_rng(0).integers(-128, 128, compiled.inputs[0].bytes).astype(np.int8).tobytes()
    run = run_model("a53", compiled, [given])
    assert run == run_model("a53", compiled, [given])
    assert run.outputs == run_model("host", compiled, [given]).outputs
    assert run.total.mve_load > 0
    assert run.total.load > 1000
    assert run.ram_stack_bytes is None
    with pytest.raises(BadInput, match="another core"):
        A64().run("a53", image_of("m4"), program_of(compiled), [given])
