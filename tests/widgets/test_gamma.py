"""The gammas of the Genes tab are those of the layers, whoever changes them."""

import pytest
from qtpy.QtWidgets import QDoubleSpinBox

from napari_stimg._widgets.dock import StimgWidget
from napari_stimg._widgets.forms import GAMMA
from napari_stimg._widgets.layers import CHANNELS, Role


def layer_of(panel, role):
    return panel.workspace.pictures.layers.get(role)


def boxes(panel):
    """Return the gammas that are shown, from the first channel to the last."""
    found = panel.genes_view.channels.findChildren(QDoubleSpinBox)
    return [box for box in found if box.prefix() == f"{GAMMA} " and not box.parentWidget().isHidden()]


@pytest.fixture
def with_channels(panel):
    for column, color in ((3, "#ff0000"), (4, "#00ff00"), (5, "#0000ff")):
        panel.genes.add_channel(column, color)
    return panel


def test_a_channels_gamma_is_its_layers_both_ways(with_channels):
    boxes(with_channels)[1].setValue(0.5)
    assert [layer_of(with_channels, role).gamma for role in CHANNELS[:3]] == [1, 0.5, 1]
    layer_of(with_channels, CHANNELS[2]).gamma = 1.6
    assert [box.value() for box in boxes(with_channels)] == [1, 0.5, 1.6]


def test_a_gene_keeps_its_gamma_when_a_channel_before_it_goes(with_channels):
    boxes(with_channels)[1].setValue(0.5)
    with_channels.genes_view.channel_removed.emit(0)
    assert [box.value() for box in boxes(with_channels)] == [0.5, 1]
    assert [layer_of(with_channels, role).gamma for role in CHANNELS[:2]] == [0.5, 1]
    with_channels.genes_view.channel_recolored.emit(0, "#010203")
    assert layer_of(with_channels, CHANNELS[0]).gamma == 0.5


def test_a_channel_that_was_deleted_by_hand_comes_back_with_its_gamma(with_channels):
    boxes(with_channels)[0].setValue(0.7)
    with_channels.workspace.viewer.layers.remove(layer_of(with_channels, CHANNELS[0]))
    with_channels.genes_view.channel_recolored.emit(1, "#010203")
    assert layer_of(with_channels, CHANNELS[0]).gamma == 0.7
    layer_of(with_channels, CHANNELS[0]).gamma = 1.2
    assert boxes(with_channels)[0].value() == 1.2


def test_the_one_genes_gamma_is_its_layers_both_ways(panel):
    box = panel.genes_view._gamma
    box.setValue(0.4)
    assert layer_of(panel, Role.GENE).gamma == 0.4
    layer_of(panel, Role.GENE).gamma = 1.5
    assert box.value() == 1.5
    panel.genes.show_gene(8)
    assert layer_of(panel, Role.GENE).gamma == box.value() == 1.5


def test_each_section_shows_its_own_gamma(panel, settle):
    panel.genes_view._gamma.setValue(0.4)
    panel.sections.open_sample()
    settle(panel)
    assert panel.genes_view._gamma.value() == 1
    panel.workspace.choose(0)
    assert panel.genes_view._gamma.value() == 0.4


def test_a_panel_that_is_opened_again_shows_the_gammas_as_they_are_now(qtbot, with_channels):
    viewer = with_channels.workspace.viewer
    layer = layer_of(with_channels, CHANNELS[1])
    with_channels.close()
    layer.gamma = 0.3
    again = StimgWidget(viewer)
    qtbot.addWidget(again)
    assert [box.value() for box in boxes(again)] == [1, 0.3, 1]
    assert again.workspace.session.display.channels[1].gamma == 0.3
    again.close()


def test_gammas_are_restored_with_the_section(qtbot, with_channels, viewer, section_path, settle):
    boxes(with_channels)[1].setValue(0.5)
    with_channels.genes_view._gamma.setValue(1.8)
    with_channels.kept.look()
    boxes(with_channels)[2].setValue(0.8)
    with_channels.sections.close_current()
    with_channels.kept.stop()
    with_channels.sections.open_path(section_path)
    settle(with_channels)
    assert [box.value() for box in boxes(with_channels)] == [1, 0.5, 0.8]
    assert layer_of(with_channels, CHANNELS[1]).gamma == 0.5
    assert layer_of(with_channels, Role.GENE).gamma == with_channels.genes_view._gamma.value() == 1.8
