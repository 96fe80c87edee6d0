"""The figure of a section: what is drawn where, and what a file of it holds."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from napari_stimg.errors import InputError
from napari_stimg.figure_files import save_figure
from napari_stimg.section_figure import ColorBar, Panel, Picture, bar_um, draw_section, section_figure


def panel(**more):
    image = np.zeros((4, 6, 4))
    image[1, 2] = (1, 0, 0, 1)
    picture = Picture(image=image, scale=10.0, translate=(100.0, 200.0))
    return Panel(title="A section", pictures=[picture], **more)


@pytest.mark.parametrize(("width", "bar"), [(8000.0, 2000.0), (7999.0, 1000.0), (400.0, 100.0), (19.0, 2.0)])
def test_the_scale_bar_is_a_round_length_of_at_most_a_quarter(width, bar):
    assert bar_um(width) == pytest.approx(bar)


def test_pixels_lie_at_their_places():
    axes = Figure().add_subplot()
    draw_section(axes, panel(outlines={"here": np.array([[100.0, 200.0], [100.0, 220.0], [120.0, 220.0]])}))
    assert axes.get_images()[0].get_extent() == [195.0, 255.0, 135.0, 95.0]
    assert axes.get_ylim() == (135.0, 95.0)
    assert axes.get_title() == "A section"
    assert [text.get_text() for text in axes.texts] == ["here"]


def test_the_scale_bar_is_as_long_as_it_says():
    axes = Figure().add_subplot()
    draw_section(axes, panel(), um_per_place=2.0)
    assert axes.texts[-1].get_text() == "20 µm"
    assert np.ptp(axes.lines[-1].get_xdata()) == pytest.approx(10.0)


def test_keys_to_the_colours_are_drawn():
    bar = ColorBar(label="MBP", limits=(0.5, 3.0), colors=np.linspace(0, 1, 8)[:, None].repeat(4, axis=1))
    figure = section_figure([panel(bars=[bar], legend={"tumour": "#ff0000"}), panel()])
    first, second, key = figure.axes
    assert key.get_ylabel() == "MBP"
    assert key.get_ylim() == (0.5, 3.0)
    assert [text.get_text() for text in first.get_legend().get_texts()] == ["tumour"]
    assert second.get_legend() is None


def test_png_shows_the_colours_and_svg_keeps_its_text(tmp_path):
    figure = section_figure([panel(legend={"tumour": "#00ff00"})], um_per_place=2.0)
    save_figure(figure, tmp_path / "a.png")
    shown = imread(tmp_path / "a.png")[..., :3]
    assert (shown == (1, 0, 0)).all(axis=-1).any()
    save_figure(figure, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    for words in ("A section", "tumour", "20 µm"):
        assert f">{words}</text>" in text


def test_an_unknown_ending_and_a_place_that_is_not_there_are_refused(tmp_path):
    figure = section_figure([panel()])
    with pytest.raises(InputError, match=r"ends in \.png.*found \.txt"):
        save_figure(figure, tmp_path / "a.txt")
    with pytest.raises(InputError, match="choose another place"):
        save_figure(figure, tmp_path / "nowhere" / "a.png")
