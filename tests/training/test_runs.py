import pytest
import torch
from pydantic import ValidationError

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.models.card import check_teacher
from edgeacc.models.checkpoint import load_encoder, load_student
from edgeacc.training import loop
from edgeacc.training.augment import MILD, PAPER
from edgeacc.training.runs import train_baseline, train_joint, train_student, train_teacher
from edgeacc.windows.store import create_store


@pytest.fixture
def teacher(store, tmp_path, make_config):
    config = make_config("masked-input", steps=4)
    return train_teacher(store, tmp_path / "teacher", config).path


@pytest.mark.parametrize(("objective", "channels"), [("masked-input", 4), ("token-dropping", 4)])
def test_a_teacher_reads_ppg(store, tmp_path, make_config, tiny_transformer, objective, channels):
    config = make_config(objective, encoder=tiny_transformer, steps=4)
    result = train_teacher(store, tmp_path / "teacher", config)
    encoder, card = load_encoder(result.path)
    assert encoder.config.in_channels == channels
    assert (card.kind, card.objective) == ("teacher", objective)
    assert card.data.store_digest == store.manifest.content_digest
    assert card.data.windows == 24
    assert card.training == config.model_dump(mode="json")
    assert card.outcome["steps"] == 4
    assert not (tmp_path / "teacher.partial").exists()


@pytest.mark.parametrize("form", ["pooled", "time-resolved", "bound"])
def test_a_student_knows_its_teacher_and_keeps_its_heads(store, teacher, tmp_path, make_config, make_windows, form):
    config = make_config("distill", steps=4, form=form)
    path = train_student(store, teacher, tmp_path / "student", config).path
    student, card = load_student(path)
    check_teacher(card, teacher)
    windows = make_windows(4, seed=5)
    tokens_BPD = load_encoder(teacher).encoder.tokens(windows.ppg_BCT.float())
    (acc_BE, _), ppg_BE = student.align_acc(windows.acc_BCT.float()), student.align_ppg(tokens_BPD)
    assert student.score(acc_BE, ppg_BE).shape == (4, 4)
    assert acc_BE.isfinite().all()
    assert ppg_BE.isfinite().all()


@pytest.mark.parametrize("objective", ["acc-mae", "acc-contrastive", "supervised"])
def test_a_baseline_has_an_encoder_and_no_heads(store, tmp_path, make_config, objective):
    path = train_baseline(store, tmp_path / objective, make_config(objective, steps=4)).path
    encoder, card = load_encoder(path)
    assert card.kind == "baseline"
    assert encoder.config.in_channels == 3
    with pytest.raises(BadInput, match="without alignment heads"):
        load_student(path)


def test_embeddings_of_training_windows_are_on_their_scale(store, tmp_path, make_config):
    path = train_baseline(store, tmp_path / "baseline", make_config(steps=4)).path
    z_BD = load_encoder(path).encoder(store.load("train").acc_BCT.float()).detach()
    assert z_BD.mean(dim=0).abs().max() < 1e-3
    assert z_BD.std(dim=0).median().item() == pytest.approx(1.0, abs=0.01)


def test_the_same_run_gives_the_same_weights(store, tmp_path, make_config):
    first, second = (train_baseline(store, tmp_path / name, make_config(steps=6)).path for name in "ab")
    assert (first / "encoder.safetensors").read_bytes() == (second / "encoder.safetensors").read_bytes()


def test_a_teacher_continues_from_a_checkpoint(store, teacher, tmp_path, make_config):
    config = make_config("masked-input", steps=1, peak_lr=1e-9, seed=9)
    result = train_teacher(store, tmp_path / "further", config, start_from=teacher)
    before, after = (load_encoder(path).encoder.tokenizer[0].linear.weight for path in (teacher, result.path))
    assert torch.allclose(before, after, atol=1e-6)
    assert result.card.continued_from.name == "teacher"


def test_a_checkpoint_of_another_architecture_cannot_be_continued(
    store, teacher, tmp_path, make_config, tiny_transformer
):
    config = make_config("masked-input", encoder=tiny_transformer)
    with pytest.raises(BadInput, match="is a tiny-conv for 4 channels") as caught:
        train_teacher(store, tmp_path / "further", config, start_from=teacher)
    assert "tiny-transformer for 4 channels" in caught.value.valid
    assert not (tmp_path / "further").exists()


def test_an_output_that_exists_is_not_trained_over(store, teacher, make_config):
    with pytest.raises(BadInput, match="exists already"):
        train_teacher(store, teacher, make_config("masked-input"))
    config = make_config("masked-input", steps=2)
    assert train_teacher(store, teacher, config, force=True).card.outcome["steps"] == 2


class _Killed(Exception):
    pass


@pytest.fixture
def interrupted(store, tmp_path, make_config, monkeypatch):
    """A run of 20 steps that was killed in its twelfth; its output and configuration."""
    monkeypatch.setattr(loop, "SAVE_EVERY_STEPS", 5)

    def killing(done, total, note=""):
        if done == 12:
            raise _Killed

    config = make_config(precision="fp32")
    with pytest.raises(_Killed):
        train_baseline(store, tmp_path / "run", config, progress=killing)
    return tmp_path / "run", config


def first_step(out, store, config, **options):
    """The first step that a run reports."""
    told = []
    train_baseline(store, out, config, progress=lambda done, total, note="": told.append((done, note)), **options)
    return next(done for done, note in told if note.startswith("loss"))


def test_a_run_that_goes_on_keeps_its_precision(store, interrupted):
    out, config = interrupted
    with pytest.raises(BadInput, match=r"config.precision: fp32 there, bf16 now"):
        first_step(out, store, config.model_copy(update={"precision": "bf16"}))
    assert first_step(out, store, config.model_copy(update={"precision": None})) == 11
    assert load_encoder(out).card.training["precision"] == "fp32"
    assert not out.with_name("run.partial").exists()


def test_force_starts_afresh(store, interrupted, make_config):
    out, _ = interrupted
    with pytest.raises(BadInput, match=r"config.seed: 0 there, 7 now") as refusal:
        first_step(out, store, make_config(seed=7))
    assert "--force" in refusal.value.valid
    assert first_step(out, store, make_config(seed=7), force=True) == 1
    assert load_encoder(out).card.training["seed"] == 7


def test_force_leaves_what_others_put_beside_the_state(store, interrupted):
    out, config = interrupted
    mine = out.with_name("run.partial") / "mine.txt"
    mine.write_text("mine")
    assert first_step(out, store, config, force=True) == 1
    assert mine.read_text() == "mine"
    assert list(mine.parent.iterdir()) == [mine]


def test_a_baseline_is_no_teacher(store, tmp_path, make_config):
    path = train_baseline(store, tmp_path / "baseline", make_config(steps=2)).path
    with pytest.raises(BadInput, match="is a baseline"):
        train_student(store, path, tmp_path / "student", make_config("distill"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_here_is_refused(store, tmp_path, make_config):
    with pytest.raises(NotPossibleHere, match="no CUDA device"):
        train_baseline(store, tmp_path / "out", make_config(device="cuda"))
    assert not (tmp_path / "out").exists()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("objective", ["acc-mae", "acc-contrastive", "supervised"])
def test_a_gpu_gives_a_checkpoint_that_a_processor_reads(store, tmp_path, make_config, objective):
    result = train_baseline(store, tmp_path / "out", make_config(objective, device="cuda"))
    assert load_encoder(result.path).encoder(torch.zeros(1, 3, 640)).isfinite().all()


def test_windows_of_another_length_are_refused(store, tmp_path, make_config, tiny_conv):
    longer = tiny_conv.model_copy(update={"samples": 3840})
    with pytest.raises(BadInput, match=r"reads windows of 3840 samples, store .* has 640"):
        train_baseline(store, tmp_path / "baseline", make_config(encoder=longer))


def test_one_training_window_has_no_spread(tmp_path, make_windows, make_config):
    windows = make_windows(1)
    one = create_store(
        tmp_path / "store",
        iter([windows]),
        dict.fromkeys(windows.participant_B.tolist(), "train"),
        contract=windows.contract,
        source="recordings",
        name="noise",
        provenance={},
    )
    with pytest.raises(BadInput, match="one training window"):
        train_baseline(one, tmp_path / "baseline", make_config())


def test_a_result_does_not_replace_its_own_inputs(store, teacher, tmp_path, make_config):
    for out in (store.path, teacher):
        with pytest.raises(BadInput, match="made from, or holds it"):
            train_student(store, teacher, out, make_config("distill"), force=True)
    assert (teacher / "config.json").exists()
    assert store.count("train") > 0


def test_a_store_without_training_windows(tmp_path, make_windows, make_config):
    windows = make_windows(4)
    empty = create_store(
        tmp_path / "store",
        iter([windows]),
        {0: "test", 1: "test"},
        contract=windows.contract,
        source="recordings",
        name="noise",
        provenance={},
    )
    with pytest.raises(BadInput, match="no window in its split 'train'"):
        train_baseline(empty, tmp_path / "baseline", make_config())


OF_A_STUDENT = {
    "distill-l2": {"form": "regression"},
    "distill-tokens": {"form": "dense"},
    "distill": {"queue": 16, "hard_negatives": 2, "accumulate": 2, "temperature": 0.04, "form": "bound"},
    "joint": {"form": "pooled"},
    "contrastive": {"positives": "participant"},
}


@pytest.mark.integration
@pytest.mark.parametrize("objective", OF_A_STUDENT)
def test_every_objective_goes_on_bit_by_bit(make_store, tmp_path, make_config, tiny_conv, monkeypatch, objective):
    store = make_store(40)
    monkeypatch.setattr(loop, "SAVE_EVERY_STEPS", 5)
    changes = OF_A_STUDENT[objective]
    if objective == "joint":
        changes = changes | {"ppg_encoder": tiny_conv.model_copy(update={"in_channels": 4})}
    config = make_config(objective, **changes, augmentation=MILD)
    teacher = train_teacher(store, tmp_path / "teacher", make_config("masked-input", steps=2)).path

    def train(out, **options):
        if objective == "contrastive":
            return train_teacher(store, tmp_path / out, config, **options).path
        if objective == "joint":
            return train_joint(store, tmp_path / out, config, **options).path
        return train_student(store, teacher, tmp_path / out, config, **options).path

    def killing(done, total, note=""):
        if done == 12 and note.startswith("loss"):
            raise _Killed

    with pytest.raises(_Killed):
        train("broken", progress=killing)
    unbroken, broken = train("unbroken"), train("broken")
    files = sorted(path.relative_to(unbroken) for path in unbroken.rglob("*.safetensors"))
    assert len(files) == {"contrastive": 1, "joint": 3}.get(objective, 2)
    assert all((unbroken / file).read_bytes() == (broken / file).read_bytes() for file in files)


def test_a_student_trained_together_with_its_teacher_is_read_with_it(make_store, tmp_path, make_config, tiny_conv):
    config = make_config("joint", ppg_encoder=tiny_conv.model_copy(update={"in_channels": 4}), steps=3)
    path = train_joint(make_store(40), tmp_path / "joint", config).path
    _, card = load_student(path)
    check_teacher(card, path / "teacher")
    assert load_encoder(path / "teacher").encoder.config.in_channels == 4


@pytest.mark.parametrize(
    ("objective", "changes", "said"),
    [
        ("distill", {"queue": 7}, "a queue of 7 is smaller than the batch of 8"),
        ("distill-l2", {}, "distill-l2 has the form regression, not time-resolved"),
        ("distill", {"form": "dense"}, "not dense"),
        ("distill", {"augmentation": PAPER}, "a time warp moves the beats"),
        ("joint", {}, "has a ppg_encoder"),
        ("distill", {"temperature": 0}, "greater than or equal to 0.005"),
    ],
)
def test_what_does_not_go_together_is_refused(make_config, objective, changes, said):
    with pytest.raises(ValidationError, match=said):
        make_config(objective, **changes)
