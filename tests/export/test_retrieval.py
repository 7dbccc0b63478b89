"""What an artifact costs in retrieval: both ends of the network, computed by the target's runtime."""

import json

import pytest
import torch

from edgeacc.cohort.config import CohortConfig
from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import BadInput
from edgeacc.export.pipeline import export_bundle
from edgeacc.export.retrieval import retrieval_report
from edgeacc.export.source import read_source
from edgeacc.models.alignment import Student
from edgeacc.models.card import Card, teacher_reference
from edgeacc.models.checkpoint import save
from edgeacc.models.config import AlignmentConfig
from edgeacc.models.encoder import settle, settle_norms
from edgeacc.models.sizes import build
from edgeacc.signals.contract import DEFAULT
from edgeacc.windows.from_cohort import from_cohort

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return from_cohort(
        CohortConfig(preset="quiet", participants=8, windows_per_participant=8),
        tmp_path_factory.mktemp("store") / "windows",
        shares=(3, 1, 4),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory, store):
    """Untrained: a student with its teacher, another teacher, and the student's bundles."""
    folder = tmp_path_factory.mktemp("retrieval")
    windows = store.load("train", 24)
    torch.manual_seed(0)
    for name in ("teacher", "other"):
        ppg = settle(build("pyramid-s", 4), [windows.ppg_BCT])
        save(folder / name, Card(kind="teacher", objective="masked-input", encoder=ppg.config, contract=DEFAULT), ppg)
        if name == "teacher":
            teacher = ppg
    acc = settle(build("conv-xxs", 3), [windows.acc_BCT])
    alignment = AlignmentConfig.between("time-resolved", acc.config, teacher.config)
    student = Student(acc, alignment)
    settle_norms([student], lambda acc_BCT: student.place_acc(acc_BCT), [windows.acc_BCT])
    card = Card(
        kind="student",
        objective="distill",
        encoder=acc.config,
        contract=DEFAULT,
        alignment=alignment,
        teacher=teacher_reference(folder / "teacher"),
    )
    save(folder / "student", card, acc, student=student)
    source = read_source(folder / "student", store.path, 24)
    for recipe in ("onnx-fp32", "executorch-w8a8", "firmware-w8a8"):
        model = RECIPES[recipe].model_copy(update={"min_snr_db": 0.0})
        export_bundle(source, model, folder / recipe)
    return folder


def reported(folder, store, recipe, teacher="teacher"):
    return retrieval_report(folder / recipe, folder / "student", folder / teacher, store, 32)


def test_a_float_artifact_loses_nothing(folder, store):
    forward, backward = reported(folder, store, "onnx-fp32")
    assert (forward.direction, backward.direction) == ("acc->ppg", "ppg->acc")
    for each in (forward, backward):
        assert each.pool == 32
        assert 0 < each.whole.value < 1
        assert abs(each.cost.value) <= 1 / 32  # of heads that nothing trained: a hair decides


@pytest.mark.parametrize("recipe", ["executorch-w8a8", "firmware-w8a8"])
def test_what_int8_leaves_is_ranked_by_itself(folder, store, recipe):
    found = reported(folder, store, recipe)
    assert [each.direction for each in found] == ["acc->ppg", "ppg->acc"]
    assert all(
        each.whole == whole.whole for each, whole in zip(found, reported(folder, store, "onnx-fp32"), strict=True)
    )
    assert all(abs(each.cost.value) < 0.3 for each in found)


def test_another_teacher_is_refused(folder, store):
    with pytest.raises(BadInput, match="is not the teacher of this student"):
        reported(folder, store, "onnx-fp32", teacher="other")


def test_the_command_tells_of_retrieval(edgeacc, folder, store, tmp_path):
    words = ("compress", "report", folder / "onnx-fp32", "--checkpoint", folder / "student", "--store", store.path)
    ran = edgeacc(*words, "--teacher", folder / "teacher", "-o", tmp_path / "report.json")
    assert ran.code == 0
    assert "lost by the artifact [points]" in ran.out
    (report,) = json.loads((tmp_path / "report.json").read_text())["reports"]
    assert [each["direction"] for each in report["retrieval"]] == ["acc->ppg", "ppg->acc"]
    ran = edgeacc(*words, "--teacher", folder / "student")
    assert ran.code == 2
    assert "cannot be the teacher, which reads the PPG" in ran.err
