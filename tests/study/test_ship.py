"""Students of a study as they are shipped: the same network in half precision, with a card that tells its figures."""

import pytest
import torch

from edgeacc.errors import BadInput
from edgeacc.evaluation.bootstrap import Interval
from edgeacc.evaluation.result import EvaluationResult, ProbeRow, RetrievalRow, StoreFacts
from edgeacc.files import write_json
from edgeacc.models.checkpoint import load_encoder
from edgeacc.study.cell import Cell, Place
from edgeacc.study.ship import CARD_PAGE, ship

FACTS = StoreFacts(source="cohort", name="calibrated", content_digest="d", window_s=60, windows=64, participants=4)


def result():
    headline = RetrievalRow(
        group="headline", method="student", direction="acc->ppg", pool=100, candidates=100, queries=64,
        top1=Interval(value=0.875, low=0.81, high=0.93), top5=1.0, mean_rank=1.0, chance_top1=0.01,
    )  # fmt: skip
    error = ProbeRow(
        method="student", probe="mlp", fraction=1.0, target="hr_bpm", mae=Interval(value=2.75, low=2.5, high=3.0),
        pearson_r=0.5, windows=64, fitted_windows=640, fitted_participants=40,
    )  # fmt: skip
    return EvaluationResult(
        store=FACTS, student="s", teacher="t", baselines={}, fitted_on="device", scored_on={"hr_bpm": "truth"},
        retrieval=[headline, headline.model_copy(update={"method": "limit (plain)", "pool": 7})], probes=[error],
        improvements=[], misses=None, health=[], notes=[], seed=0, seconds=1,
    )  # fmt: skip


@pytest.fixture
def make_study(tmp_path, make_checkpoint):
    def make(*places):
        for teacher, network in places:
            make_checkpoint(tmp_path / "study" / "trained" / "calibrated" / "0" / "of" / teacher / network)
            place = Place(kind="evaluation", data="calibrated", seed=0, teacher=teacher, network=network)
            cell = Cell(
                study="tiny", place=place, command=[], code="", inputs={}, data_digest="d", wall_s=1, cpu_s=1,
                result=result(),
            )  # fmt: skip
            write_json(tmp_path / "study" / "cells" / teacher / f"{network}.json", cell)
        return tmp_path / "study"

    return make


def test_the_network_is_the_same_and_the_card_tells_what_it_reached(make_study, tmp_path):
    study = make_study(("masked", "conv-q"))
    (path,) = ship(study, tmp_path / "out", data="calibrated", seed=0)
    trained = load_encoder(study / "trained" / "calibrated" / "0" / "of" / "masked" / "conv-q")
    shipped = load_encoder(path)
    x_BCT = torch.randn(4, 3, shipped.card.contract.samples, generator=torch.Generator().manual_seed(0))
    wanted_BD, given_BD = trained.encoder(x_BCT), shipped.encoder(x_BCT)
    assert not torch.equal(wanted_BD, given_BD)
    assert (given_BD - wanted_BD).square().mean() < 1e-5 * wanted_BD.var(0).mean()
    page = (path / CARD_PAGE).read_text()
    for told in ("0.875 (0.810-0.930)", "2.75 (2.50-3.00)", "not a medical device", "simulated people"):
        assert told in page
    assert "of 7" not in page


def test_what_cannot_be_shipped_is_told(make_study, tmp_path):
    study = make_study(("masked", "conv-q"), ("other", "conv-q"))
    with pytest.raises(BadInput, match="several teachers"):
        ship(study, tmp_path / "out", data="calibrated", seed=0)
    with pytest.raises(BadInput, match="--data quiet --seed 0") as raised:
        ship(study, tmp_path / "out", data="quiet", seed=0)
    assert "--data calibrated --seed 0" in raised.value.valid
    assert not (tmp_path / "out").exists()


def test_nothing_is_replaced_unasked(make_study, tmp_path):
    study = make_study(("masked", "conv-q"))
    ship(study, tmp_path / "out", data="calibrated", seed=0)
    with pytest.raises(BadInput, match="exists"):
        ship(study, tmp_path / "out", data="calibrated", seed=0)
    ship(study, tmp_path / "out", data="calibrated", seed=0, force=True)
