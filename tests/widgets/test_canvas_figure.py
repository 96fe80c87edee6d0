"""The figure of what is on the canvas."""

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_stimg._widgets.canvas_figure import seen_panels
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.pictures import Stage
from napari_stimg._widgets.session import Channel, Domains
from napari_stimg.errors import InputError


@pytest.fixture
def pictures(panel):
    panel.genes_view.gene_requested.emit(5)
    return panel.workspace.pictures


def canvas_panels(pictures):
    return [panel.colored() for panel in seen_panels(pictures)]


def test_a_stroke_drawn_meanwhile_is_not_in_the_figure(pictures):
    layer = pictures.drawings.show_hidden()
    (panel,) = seen_panels(pictures)
    layer.paint(np.array(layer.data.shape) // 2, 1)
    assert not panel.colored().pictures[-1].image.any()


def spot_pixel(pictures, spot):
    return tuple(np.argwhere(pictures.session.raster.idmap == spot)[0])


def test_a_gene_is_drawn_in_its_colours_with_a_colour_bar(pictures):
    layer = pictures.layers.get(Role.GENE)
    layer.gamma = 0.5
    (panel,) = canvas_panels(pictures)
    (picture,), (bar,) = panel.pictures, panel.bars
    assert panel.title == "small"
    assert bar.label == pictures.gene_label(5)
    assert bar.limits == tuple(layer.contrast_limits)
    values = pictures.session.planes.expression(5)
    spot = int(np.argmin(np.abs(values - np.mean(bar.limits))))
    share = np.clip((values[spot] - bar.limits[0]) / (bar.limits[1] - bar.limits[0]), 0, 1)
    drawn = picture.image[spot_pixel(pictures, spot)]
    np.testing.assert_allclose(drawn, layer.colormap.map(np.array([share**0.5]))[0], atol=0.02)
    np.testing.assert_allclose(drawn, bar.colors[round(share * (len(bar.colors) - 1))], atol=0.02)
    assert (picture.image[pictures.session.raster.idmap < 0] == 0).all()
    raster = pictures.session.raster
    assert picture.scale == pytest.approx(raster.scale)
    np.testing.assert_allclose(picture.translate, raster.translate)


def test_domains_are_drawn_with_a_legend(pictures):
    session = pictures.session
    labels = np.arange(session.slide.n_spots) % 2
    session.domains = Domains(labels=labels, names=("white", "grey"), colors=("#ff0000", "#0000ff"))
    pictures.show_domains()
    pictures.bring_up(Stage.DOMAINS)
    (panel,) = canvas_panels(pictures)
    assert panel.legend == {"white": "#ff0000", "grey": "#0000ff"}
    assert panel.bars == []
    np.testing.assert_allclose(panel.pictures[-1].image[spot_pixel(pictures, 1)], (0, 0, 1, 1), atol=1e-6)


def test_channels_add_up(pictures):
    pictures.session.display.channels[:] = [Channel(column=5, color="#ff0000"), Channel(column=6, color="#0000ff")]
    pictures.show_channels()
    pictures.bring_up(Stage.CHANNELS)
    (panel,) = canvas_panels(pictures)
    assert panel.legend == {pictures.gene_label(5): "#ff0000", pictures.gene_label(6): "#0000ff"}
    (picture,) = panel.pictures
    both = pictures.session.planes.expression(5) * pictures.session.planes.expression(6)
    red, green, blue, alpha = picture.image[spot_pixel(pictures, int(np.argmax(both)))]
    assert red > 0.2
    assert blue > 0.2
    assert green == pytest.approx(0, abs=0.01)
    assert alpha == 1


def test_compared_pictures_stand_side_by_side(panel, settle):
    hidden = np.zeros(panel.workspace.session.slide.n_spots, dtype=bool)
    hidden[20:40] = True
    panel.workspace.session.hide(hidden)
    panel.reconstruction.reconstruct()
    settle(panel)
    panels = canvas_panels(panel.workspace.pictures)
    assert [one.title.split(":")[0] for one in panels] == ["Model saw", "Truth", "Reconstruction", "Difference"]


def test_an_empty_canvas_is_no_figure(pictures):
    pictures.layers.show_only(())
    with pytest.raises(InputError, match="show a gene first"):
        seen_panels(pictures)


@pytest.mark.parametrize(("kind", "begins"), [("PNG (*.png)", b"\x89PNG"), ("SVG (*.svg)", b"<?xml")])
def test_the_menu_writes_the_kind_that_is_chosen(panel, settle, tmp_path, monkeypatch, kind, begins):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "figure"), kind))
    panel.save_view.export_actions["figure"].trigger()
    settle(panel)
    (written,) = tmp_path.glob("figure.*")
    assert written.read_bytes().startswith(begins)
