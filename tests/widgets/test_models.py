"""Choosing a model in the panel: listed, verified off the GUI thread, put to use; nothing drawn or unsaved is lost."""

import re
import threading
from pathlib import Path

import anndata as ad
import numpy as np
import pytest
import torch
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_stimg import keys
from napari_stimg._widgets.dock import StimgWidget
from napari_stimg._widgets.model_control import DEVICE_NAMES, use_in_words
from napari_stimg._widgets.model_view import ModelView
from napari_stimg._widgets.tasks import Model
from napari_stimg._widgets.workspace import Workspace
from napari_stimg.checkpoint_file import bundled_path
from napari_stimg.devices import device_named, gpu_memory
from napari_stimg.models import FOLDER_VARIABLE, ModelFile
from napari_stimg.progress import Progress
from tests.small_sections import write_small_model

BUNDLED = "stimg-mae-1"


@pytest.fixture
def models(tmp_path, monkeypatch):
    """Return the user's folder with two models, of which one knows 7 genes, and a damaged one."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    write_small_model(folder / "all.safetensors")
    write_small_model(folder / "few.safetensors", n_genes=7)
    (folder / "broken.safetensors").write_bytes(b"not a checkpoint")
    return folder


@pytest.fixture
def flipped(models):
    """Return a checkpoint whose damage only its checksum shows."""
    path = write_small_model(models / "flipped.safetensors")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    return path


@pytest.fixture
def choose(settle):
    """Return what chooses a model by what it is called on screen, as a click in the list would."""

    def click(panel, name):
        view = panel.section_view.models
        view.chooser.about_to_open.emit()
        place = view.names.index(name)
        view.chooser.setCurrentIndex(place)
        view.chooser.activated.emit(place)
        settle(panel)

    return click


def hide_some(panel, n_spots=20):
    panel.workspace.session.hide(np.arange(panel.workspace.session.slide.n_spots) < n_spots)
    panel.workspace.mask_changed.emit()


def chosen(panel):
    return panel.section_view.models.chooser.currentText()


# --- The view -------------------------------------------------------------------------------------

GOOD = ModelFile(
    name="good",
    path=Path("good.safetensors"),
    card={"sections": ["<b>a</b>"], "steps": 9, "validated_on": ["<i>v</i>"]},
)
BAD = ModelFile(name="bad", path=Path("bad.safetensors"), problem="expected another <file>.")


@pytest.fixture
def view(qtbot):
    view = ModelView()
    qtbot.addWidget(view)
    view.show_models([GOOD, BAD], GOOD.path)
    view.show_card(GOOD)
    return view


def test_unusable_models_are_listed_and_marked_with_the_reason(view):
    assert view.names == ["good", "⚠ bad, unusable"]
    assert "expected another &lt;file&gt;." in view.chooser.itemData(1, Qt.ItemDataRole.ToolTipRole)


def test_the_card_is_read_and_nothing_of_it_is_taken_for_markup(view):
    assert "1 section, 9 steps" in view.card_text
    assert "&lt;i&gt;v&lt;/i&gt;" in view.card_text
    assert "&lt;b&gt;a&lt;/b&gt;" in view._card.toolTip()


def test_choosing_and_opening_are_asked_for(qtbot, view):
    with qtbot.waitSignal(view.model_requested) as asked:
        view.chooser.activated.emit(1)
    assert asked.args == [BAD.path]
    with qtbot.assertNotEmitted(view.model_requested):
        view.show_models([BAD, GOOD], GOOD.path)
    assert view.chooser.currentIndex() == 1


def test_the_list_is_asked_for_before_it_is_seen(qtbot, view):
    view.show()
    with qtbot.waitSignal(view.list_requested):
        view.chooser.showPopup()
    view.chooser.hidePopup()


def test_the_wheel_changes_no_model(qtbot, view):
    view.show()
    where, none = QPointF(5, 5), Qt.KeyboardModifier.NoModifier
    wheel = QWheelEvent(
        where, where, QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton, none, Qt.ScrollPhase.NoScrollPhase, False
    )
    with qtbot.assertNotEmitted(view.model_requested):
        QApplication.sendEvent(view.chooser, wheel)
    assert view.chooser.currentText() == "good"


# --- Listing --------------------------------------------------------------------------------------


def test_a_new_panel_uses_the_bundled_model_and_says_what_it_is(qtbot, models):
    panel = StimgWidget(ViewerModel())
    qtbot.addWidget(panel)
    view = panel.section_view.models
    assert panel.workspace.model.path == bundled_path()
    assert view.names == [BUNDLED, "all", "⚠ broken, unusable", "few"]
    assert chosen(panel) == BUNDLED
    assert "44 sections, 4,200 steps" in view.card_text
    panel.close()


def test_the_list_is_up_to_date_when_it_is_opened(panel, models):
    write_small_model(models / "new.safetensors")
    (models / "few.safetensors").unlink()
    panel.section_view.models.chooser.about_to_open.emit()
    in_use = f"small ({panel.workspace.model.path.parent.name})"
    assert panel.section_view.models.names == [BUNDLED, "all", "⚠ broken, unusable", "new", in_use]


# --- Device and memory ----------------------------------------------------------------------------


def test_where_the_model_runs_is_said_once_it_is_loaded(qtbot, settle, models):
    panel = StimgWidget(ViewerModel())
    qtbot.addWidget(panel)
    assert panel.section_view.models.use_text.startswith("Not loaded yet")
    panel.sections.open_sample()
    settle(panel)
    assert panel.section_view.models.use_text.startswith(f"Runs on {DEVICE_NAMES[device_named()]} · ")
    panel.close()


def test_memory_is_told_anew_when_a_task_ends(panel, settle):
    panel.section_view.models.show_use("before")
    panel.domains_view.cluster_requested.emit()
    settle(panel)
    assert re.search(r" · (at most )?[\d,.]+ [MG]B of memory$", panel.section_view.models.use_text)


def test_a_gpu_tells_its_own_memory():
    if not torch.cuda.is_available():
        assert gpu_memory("cpu") is None
        return
    assert re.search(r"a GPU \(CUDA\) · [\d,]+ MB of its [\d,.]+ GB · ", use_in_words("cuda:0"))


# --- Choosing -------------------------------------------------------------------------------------


def test_the_chosen_model_is_used_from_then_on(panel, models, settle, choose):
    assert "60 of 60 genes" in panel.section_view.card_text
    choose(panel, "few")
    assert panel.workspace.model.path == models / "few.safetensors"
    assert chosen(panel) == "few"
    assert "7 genes, width 8" in panel.section_view.models.card_text
    assert "7 of 60 genes" in panel.section_view.card_text
    hide_some(panel)
    panel.hide_view.reconstruct.click()
    panel.domains_view.cluster_requested.emit()
    settle(panel)
    how = panel.workspace.session.how
    assert {what: made["checkpoint"] for what, made in how.items()} == dict.fromkeys(
        ("reconstruction", "embedding", "domains"), "few.safetensors"
    )


def test_sections_out_of_sight_are_matched_with_the_new_model_too(panel, models, settle, choose):
    panel.sections.open_sample()
    settle(panel)
    choose(panel, "few")
    panel.workspace.choose(0)
    settle(panel)
    assert "7 of 60 genes" in panel.section_view.card_text


@pytest.mark.parametrize(
    ("damaged", "sentence"), [("⚠ broken, unusable", "cannot be read"), ("flipped", "is corrupted")]
)
def test_a_damaged_model_is_one_notification_and_the_earlier_one_stays(panel, flipped, choose, damaged, sentence):
    before, card = panel.workspace.model, panel.section_view.models.card_text
    shown = len(notification_manager.records)
    choose(panel, damaged)
    assert len(notification_manager.records) == shown + 1
    assert sentence in notification_manager.records[-1].message
    assert panel.workspace.model is before
    assert chosen(panel).startswith("small")
    assert panel.section_view.models.card_text == card


def test_a_file_from_elsewhere_is_used_and_listed(panel, models, tmp_path, settle, choose, monkeypatch):
    path = write_small_model(tmp_path / "mine.safetensors", n_genes=5)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(path), ""))
    panel.section_view.models.file_requested.emit()
    settle(panel)
    assert panel.workspace.model.path == path
    assert chosen(panel) == f"mine ({tmp_path.name})"
    choose(panel, "all")
    assert f"mine ({tmp_path.name})" in panel.section_view.models.names
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: ("", ""))
    panel.section_view.models.file_requested.emit()
    assert not panel.is_busy


def test_a_damaged_file_from_elsewhere_is_not_kept_in_the_list(panel, models, tmp_path, settle):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(b"bad")
    panel.models.choose(path)
    settle(panel)
    assert not any("bad" in name for name in panel.section_view.models.names)


def test_the_model_in_use_stays_though_its_file_goes(panel, models, settle, choose):
    choose(panel, "few")
    (models / "few.safetensors").unlink()
    panel.section_view.models.chooser.about_to_open.emit()
    assert chosen(panel) == "⚠ few (models), unusable"
    assert "7 genes" in panel.section_view.models.card_text
    hide_some(panel)
    panel.hide_view.reconstruct.click()
    settle(panel)
    assert panel.workspace.session.reconstruction is not None


def test_choosing_the_model_in_use_changes_nothing_unless_its_file_has_changed(qtbot, panel, models, choose):
    choose(panel, "few")
    with qtbot.assertNotEmitted(panel.workspace.model_changed):
        choose(panel, "few")
    write_small_model(models / "few.safetensors", n_genes=9)
    choose(panel, "few")
    assert "9 of 60 genes" in panel.section_view.card_text


def test_the_choice_outlives_the_panel(qtbot, panel, models, choose):
    choose(panel, "few")
    viewer, model = panel.workspace.viewer, panel.workspace.model
    panel.close()
    again = StimgWidget(viewer)
    qtbot.addWidget(again)
    assert again.workspace.model is model
    assert chosen(again) == "few"
    assert Workspace(ViewerModel()).model.path == bundled_path()
    again.close()


# --- What runs, and what is there already ------------------------------------------------------------


class HeldModel(Model):
    """A model that is loaded only once it is let go."""

    def __init__(self, path):
        super().__init__(path)
        self.go = threading.Event()

    def load(self):
        yield Progress(done=0, total=0, message="Held")
        assert self.go.wait(timeout=20)
        return (yield from super().load())


def test_what_the_former_model_was_at_is_dropped(qtbot, panel, models, model_path, settle, choose):
    hide_some(panel)
    panel.workspace.model = held = HeldModel(model_path)
    reconstructing, embedding = panel.runners["reconstruct"], panel.runners["embed"]
    with qtbot.waitSignals([reconstructing.progressed, embedding.progressed]):
        panel.hide_view.reconstruct.click()
        panel.domains_view.cluster_requested.emit()
    panel.models.choose(models / "few.safetensors")
    qtbot.waitUntil(lambda: panel.workspace.model is not held, timeout=20_000)
    held.go.set()
    settle(panel)
    qtbot.waitUntil(lambda: not reconstructing._unfinished and not embedding._unfinished)
    session = panel.workspace.session
    assert (session.reconstruction, session.embedding, session.domains) == (None, None, None)
    assert session.hidden.sum() == 20


def test_of_two_models_chosen_in_haste_the_last_is_used(panel, models, settle):
    panel.models.choose(models / "all.safetensors")
    panel.models.choose(models / "few.safetensors")
    assert chosen(panel) == "few"
    settle(panel)
    assert panel.workspace.model.path == models / "few.safetensors"


def test_a_cancelled_check_leaves_the_earlier_model(panel, models):
    before = panel.workspace.model
    panel.models.choose(models / "few.safetensors")
    panel.runners["model"].cancel()
    assert panel.workspace.model is before
    assert chosen(panel).startswith("small")


def test_results_of_the_former_model_are_kept_marked_and_saved_as_its_own(panel, models, settle, choose, tmp_path):
    choose(panel, "all")
    hide_some(panel)
    panel.hide_view.reconstruct.click()
    panel.domains_view.cluster_requested.emit()
    settle(panel)
    session = panel.workspace.session
    former, unsaved = panel.workspace.model.sha256, set(session.unsaved)
    choose(panel, "few")
    assert session.unsaved == unsaved
    assert session.hidden.sum() == 20
    assert "Made by all.safetensors, which is not the model chosen now." in panel.hide_view.scores.summary_text
    assert "Made with all.safetensors" in panel.domains_view.domains_text
    panel.saving.save_to(tmp_path / "saved.h5ad")
    settle(panel)
    made = ad.read_h5ad(tmp_path / "saved.h5ad").uns[keys.PROVENANCE]
    assert {made[what]["checkpoint_sha256"] for what in ("reconstruction", "embedding", "domains")} == {former}
    choose(panel, "all")
    assert "not the model chosen now" not in panel.hide_view.scores.summary_text


def test_domains_are_found_from_an_embedding_of_the_model_in_use(panel, models, settle, choose):
    panel.domains_view.cluster_requested.emit()
    settle(panel)
    first = panel.workspace.session.embedding
    choose(panel, "few")
    assert panel.workspace.session.embedding is first
    panel.domains_view.cluster_requested.emit()
    settle(panel)
    session = panel.workspace.session
    assert session.embedding is not first
    assert session.how["domains"]["checkpoint_sha256"] == panel.workspace.model.sha256
