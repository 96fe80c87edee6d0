"""Figures in the panel."""

from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.image import imread
from pytestqt.qtbot import QtBot

from napari_stimg._widgets.figure_view import FigureView
from napari_stimg.errors import InputError


def _diagonal(axes: Axes) -> None:
    axes.plot([0, 1], [0, 1])
    axes.set_xlabel("truth")


@pytest.fixture
def view(qtbot: QtBot) -> FigureView:
    made = FigureView()
    qtbot.addWidget(made)
    return made


def test_a_figure_shows_what_is_drawn_and_can_be_cleared(view: FigureView) -> None:
    view.show_drawing(_diagonal)
    assert len(view.axes.lines) == 1
    assert view.axes.get_xlabel() == "truth"
    assert view.save_button.isEnabled()
    view.show_nothing()
    assert not view.axes.lines
    assert not view.save_button.isEnabled()


def test_a_saved_figure_is_on_white_whatever_the_theme(view: FigureView, tmp_path: Path) -> None:
    view.setStyleSheet("background-color: #262930; color: white")
    view.show_drawing(_diagonal)
    view.save(tmp_path / "figure.png")
    assert imread(tmp_path / "figure.png")[0, 0].tolist() == [1, 1, 1, 1]
    view.save(tmp_path / "figure.svg")
    assert "truth" in (tmp_path / "figure.svg").read_text()


def test_the_ink_is_that_of_the_theme(view: FigureView) -> None:
    view.setStyleSheet("background-color: #262930; color: #f0f1f2")
    view.show_drawing(_diagonal)
    view.ensurePolished()
    view.show_drawing(_diagonal)
    assert view.axes.xaxis.label.get_color() == "#f0f1f2"


def test_a_figure_that_cannot_be_written_says_so(view: FigureView, tmp_path: Path) -> None:
    view.show_drawing(_diagonal)
    with pytest.raises(InputError, match=r"found \.nonsense"):
        view.save(tmp_path / "figure.nonsense")
