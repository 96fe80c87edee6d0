"""Views only show and ask: every button emits its signal, every state has its text."""

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QColorDialog, QPushButton, QToolButton

from napari_stimg._widgets.channels_view import CHANNEL_COLORS
from napari_stimg._widgets.domains_view import DomainsView
from napari_stimg._widgets.genes_view import GenesView
from napari_stimg._widgets.hide_view import HideView
from napari_stimg._widgets.legend_table import COLOR, LegendTable
from napari_stimg._widgets.save_view import SaveView
from napari_stimg._widgets.section_view import SectionView
from napari_stimg._widgets.session import MAX_CHANNELS, Channel
from napari_stimg._widgets.sortable_table import Column
from napari_stimg._widgets.task_view import TaskView
from napari_stimg._widgets.tools_view import Tool
from napari_stimg._widgets.workers import TaskRunner
from napari_stimg.domains import ClusterParameters, PaintParameters
from napari_stimg.progress import Progress


@pytest.fixture
def shown(qtbot):
    """Return what shows a view, so that visibility can be asked for."""

    def show(view):
        qtbot.addWidget(view)
        view.show()
        return view

    return show


def button_of(view, text):
    return next(button for button in view.findChildren(QPushButton) if button.text() == text)


@pytest.mark.parametrize(
    ("text", "signal"),
    [
        ("Open file…", "open_file_requested"),
        ("Open folder…", "open_folder_requested"),
        ("Sample", "sample_requested"),
    ],
)
def test_a_button_of_the_section_tab_asks(qtbot, shown, text, signal):
    view = shown(SectionView())
    with qtbot.waitSignal(getattr(view, signal)):
        button_of(view, text).click()


def test_the_section_card_lists_facts_and_notes(shown):
    view = shown(SectionView())
    view.show_card([("Spots", "3,611")], ["X is logged.", "No microns."])
    assert "3,611" in view.card_text
    assert "X is logged." in view.notes_text
    assert "No microns." in view.notes_text


def test_sections_of_one_file_are_offered_and_the_chosen_one_asked_for(qtbot, shown):
    view = shown(SectionView())
    view.show_parts(["A", "B"])
    with qtbot.waitSignal(view.part_requested) as asked:
        button_of(view, "Open").click()
    assert asked.args == ["A"]


def number(*values):
    return Column(title="Number", tooltip="A number", values=np.array(values, dtype=np.float64))


@pytest.fixture
def genes(shown):
    view = shown(GenesView())
    view.show_genes(np.array(["A", "B", "C"]), np.array(["ENSG1", "", "ENSG3"]), [number(1, 3, 2)])
    return view


def test_the_gene_list_has_ids_where_the_slide_has_them(genes):
    assert genes.table.columns.columnCount() == 3
    genes.show_genes(np.array(["A"]), None, [number(1)])
    assert genes.table.columns.columnCount() == 2


def test_a_channel_gets_the_first_free_colour(qtbot, genes):
    genes.show_channels([Channel(column=0, color=CHANNEL_COLORS[0])], seen=True)
    genes.show_gene(2)
    with qtbot.waitSignal(genes.channel_added) as added:
        button_of(genes, "+ Add C as channel").click()
    assert added.args == [2, CHANNEL_COLORS[1]]


def test_a_gene_is_no_channel_twice_and_there_are_no_more_than_eight(genes):
    genes.show_gene(0)
    genes.show_channels([Channel(column=0, color="#ffffff")], seen=True)
    assert not button_of(genes, "A is a channel").isEnabled()
    names = np.array([f"G{i}" for i in range(MAX_CHANNELS + 1)])
    genes.show_genes(names, None, [number(*range(names.size))])
    genes.show_gene(MAX_CHANNELS)
    genes.show_channels([Channel(column=i, color="#ffffff") for i in range(MAX_CHANNELS)], seen=True)
    assert not button_of(genes, "+ Add G8 as channel").isEnabled()


def test_a_channels_row_shows_it_alone_recolours_and_removes_it(qtbot, genes, monkeypatch):
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor("#0a0b0c"))
    genes.show_channels([Channel(column=1, color="#ff0000")], seen=False)
    color, remove = (button for button in genes.findChildren(QToolButton) if button.toolTip())
    with qtbot.waitSignal(genes.gene_requested) as asked:
        button_of(genes, "B").click()
    assert asked.args == [1]
    with qtbot.waitSignal(genes.channel_recolored) as recolored:
        color.click()
    assert recolored.args == [0, "#0a0b0c"]
    with qtbot.waitSignal(genes.channel_removed):
        remove.click()


def test_showing_how_genes_are_drawn_asks_for_nothing(qtbot, genes):
    with qtbot.assertNotEmitted(genes.colormap_requested), qtbot.assertNotEmitted(genes.clip_requested):
        genes.show_look("magma", 5.0)


def test_every_tool_asks_for_itself(qtbot, shown):
    view = shown(HideView())
    for tool, button in view.tools.buttons.items():
        with qtbot.waitSignal(view.tool_requested) as asked:
            button.click()
        assert asked.args == [str(tool)]


@pytest.mark.parametrize(("n_hidden", "possible"), [(0, False), (3, True), (10, False)])
def test_reconstruction_is_possible_if_some_spots_are_hidden_and_not_all(shown, n_hidden, possible):
    view = shown(HideView())
    view.show_mask(n_hidden, 10, can_undo=True, can_redo=False)
    assert view.reconstruct.isEnabled() is possible


def test_nothing_more_can_be_hidden_at_random_where_all_is_hidden(shown):
    view = shown(HideView())
    view.show_mask(10, 10, can_undo=True, can_redo=False)
    assert not view.hide_share.isEnabled()


def test_the_chosen_domain_stays_chosen_when_domains_are_renamed(qtbot, shown):
    view = shown(HideView())
    view.show_domains(("a", "b"), ("#ff0000", "#00ff00"))
    view.domains.setCurrentIndex(1)
    view.show_domains(("a", "c"), ("#ff0000", "#00ff00"))
    with qtbot.waitSignal(view.domain_requested) as asked:
        view.hide_domain.click()
    assert asked.args == [1]
    view.show_domains((), ())
    assert not view.hide_domain.isEnabled()


def test_scores_say_the_slides_column_of_the_row_chosen(qtbot, shown):
    view = shown(HideView())
    keys = ["pcc", "gain_percent", "gain_over_neighbours_percent", "mse", "mae"]
    scores = pd.DataFrame({key: [0.1, 0.3, 0.2] for key in keys}, index=["A", "B", "C"])
    view.show_scores(scores, np.array([40, 50, 60]), "Well done.")
    with qtbot.waitSignal(view.gene_requested) as asked:
        view.scores.table.selectRow(0)
    assert asked.args == [50]
    assert view.scores.summary_text == "Well done."
    view.clear_scores()
    assert view.scores.table.columns.rowCount() == 0


def test_all_genes_or_some_can_be_asked_for(shown):
    view = shown(HideView())
    assert view.n_genes == 2000
    view.choose_genes(None)
    assert view.n_genes is None


def test_forms_give_the_cores_own_parameters(shown):
    view = shown(DomainsView())
    assert view.cluster_parameters == ClusterParameters()
    assert view.paint_parameters == PaintParameters()
    view.choose_number(11)
    assert view.cluster_parameters == ClusterParameters(n_domains=11)


def test_a_number_of_neighbours_can_be_chosen_where_they_vote(shown):
    form = shown(DomainsView())._paint_form
    assert not form.n_neighbours.enabled
    form.method.value = "knn"
    assert form.n_neighbours.enabled
    form.method.value = "logistic"
    assert not form.n_neighbours.enabled


def test_forms_of_domains_have_two_fields_in_a_row(shown):
    form = shown(DomainsView())._cluster_form
    tops = {name: getattr(form, name).native.y() for name in ("n_domains", "method", "refine", "seed")}
    assert abs(tops["n_domains"] - tops["method"]) < 10
    assert tops["seed"] > tops["method"] + 10


def test_painting_needs_scribbles_of_two_classes(shown):
    view = shown(DomainsView())
    view.show_classes(["a", "b"], ["#ff0000", "#00ff00"], [3, 0])
    assert not view.paint.isEnabled()
    view.show_classes(["a", "b"], ["#ff0000", "#00ff00"], [3, 1])
    assert view.clear.isEnabled()
    view.show_classes(["a", "b"], ["#ff0000", "#00ff00"], [0, 0])
    assert not view.clear.isEnabled()
    view.show_classes(["a", "b"], ["#ff0000", "#00ff00"], [3, 1])
    assert view.paint.isEnabled()


def test_a_legend_can_be_renamed_and_recoloured(qtbot, shown, monkeypatch):
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor("#0a0b0c"))
    legend = shown(LegendTable())
    legend.show_rows(["a", "b"], ["#ff0000", "#00ff00"], [1200, 3])
    assert legend.item(0, 2).text() == "1,200"
    assert not legend.item(0, 2).flags() & Qt.ItemFlag.ItemIsEditable
    with qtbot.waitSignal(legend.renamed) as renamed:
        legend.item(1, 1).setText("white matter")
    assert renamed.args == [1, "white matter"]
    with qtbot.waitSignal(legend.recolored) as recolored:
        legend.cellDoubleClicked.emit(0, COLOR)
    assert recolored.args == [0, "#0a0b0c"]


def test_a_colour_that_is_not_chosen_after_all_changes_nothing(qtbot, shown, monkeypatch):
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor())
    legend = shown(LegendTable())
    legend.show_rows(["a"], ["#ff0000"], [1])
    with qtbot.assertNotEmitted(legend.recolored):
        legend.cellDoubleClicked.emit(0, COLOR)
        legend.cellDoubleClicked.emit(0, 1)


def test_the_chosen_row_stays_chosen_when_the_legend_is_filled_again(shown):
    legend = shown(LegendTable())
    legend.show_rows(["a", "b"], ["#ff0000", "#00ff00"], [1, 2])
    legend.choose(1)
    legend.show_rows(["a", "b"], ["#ff0000", "#00ff00"], [1, 3])
    assert legend.currentRow() == 1


def test_the_save_bar_says_plainly_what_is_saved(qtbot, shown):
    view = shown(SaveView())
    assert not view.save.isEnabled()
    view.show_unsaved("mask")
    assert view.state.text() == "● Unsaved: mask"
    with qtbot.waitSignal(view.save_requested):
        view.save.click()
    view.show_saved("a.h5ad, 12:00", "/somewhere/a.h5ad")
    assert view.state.text() == "✓ Saved to a.h5ad, 12:00"
    assert view.state.toolTip() == "/somewhere/a.h5ad"


def test_a_task_is_shown_while_it_runs_and_can_be_cancelled(qtbot, shown):
    view = shown(TaskView())
    runner = TaskRunner(view)
    view.follow(runner)
    runner.started.emit("Reconstructing")
    assert view.isVisible()
    runner.progressed.emit(Progress(done=3, total=4, message="Rehearsing"))
    assert view.label.text() == "Rehearsing …, 75 %"
    assert view.bar.value() == 3
    with qtbot.waitSignal(view.cancel_requested):
        view.cancel.click()
    runner.ended.emit()
    assert not view.isVisible()


def test_a_brush_says_its_width(qtbot, shown):
    view = shown(HideView())
    assert view.brush.spots == 4
    assert view.tools.buttons[Tool.PAN].isChecked()
