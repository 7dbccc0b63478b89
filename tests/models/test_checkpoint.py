import json
import resource
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from edgeacc.errors import BadInput
from edgeacc.models import checkpoint
from edgeacc.models.alignment import Student
from edgeacc.models.card import Card, check_teacher, teacher_reference
from edgeacc.models.checkpoint import load_encoder, load_student, save
from edgeacc.models.config import AlignmentConfig
from edgeacc.models.sizes import SIZES, build
from edgeacc.signals.contract import DEFAULT


def _teacher(path: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    encoder = build("pyramid-s", 4)
    save(path, Card(kind="teacher", objective="masked-input", encoder=encoder.config, contract=DEFAULT), encoder)
    return path


def _student(path: Path, teacher: Path | None = None) -> tuple[Path, Student]:
    encoder = build("conv-xs", 3).eval()
    alignment = AlignmentConfig.between("bound", encoder.config, SIZES["pyramid-s"])
    student = Student(encoder, alignment).eval()
    card = Card(
        kind="student",
        objective="distill",
        encoder=encoder.config,
        contract=DEFAULT,
        alignment=alignment,
        teacher=teacher_reference(teacher) if teacher else None,
    )
    save(path, card, encoder, student=student)
    return path, student


def test_an_encoder_comes_back_as_it_was(tmp_path):
    path, student = _student(tmp_path / "student")
    x_BCT = torch.randn(2, 3, 3840)
    loaded, card = load_encoder(path)
    assert torch.equal(loaded(x_BCT), student.encoder(x_BCT))
    assert card.encoder == student.encoder.config
    assert set(card.versions) == {"edgeacc", "torch", "safetensors"}
    assert sorted(file.name for file in path.iterdir()) == [
        "config.json",
        "encoder.safetensors",
        "heads.safetensors",
    ]


@pytest.mark.integration
def test_a_student_comes_back_as_it_was(tmp_path):
    path, student = _student(tmp_path / "student")
    x_BCT, tokens_BPD = torch.randn(2, 3, 3840), torch.randn(2, 120, 96)
    loaded, _ = load_student(path)
    assert torch.equal(loaded.align_acc(x_BCT)[0], student.align_acc(x_BCT)[0])
    assert torch.equal(loaded.align_ppg(tokens_BPD), student.align_ppg(tokens_BPD))


def test_a_teacher_is_no_student(tmp_path):
    with pytest.raises(BadInput, match=r"teacher .masked-input. without alignment heads"):
        load_student(_teacher(tmp_path / "teacher"))


def test_another_teacher_is_refused(tmp_path):
    own, other = _teacher(tmp_path / "own"), _teacher(tmp_path / "other", seed=1)
    path, _ = _student(tmp_path / "student", own)
    card = checkpoint.load_card(path)
    check_teacher(card, own)
    with pytest.raises(BadInput, match="is not the teacher of this student") as caught:
        check_teacher(card, other)
    assert "own" in caught.value.valid


def test_what_exists_is_not_overwritten(tmp_path):
    path = _teacher(tmp_path / "teacher")
    before = (path / "encoder.safetensors").read_bytes()
    with pytest.raises(BadInput, match="exists already"):
        _teacher(path, seed=1)
    assert (path / "encoder.safetensors").read_bytes() == before


def test_no_checkpoint_there(tmp_path):
    with pytest.raises(BadInput, match=r"no config\.json"):
        load_encoder(tmp_path)
    _teacher(tmp_path / "teacher")
    (tmp_path / "teacher" / "encoder.safetensors").unlink()
    with pytest.raises(BadInput, match="is missing"):
        load_encoder(tmp_path / "teacher")


@pytest.fixture(scope="module")
def whole_teacher(tmp_path_factory):
    path = _teacher(tmp_path_factory.mktemp("run") / "teacher")
    return path, (path / "encoder.safetensors").read_bytes()


@given(kept=st.floats(0, 0.999))
@settings(max_examples=15, deadline=None)
def test_a_truncated_file_is_refused(whole_teacher, kept):
    path, content = whole_teacher
    (path / "encoder.safetensors").write_bytes(content[: int(kept * len(content))])
    with pytest.raises(BadInput, match="truncated or no safetensors"):
        load_encoder(path)


def test_a_pickle_is_refused(tmp_path):
    path = _teacher(tmp_path / "teacher")
    torch.save(build("pyramid-s", 4).state_dict(), path / "encoder.safetensors")
    with pytest.raises(BadInput, match="no safetensors"):
        load_encoder(path)


def test_a_changed_byte_is_refused(tmp_path):
    path = _teacher(tmp_path / "teacher")
    content = bytearray((path / "encoder.safetensors").read_bytes())
    content[-20] ^= 1
    (path / "encoder.safetensors").write_bytes(content)
    with pytest.raises(BadInput, match="changed since it was written"):
        load_encoder(path)


def test_another_architecture_is_refused_with_all_mistakes(tmp_path):
    path = _teacher(tmp_path / "teacher")
    file = path / "encoder.safetensors"
    state = load_file(file)
    state["surprise"] = torch.zeros(1)
    state["z_scale_D"] = torch.zeros(7)
    del state["z_shift_D"]
    save_file(state, file)
    with pytest.raises(BadInput, match="3 mistake") as caught:
        load_encoder(path)
    for said in ("surprise: not a part", "z_shift_D: missing", "(7,) where the architecture has (480,)"):
        assert said in caught.value.problem


def change_card(path, change):
    card = json.loads((path / "config.json").read_text())
    change(card)
    (path / "config.json").write_text(json.dumps(card))


def test_a_card_allocates_no_more_than_its_file_has(tmp_path):
    """Every field within its bounds, and together 8 GiB of weights."""

    def grow(card):
        card["encoder"]["frame_filters"] = 4096
        card["encoder"]["stages"] = [{"width": 4096, "stride": 2}] * 2 + [{"width": 4096, "stride": 1}] * 12

    path = _teacher(tmp_path / "teacher")
    change_card(path, grow)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadInput, match="weights of another architecture"):
        load_encoder(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # KiB


@pytest.mark.parametrize(("kind", "channels"), [("student", 4), ("baseline", 1), ("teacher", 3)])
def test_an_encoder_of_another_sensor_is_refused(tmp_path, kind, channels):
    path = _teacher(tmp_path / "teacher")
    change_card(path, lambda card: card.update(kind=kind, encoder=card["encoder"] | {"in_channels": channels}))
    with pytest.raises(BadInput, match=f"its encoder {channels}"):
        load_encoder(path)


def test_a_ppg_of_three_channels_is_a_ppg(tmp_path):
    encoder = build("pyramid-s", 3)
    contract = DEFAULT.model_copy(update={"ppg_channels": 3})
    card = Card(kind="teacher", objective="masked-input", encoder=encoder.config, contract=contract)
    save(tmp_path / "teacher", card, encoder)
    assert load_encoder(tmp_path / "teacher").card.sensor == "ppg"


def test_a_card_with_mistakes_lists_them_all(tmp_path):
    path = _teacher(tmp_path / "teacher")
    card = json.loads((path / "config.json").read_text())
    card["encoder"]["heads"] = 0
    card["kind"] = "parrot"
    card["colour"] = "blue"
    (path / "config.json").write_text(json.dumps(card))
    with pytest.raises(BadInput, match="3 mistake") as caught:
        load_encoder(path)
    assert all(name in caught.value.problem for name in ("encoder.heads", "kind", "colour"))
