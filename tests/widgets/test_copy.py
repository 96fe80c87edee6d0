"""Copy as Python and as command: what is copied is run, and gives what the panel shows."""

import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import anndata as ad
import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox

from napari_stimg._widgets.tasks import Model
from napari_stimg.cli import main
from napari_stimg.domains import ClusterParameters, PaintParameters
from napari_stimg.progress import run
from tests.small_sections import write_small_section


def copied(panel, form):
    QApplication.clipboard().clear()
    panel.save_view.copy_actions[form].trigger()
    return QApplication.clipboard().text()


def run_python(panel):
    """Run what is copied, and return its names."""
    names = {}
    exec(copied(panel, "python"), names)
    return names


def run_command(panel):
    """Run what is copied, and return what it wrote."""
    words = shlex.split(copied(panel, "command"))
    assert words[0] == "stimg"
    assert main(words[1:]) == 0
    return ad.read_h5ad(words[words.index("-o") + 1])


@pytest.fixture
def own(empty_panel, settle, tmp_path):
    """Return a panel on a section in a folder of its own."""
    empty_panel.sections.open_path(write_small_section(tmp_path / "own section.h5ad"))
    settle(empty_panel)
    return empty_panel


@pytest.fixture
def save(settle, tmp_path):
    def save_it(panel):
        panel.saving.save_to(tmp_path / "saved.h5ad")
        settle(panel)

    return save_it


def hide_some(panel):
    hidden = np.zeros(panel.workspace.session.slide.n_spots, dtype=bool)
    hidden[20:45] = True
    panel.workspace.session.hide(hidden)
    panel.workspace.mask_changed.emit()


def scribble_some(panel):
    session = panel.workspace.session
    for _ in range(3):
        panel.domains_view.class_added.emit()
    scribbles = np.full(session.slide.n_spots, -1)
    scribbles[:12], scribbles[-12:] = 2, 0  # the second class is not used
    session.scribble_history.change(scribbles)


def paint_with(panel, settle, monkeypatch, params):
    monkeypatch.setattr(type(panel.domains_view), "paint_parameters", property(lambda _: params))
    panel.domains.paint()
    settle(panel)


def test_nothing_is_offered_before_something_was_made(own):
    assert not any(action.isEnabled() for action in own.save_view.copy_actions.values())


@pytest.mark.parametrize("n_genes", [None, 10])
def test_a_reconstruction_can_be_repeated(own, settle, save, monkeypatch, n_genes):
    if n_genes is not None:
        rarest = int(np.argmin(own.workspace.session.planes.variance))
        own.workspace.session.display.column = rarest
    hide_some(own)
    monkeypatch.setattr(type(own.hide_view), "n_genes", property(lambda _: n_genes))
    own.reconstruction.reconstruct()
    settle(own)
    save(own)
    made = own.workspace.session.reconstruction
    again = run_python(own)["reconstruction"]
    np.testing.assert_array_equal(again.spots, made.spots)
    np.testing.assert_array_equal(again.columns, made.columns)
    np.testing.assert_allclose(again.expected, made.expected, atol=1e-5)
    np.testing.assert_allclose(again.sd, made.sd, atol=1e-5)
    written = run_command(own)
    layer = np.asarray(written.layers["stimg_reconstruction"])
    np.testing.assert_allclose(layer[np.ix_(made.spots, made.columns)], made.expected, atol=1e-5)
    assert np.isfinite(layer).sum() == made.expected.size


@pytest.mark.parametrize(
    "params",
    [ClusterParameters(n_domains=3, seed=4), ClusterParameters(n_domains=4, method="kmeans", refine=False)],
    ids=["gmm", "kmeans"],
)
def test_domains_found_without_labels_can_be_repeated(own, settle, monkeypatch, params):
    monkeypatch.setattr(type(own.domains_view), "cluster_parameters", property(lambda _: params))
    own.domains.find()
    settle(own)
    made = own.workspace.session.domains.labels
    np.testing.assert_array_equal(run_python(own)["domains"], made)
    np.testing.assert_array_equal(run_command(own).obs["stimg_domain"].cat.codes, made)


@pytest.mark.parametrize(
    "params",
    [PaintParameters(n_neighbours=3, refine=False), PaintParameters(method="logistic")],
    ids=["knn", "logistic"],
)
def test_domains_painted_from_scribbles_can_be_repeated(own, settle, save, monkeypatch, params):
    scribble_some(own)
    paint_with(own, settle, monkeypatch, params)
    save(own)
    made = own.workspace.session.domains
    names = run_python(own)
    np.testing.assert_array_equal(names["domains"], made.labels)
    assert names["labels"].names == made.names
    np.testing.assert_allclose(names["painting"].probabilities, made.probabilities, atol=1e-5)
    written = run_command(own)
    np.testing.assert_array_equal(written.obs["stimg_domain"].cat.codes, made.labels)
    np.testing.assert_allclose(written.obsm["stimg_domain_probability"], made.probabilities, atol=1e-5)


def test_an_embedding_can_be_repeated_in_a_process_of_its_own(own, settle, tmp_path):
    own.embeddings.when_embedded(own.workspace.session, lambda _: None)
    settle(own)
    script = copied(own, "python") + f"import numpy\nnumpy.save({str(tmp_path / 'again.npy')!r}, embedding)\n"
    (tmp_path / "script.py").write_text(script)
    subprocess.run([sys.executable, tmp_path / "script.py"], check=True, env=os.environ)
    made = own.workspace.session.embedding.values
    np.testing.assert_allclose(np.load(tmp_path / "again.npy"), made, atol=1e-5)
    np.testing.assert_allclose(run_command(own).obsm["X_stimg"], made, atol=1e-5)


def test_the_last_thing_made_is_copied(own, settle, save):
    hide_some(own)
    own.reconstruction.reconstruct()
    settle(own)
    own.domains.find()
    settle(own)
    save(own)
    assert "domains" in shlex.split(copied(own, "command"))
    own.reconstruction.reconstruct()
    settle(own)
    assert "reconstruct" in shlex.split(copied(own, "command"))


def test_saving_is_offered_first_and_then_it_is_copied(own, settle, tmp_path, monkeypatch):
    hide_some(own)
    own.reconstruction.reconstruct()
    settle(own)
    asked = []
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QMessageBox, "question", lambda *words: asked.append(words[-1]) or answers[len(asked) - 1])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "asked.h5ad"), ""))
    assert copied(own, "command") == ""
    assert "No file holds the mask as it is now" in asked[0]
    assert not (tmp_path / "asked.h5ad").exists()
    copied(own, "command")
    settle(own)
    assert str(tmp_path / "asked.h5ad") in shlex.split(QApplication.clipboard().text())


def test_a_saved_file_of_another_mask_is_not_read(own, settle, save, monkeypatch):
    hide_some(own)
    save(own)
    hidden = own.workspace.session.hidden.copy()
    hidden[0] = True
    own.workspace.session.hide(hidden)
    own.reconstruction.reconstruct()
    settle(own)
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.No)
    assert copied(own, "python") == ""
    save(own)
    np.testing.assert_array_equal(run_python(own)["hidden"], hidden)


def said(panel, form):
    text = copied(panel, form)
    return text, notification_manager.records[-1].message


def test_what_has_changed_since_is_said(own, settle, save):
    hide_some(own)
    own.reconstruction.reconstruct()
    settle(own)
    own.workspace.session.undo_mask()
    text, message = said(own, "python")
    assert text == ""
    assert "The mask has changed" in message


def test_domains_changed_by_hand_are_not_copied(own, settle):
    own.domains.find()
    settle(own)
    own.workspace.session.how["domains"]["edits"] = ["merged 1 and 2"]
    text, message = said(own, "command")
    assert text == ""
    assert "changed by hand" in message


def test_what_a_model_without_a_file_made_is_not_copied(own, settle):
    own.embeddings.when_embedded(own.workspace.session, lambda _: None)
    settle(own)
    former = own.workspace.model
    own.workspace.use(Model.tuned(run(former.load()), former))
    text, message = said(own, "python")
    assert text == ""
    assert "save the model first" in message


def test_paths_with_blanks_and_quotes_are_quoted():
    from napari_stimg.recipes import Embed, Recipe, as_command, as_python

    recipe = Recipe(file=Path("/a b/it's.h5ad"), section="two words", checkpoint=Path("/m m.safetensors"), deed=Embed())
    words = shlex.split(as_command(recipe))
    assert words[2] == str(recipe.file)
    assert words[words.index("--section") + 1] == "two words"
    assert words[words.index("--checkpoint") + 1] == str(recipe.checkpoint)
    assert "device" not in as_python(recipe)
    on_gpu = replace(recipe, device="cuda")
    assert as_command(on_gpu).count("--device cuda ") == 1
    assert "device='cuda')" in as_python(on_gpu)
    compile(as_python(recipe), "script", "exec")
    assert repr(str(recipe.file)) in as_python(recipe)
