"""The names of recipes, and the table of what each target can compute."""

import pytest

from edgeacc.compression.schemes import (
    SCHEMES,
    TABLE,
    WEIGHT_BITS,
    Formats,
    Impossible,
    decode,
    decoder,
    possible,
)
from edgeacc.errors import BadInput

PAIRS = [(target, scheme) for target in TABLE for scheme in SCHEMES]
POSSIBLE = [pair for pair in PAIRS if pair[1] in possible(pair[0])]


@pytest.mark.parametrize("target", TABLE)
def test_every_scheme_is_possible_or_has_a_reason_and_a_possible_neighbour(target):
    assert set(TABLE[target]) == set(SCHEMES)
    for entry in TABLE[target].values():
        if isinstance(entry, Impossible):
            assert len(entry.reason) > 10
            assert entry.nearest in possible(target)
        else:
            assert entry.weights in WEIGHT_BITS


@pytest.mark.parametrize(("target", "scheme"), POSSIBLE)
@pytest.mark.parametrize("word", ["", "-mine", "-my_own-2"])
def test_a_name_decodes_to_what_the_table_says(target, scheme, word):
    said = decode(f"{target}-{scheme}{word}")
    assert (said.target, said.scheme, said.formats) == (target, scheme, TABLE[target][scheme])


@pytest.mark.parametrize(("target", "scheme"), [pair for pair in PAIRS if pair not in POSSIBLE])
def test_an_impossible_pair_tells_the_reason_and_the_nearest(target, scheme):
    entry = TABLE[target][scheme]
    with pytest.raises(BadInput) as caught:
        decode(f"{target}-{scheme}")
    assert caught.value.problem == f"{target}-{scheme} is not possible: {entry.reason}"
    assert caught.value.valid.startswith(f"{target}-{entry.nearest} is the nearest")
    assert caught.value.next_command == f"edgeacc cat {target}-{entry.nearest}"


@pytest.mark.parametrize(("word", "percent"), [("p50", 50), ("p5", 5), ("p30-mine", 30), ("pal", 0), ("p500", 0)])
def test_a_name_says_how_much_was_pruned(word, percent):
    assert decode(f"tflite-w8a8-{word}").pruned == percent


@pytest.mark.parametrize(
    ("word", "said"),
    [("w8-qat", "for static int8"), ("w8a16-qat", "for static int8"), ("w8a8-p30-p50", "is pruned once")],
)
def test_a_name_cannot_promise_what_nothing_does(word, said):
    with pytest.raises(BadInput, match=said):
        decode(f"tflite-{word}")


@pytest.mark.parametrize(("word", "percent"), [("qat", 0), ("p30-qat", 30), ("qat-mine", 0)])
def test_a_name_says_that_a_network_was_trained_to_be_rounded(word, percent):
    said = decode(f"tflite-w8a8-{word}")
    assert (said.trained, said.pruned) == (True, percent)


@pytest.mark.parametrize(
    ("name", "said"), [("tensorrt-w8", "unknown target"), ("tflite-w9", "unknown recipe"), ("tflite", "unknown recipe")]
)
def test_names_of_nothing(name, said):
    with pytest.raises(BadInput, match=said):
        decode(name)


def test_the_key_tells_every_target_and_scheme_and_where_it_is_possible():
    key = decoder()
    assert all(target in key.splitlines()[3] for target in TABLE)
    for scheme in SCHEMES:
        after = key.split(f" {scheme} ", 1)[1].splitlines()[1].strip()
        where = [target for target in TABLE if isinstance(TABLE[target][scheme], Formats)]
        assert after == f"on {', '.join(where) or 'no target yet'}"
