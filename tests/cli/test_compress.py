"""`edgeacc compress`: what it prints and refuses; what it makes is in tests/compression."""


def test_all_that_is_wrong_at_first_sight_is_told_at_once(edgeacc, tmp_path):
    ran = edgeacc("compress", "prune", tmp_path / "a", "--ratio", "0.5", "--store", tmp_path / "b", "-o", tmp_path)
    assert ran.code == 2
    assert ran.err.startswith("edgeacc: 3 mistakes\n")


def test_a_network_of_which_nothing_can_be_taken(edgeacc, tiny_checkpoint, tiny_store, tmp_path):
    """Its only inner layer has four channels, which go together or not at all."""
    words = ("compress", "prune", tiny_checkpoint, "--store", tiny_store, "-o", tmp_path / "out")
    assert "takes nothing out of tiny" in edgeacc(*words, "--ratio", "0.5").err
    assert "empties tokenizer.0 (4) of tiny" in edgeacc(*words, "--ratio", "0.6").err
    assert not (tmp_path / "out").exists()
