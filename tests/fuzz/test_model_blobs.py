"""What libFuzzer kept of model blobs, and some cuts of it, stays within its memory under the sanitizers."""

import shutil
import subprocess

import pytest

pytest.importorskip("ai_edge_litert", reason="the extra `tflite` is not installed")

from model_blobs import replayer, unpacked

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def replay(tmp_path_factory):
    if shutil.which("cc") is None:
        pytest.skip("cc is not installed: apt-get install gcc")
    return replayer(tmp_path_factory.mktemp("replay") / "replay")


def test_the_corpus_stays_in_its_memory(replay, tmp_path):
    blobs = unpacked(tmp_path / "blobs")
    assert len(blobs) > 50
    ran = subprocess.run([replay, *blobs], capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr[:2000]
    assert 5 < int(ran.stdout) < len(blobs)


def test_a_blob_that_reads_behind_itself_would_be_seen(replay, tmp_path):
    """The harness gives each blob a block of its exact size: a runtime that trusted the length would fail here."""
    blob = max(unpacked(tmp_path / "blobs"), key=lambda path: path.stat().st_size).read_bytes()
    cuts = []
    for size in range(0, len(blob), 7):
        cuts.append(tmp_path / str(size))
        cuts[-1].write_bytes(blob[:size])
    ran = subprocess.run([replay, *cuts], capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr[:2000]
