import pytest


@pytest.fixture(scope="session")
def other_checkpoint(make_checkpoint, tmp_path_factory):
    """Of the same size, with other weights."""
    return make_checkpoint(tmp_path_factory.mktemp("other") / "other", seed=1)
