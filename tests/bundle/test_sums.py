import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeacc.bundle import sums
from edgeacc.bundle.bundle import open_bundle
from edgeacc.errors import BadInput


def flip_a_byte(folder):
    path = folder / "model" / "model.onnx"
    data = bytearray(path.read_bytes())
    data[2] ^= 1
    path.write_bytes(data)


def link_to_outside(folder):
    path = folder / "model" / "model.onnx"
    kept = folder.parent / "kept"
    path.rename(kept)
    path.symlink_to(kept)


def link_a_folder(folder):
    (folder / "model").rename(folder.parent / "kept")
    (folder / "model").symlink_to(folder.parent / "kept", target_is_directory=True)


def list_outside(folder):
    (folder.parent / "secret").write_text("x")
    with (folder / "SHA256SUMS").open("a") as stream:
        stream.write(f"{'0' * 64}  ../secret\n")


TAMPERED = {
    "a changed byte": (flip_a_byte, "model/model.onnx: changed since"),
    "a changed card": (lambda folder: (folder / "card.md").write_text("fine"), "card.md: changed since"),
    "a missing file": (lambda folder: (folder / "recipe.toml").unlink(), "recipe.toml: missing"),
    "an extra file": (lambda folder: (folder / "model" / "x.pkl").write_bytes(b"x"), "model/x.pkl: not listed"),
    "a hidden extra file": (lambda folder: (folder / ".x").write_bytes(b"x"), ".x: not listed"),
    "an empty folder": (lambda folder: (folder / "more").mkdir(), "more: not a regular file"),
    "a pipe": (lambda folder: os.mkfifo(folder / "pipe"), "pipe: not a regular file"),
    "a link in place of a file": (link_to_outside, "model/model.onnx: a link"),
    "a link in place of a folder": (link_a_folder, "model: a link"),
    "a path outside": (list_outside, "../secret is outside the bundle"),
}


@pytest.mark.parametrize("way", TAMPERED)
def test_tampering_is_refused_with_the_file_named(folder, way):
    spoil, said = TAMPERED[way]
    open_bundle(folder)
    spoil(folder)
    with pytest.raises(BadInput) as caught:
        open_bundle(folder)
    assert said in caught.value.problem
    assert caught.value.exit_code == 2


def test_all_that_is_wrong_is_told_at_once(folder):
    for spoil, _ in (TAMPERED["a changed byte"], TAMPERED["a missing file"], TAMPERED["an extra file"]):
        spoil(folder)
    with pytest.raises(BadInput, match="3 mistake"):
        sums.check_sums(folder)


def test_a_file_too_large(folder, monkeypatch):
    monkeypatch.setattr(sums, "MAX_FILE_BYTES", 4)
    with pytest.raises(BadInput, match=r"model/model.onnx: 5 bytes, more than 4"):
        sums.check_sums(folder)


def test_too_many_files(folder, monkeypatch):
    monkeypatch.setattr(sums, "MAX_FILES", 3)
    with pytest.raises(BadInput, match="more than 3 files"):
        sums.check_sums(folder)


def test_sums_too_large(folder, monkeypatch):
    monkeypatch.setattr(sums, "MAX_SUMS_BYTES", 10)
    with pytest.raises(BadInput, match="SHA256SUMS: more than 10 bytes"):
        sums.check_sums(folder)


def test_no_bundle(tmp_path):
    with pytest.raises(BadInput, match="does not exist"):
        sums.check_sums(tmp_path / "none")
    (tmp_path / "model.tflite").touch()
    with pytest.raises(BadInput, match=r"model\.tflite is no folder"):
        sums.check_sums(tmp_path / "model.tflite")
    with pytest.raises(BadInput, match="no SHA256SUMS in it"):
        sums.check_sums(tmp_path)


LINES = st.one_of(
    st.text(max_size=80),
    st.builds(
        "{}  {}".format,
        st.text("0123456789abcdef", min_size=60, max_size=66),
        st.sampled_from(["card.md", "../card.md", "/etc/passwd", "model/../../x", ".", "a\\b", "./card.md", "none"]),
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(st.lists(LINES, max_size=5))
def test_any_other_sums_are_refused(folder, lines):
    (folder / "SHA256SUMS").write_text("\n".join(lines))
    with pytest.raises(BadInput):
        sums.check_sums(folder)
