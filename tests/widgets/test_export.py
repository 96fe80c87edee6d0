"""The Export menu: what it writes, read back."""

import json

import numpy as np
import pandas as pd
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QFileDialog

from napari_stimg._widgets.dock import StimgWidget
from napari_stimg._widgets.export_tasks import export, offered
from napari_stimg._widgets.session import Domains
from napari_stimg.errors import InputError
from napari_stimg.io import mask_from_geojson
from napari_stimg.progress import run


def with_hole(session):
    """Return (S,) bool: a ring of spots around a visible middle, and one spot far away."""
    places = session.lattice.positions
    far = np.linalg.norm(places - places.mean(axis=0), axis=1)
    return ((far > 2) & (far < 5)) | (far == far.max())


def halved(session):
    left = session.lattice.positions[:, 1] < np.median(session.lattice.positions[:, 1])
    labels = left.astype(np.intp)
    labels[0] = -1
    return Domains(labels=labels, names=("right", "left"), colors=("#ff0000", "#0000ff"))


def test_the_hidden_region_read_back_hides_the_same_spots(session, tmp_path):
    session.hide(with_hole(session))
    run(export(session, "hidden", tmp_path / "hidden.geojson"))
    np.testing.assert_array_equal(mask_from_geojson(session.slide, tmp_path / "hidden.geojson"), session.hidden)


def test_each_domain_is_a_named_and_coloured_region_that_holds_its_spots(session, tmp_path):
    session.domains = halved(session)
    run(export(session, "domains", tmp_path / "domains.geojson"))
    features = json.loads((tmp_path / "domains.geojson").read_text())["features"]
    assert [feature["properties"]["name"] for feature in features] == ["right", "left"]
    assert features[0]["properties"]["classification"]["color"] == [255, 0, 0]
    for number, feature in enumerate(features):
        alone = tmp_path / f"{number}.geojson"
        alone.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
        np.testing.assert_array_equal(mask_from_geojson(session.slide, alone), session.domains.labels == number)


def test_the_table_of_spots_says_what_was_drawn_and_found(session, tmp_path):
    hidden = with_hole(session)
    session.hide(hidden)
    session.domains = halved(session)
    session.classes.extend(["tumour", "stroma"])
    scribbles = np.full(session.slide.n_spots, -1)
    scribbles[[3, 7]] = 1, 0
    session.scribble_history.change(scribbles)
    run(export(session, "spots", tmp_path / "spots.csv"))
    table = pd.read_csv(tmp_path / "spots.csv", index_col="spot")
    assert table.index.tolist() == session.slide.spot_names.tolist()
    np.testing.assert_array_equal(table["hidden"], hidden)
    np.testing.assert_array_equal(table[["row", "col"]], session.lattice.cell_of_spot)
    np.testing.assert_allclose(table[["y", "x"]], session.slide.places)
    assert table["scribble"].dropna().tolist() == ["stroma", "tumour"]
    assert pd.isna(table["domain"].iloc[0])
    assert (table["domain"] == "left").sum() == session.domains.sizes[1]
    assert table["probability"].isna().all()


def test_only_what_is_there_is_offered(session):
    assert offered(session) == {"spots", "figure"}
    session.hide(with_hole(session))
    session.domains = halved(session)
    assert offered(session) == {"spots", "figure", "hidden", "domains"}


def test_a_place_that_cannot_be_written_is_one_sentence(session, tmp_path):
    with pytest.raises(InputError, match="choose another place"):
        run(export(session, "spots", tmp_path / "nowhere" / "spots.csv"))


def test_the_menu_asks_where_and_writes_scores(qtbot, viewer, section_path, settle, model_path, tmp_path, monkeypatch):
    from napari_stimg._widgets.tasks import Model

    panel = StimgWidget(viewer)
    qtbot.addWidget(panel)
    panel.workspace.model = Model(model_path)
    assert not panel.save_view.export.isEnabled()
    panel.sections.open_path(section_path)
    settle(panel)
    session = panel.workspace.session
    session.hide(with_hole(session))
    panel.workspace.mask_changed.emit()
    panel.reconstruction.reconstruct()
    settle(panel)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "scores"), ""))
    panel.save_view.export_actions["scores"].trigger()
    settle(panel)
    written = pd.read_csv(tmp_path / "scores.csv", index_col=0, keep_default_na=True)
    np.testing.assert_allclose(written["mse"], session.scores["mse"], rtol=1e-5)


def test_what_changes_while_a_file_is_written_does_not_reach_it(session, tmp_path):
    before = with_hole(session)
    session.hide(before)
    steps = export(session, "spots", tmp_path / "spots.csv")
    session.hide(~before)
    run(steps)
    np.testing.assert_array_equal(pd.read_csv(tmp_path / "spots.csv")["hidden"], before)


def test_progress_says_how_far_it_is(session, tmp_path):
    session.domains = halved(session)
    said = list(export(session, "domains", tmp_path / "domains.geojson"))
    assert [(made.done, made.total) for made in said] == [(0, 4), (1, 4), (2, 4), (3, 4)]
    assert said[1].message == "Outlining right"


def test_two_files_asked_for_at_once_are_both_written_while_the_window_goes_on(panel, settle, tmp_path, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "first.csv"), ""))
    panel.save_view.export_actions["spots"].trigger()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "second.png"), ""))
    panel.save_view.export_actions["figure"].trigger()
    assert panel.is_busy
    assert not (tmp_path / "second.png").exists()
    settle(panel)
    assert (tmp_path / "first.csv").read_text().startswith("spot,")
    assert (tmp_path / "second.png").read_bytes().startswith(b"\x89PNG")
    assert notification_manager.records[-1].message == f"Exported to {tmp_path / 'second.png'}."


def test_a_closed_panel_writes_nothing_more(panel, tmp_path):
    for name in ("first", "second"):
        panel.writer.write(tmp_path / name, lambda path: path.write_text("here"))
    panel.close()
    assert not panel.is_busy
    assert not (tmp_path / "second").exists()


def test_a_figure_of_a_window_is_written_off_the_gui_thread(panel, settle, tmp_path, monkeypatch):
    panel.workspace.session.hide(with_hole(panel.workspace.session))
    panel.reconstruction.reconstruct()
    settle(panel)
    panel.scatter.open()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "scatter.pdf"), ""))
    panel.scatter.window.figure.save_button.click()
    assert panel.is_busy
    settle(panel)
    assert (tmp_path / "scatter.pdf").read_bytes().startswith(b"%PDF")


def test_a_figure_that_cannot_be_written_is_one_notification(panel, settle, tmp_path, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "figure.nonsense"), ""))
    panel.save_view.export_actions["figure"].trigger()
    settle(panel)
    assert "found .nonsense" in notification_manager.records[-1].message
    assert not list(tmp_path.glob("*figure*"))
