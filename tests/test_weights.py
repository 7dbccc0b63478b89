"""The students that come with edgeacc: they load, their cards tell figures and limits, and names find them."""

from pathlib import Path

import pytest
import torch

from edgeacc.models.checkpoint import load_encoder
from edgeacc.study.ship import CARD_PAGE
from edgeacc.weights import DEFAULT, checkpoint, shipped

MOST_BYTES = 8 * 2**20
NAMES = sorted(shipped())


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_student_is_small_and_gives_embeddings(name):
    path = shipped()[name]
    assert sum(file.stat().st_size for file in path.iterdir()) < MOST_BYTES
    encoder, card = load_encoder(path)
    assert (card.kind, card.encoder.name) == ("student", name)
    z_BD = encoder(torch.randn(2, 3, card.contract.samples))
    assert z_BD.isfinite().all()
    page = (path / CARD_PAGE).read_text()
    assert "not a medical device" in page
    assert "independent beats" in page


def test_a_name_finds_a_student_and_a_folder_comes_first(tmp_path, monkeypatch):
    assert checkpoint(None) == checkpoint(Path(DEFAULT)) == shipped()[DEFAULT]
    monkeypatch.chdir(tmp_path)
    Path(DEFAULT).mkdir()
    assert checkpoint(Path(DEFAULT)) == Path(DEFAULT)
    assert checkpoint(Path("conv-q")) == Path("conv-q")
