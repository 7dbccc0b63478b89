"""The picture of a window."""

import pytest
import torch

from edgeacc.cohort import CohortConfig, simulate
from edgeacc.cohort.figure import draw_window, picture_format, window_figure
from edgeacc.errors import BadInput

CONFIG = CohortConfig(participants=1, windows_per_participant=3)


@pytest.mark.integration
@pytest.mark.parametrize(("picture", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_each_format_is_written(tmp_path, picture, start):
    assert draw_window(CONFIG, tmp_path / "window", picture) in range(3)
    assert (tmp_path / "window").read_bytes().startswith(start)


def test_the_figure_says_what_it_shows():
    figure = window_figure(simulate(CONFIG, torch.tensor([1])), "window 1")
    assert "window 1: HR " in figure.get_suptitle()
    assert len(figure.axes) == 7
    assert all(axes.get_ylabel() for axes in figure.axes)
    assert all(axes.get_xlabel() for axes in figure.axes[2:])


def test_an_unknown_suffix_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"unknown picture format '.jpeg'") as caught:
        picture_format(tmp_path / "window.jpeg")
    assert caught.value.valid == ".pdf, .png, .svg"
