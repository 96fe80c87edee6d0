"""The table of genes and scores sorts, filters and says which row was chosen."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_stimg._widgets.sortable_table import Column, ColumnsModel, SortableTable

NAMES = np.array(["MBP", "GFAP", "MBPL1", "XMBP", "ACTB"])
IDS = np.array(["ENSG1", "ENSG2", "ENSG30", "ENSG4", "ENSG3"])
VARIANCE = np.array([0.5, np.nan, 2.0, 1.0, 1234.5])
COLUMNS = (
    Column(title="Gene", tooltip="symbol", values=NAMES, searched=True),
    Column(title="Id", tooltip="Ensembl id", values=IDS, searched=True),
    Column(title="Variance", tooltip="of log expression", values=VARIANCE, digits=1),
)


@pytest.fixture
def model(qtbot):
    model = ColumnsModel()
    model.set_columns(COLUMNS, sort_by=2, descending=True)
    return model


@pytest.fixture
def table(qtbot):
    table = SortableTable()
    qtbot.addWidget(table)
    table.set_columns(COLUMNS, sort_by=2, descending=True)
    return table


def shown(model):
    return [model.data(model.index(row, 0)) for row in range(model.rowCount())]


def test_rows_are_sorted_with_what_is_not_a_number_last(model):
    assert shown(model) == ["ACTB", "MBPL1", "XMBP", "MBP", "GFAP"]
    model.sort(2, Qt.SortOrder.AscendingOrder)
    assert shown(model) == ["MBP", "XMBP", "MBPL1", "ACTB", "GFAP"]


def test_words_sort_both_ways(model):
    model.sort(0, Qt.SortOrder.AscendingOrder)
    assert shown(model) == sorted(NAMES)
    model.sort(0, Qt.SortOrder.DescendingOrder)
    assert shown(model) == sorted(NAMES, reverse=True)


def test_the_exact_name_comes_first_then_what_begins_with_it_then_what_holds_it(model):
    model.set_filter("mbp")
    assert shown(model) == ["MBP", "MBPL1", "XMBP"]


def test_an_ensembl_id_is_found_too(model):
    model.set_filter(" ensg3 ")
    assert shown(model) == ["ACTB", "MBPL1"]


def test_nothing_is_shown_where_nothing_matches_and_all_once_the_text_is_gone(model):
    model.set_filter("nothing like it")
    assert shown(model) == []
    model.set_filter("")
    assert len(shown(model)) == 5


def test_numbers_are_written_with_their_digits_and_aligned_to_the_right(model):
    assert model.data(model.index(0, 2)) == "1,234.5"
    assert model.data(model.index(4, 2)) == "n/a"
    assert model.data(model.index(0, 2), Qt.ItemDataRole.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight
    assert model.data(model.index(0, 0), Qt.ItemDataRole.TextAlignmentRole) is None


def test_headers_say_what_a_column_is_and_its_unit(model):
    assert model.headerData(2, Qt.Orientation.Horizontal) == "Variance"
    assert model.headerData(2, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole) == "of log expression"
    assert model.headerData(9, Qt.Orientation.Horizontal) is None


def test_an_empty_table_sorts_and_filters_without_complaint(qtbot):
    model = ColumnsModel()
    model.sort(0)
    model.set_filter("x")
    assert model.rowCount() == 0


def test_choosing_says_the_row_of_the_values_not_of_the_screen(qtbot, table):
    with qtbot.waitSignal(table.row_chosen) as chosen:
        table.selectRow(1)
    assert NAMES[chosen.args[0]] == "MBPL1"


def test_marking_a_row_says_nothing(qtbot, table):
    with qtbot.assertNotEmitted(table.row_chosen):
        table.select_row(3)
        table.select_row(-1)


def test_enter_in_a_search_chooses_the_first_hit(qtbot, table):
    table.columns.set_filter("gfap")
    with qtbot.waitSignal(table.row_chosen) as chosen:
        table.choose_first()
    assert NAMES[chosen.args[0]] == "GFAP"
    table.columns.set_filter("nothing like it")
    with qtbot.assertNotEmitted(table.row_chosen):
        table.choose_first()
