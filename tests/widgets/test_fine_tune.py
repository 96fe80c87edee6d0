"""Fine-tuning in the panel: trained off the GUI thread, used, gone back from, saved; what was hidden stays hidden."""

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_stimg._widgets.fine_tune_view import FineTuneView
from napari_stimg._widgets.tasks import Model
from napari_stimg.checkpoint import load_checkpoint
from napari_stimg.models import FOLDER_VARIABLE
from napari_stimg.tuning import FineTuneParameters, seen_in_tuning


@pytest.fixture
def tuned(panel, settle, tmp_path, monkeypatch):
    """Return a panel whose model was fine-tuned with its first 20 spots hidden, and the model it was before."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "models"))
    former = panel.workspace.model
    hide(panel, 0, 20)
    panel.section_view.tuning.params = FineTuneParameters(steps=2, learning_rate=1e-3)
    panel.section_view.tuning.tune.click()
    settle(panel)
    return panel, former


def hide(panel, first, stop):
    spots = np.arange(panel.workspace.session.slide.n_spots)
    panel.workspace.session.hide((spots >= first) & (spots < stop))
    panel.workspace.mask_changed.emit()


def listed(panel):
    panel.section_view.models.chooser.about_to_open.emit()
    return panel.section_view.models.names


def card_of(panel):
    return next(iter(_drain(panel.workspace.model.load()))).card


def _drain(steps):
    try:
        while True:
            next(steps)
    except StopIteration as stop:
        return [stop.value]


def test_the_view_gives_its_parameters_and_asks(qtbot):
    view = FineTuneView()
    qtbot.addWidget(view)
    assert view.params == FineTuneParameters()
    view.params = FineTuneParameters(steps=7, learning_rate=2e-3, seed=5)
    assert view.params == FineTuneParameters(steps=7, learning_rate=2e-3, seed=5)
    for button, signal in (
        (view.tune, view.tuning_requested),
        (view.back, view.former_requested),
        (view.save, view.save_requested),
    ):
        with qtbot.waitSignal(signal):
            button.click()


def test_the_tuned_model_is_used_and_listed(tuned):
    panel, former = tuned
    model = panel.workspace.model
    assert model.former is former
    assert model.sha256 not in (None, former.sha256)
    assert model.path.stem in listed(panel)
    assert panel.section_view.models.chooser.currentText() == model.path.stem
    assert "Fine-tuned on" in panel.section_view.models.card_text
    assert "not saved" in panel.section_view.tuning.state_text
    hidden = panel.workspace.session.hidden
    np.testing.assert_array_equal(seen_in_tuning(card_of(panel), panel.workspace.session.slide), ~hidden)


def test_scores_of_spots_it_was_trained_on_carry_a_warning(tuned, settle):
    panel, _ = tuned
    panel.hide_view.reconstruct.click()
    settle(panel)
    assert "fine-tuned" not in panel.workspace.session.summary
    hide(panel, 10, 25)
    panel.hide_view.reconstruct.click()
    settle(panel)
    assert "5 of these spots were visible when the model was fine-tuned" in panel.workspace.session.summary
    assert "5 of these spots" in panel.workspace.session.how["reconstruction"]["warning"]


def test_what_is_filled_in_as_one_draws_carries_it_too(tuned, settle):
    (panel, former), model = tuned, tuned[0].workspace.model
    panel.genes.show_gene(3)
    panel.hide_view.live.setChecked(True)
    settle(panel)
    assert not panel.hide_view.live_warning
    hide(panel, 10, 25)
    settle(panel)
    assert panel.hide_view.live_warning.startswith("5 of these spots were visible when the model was fine-tuned")
    panel.workspace.use(former)
    settle(panel)
    assert not panel.hide_view.live_warning
    panel.workspace.use(model)
    settle(panel)
    assert panel.hide_view.live_warning
    panel.hide_view.live.setChecked(False)
    assert not panel.hide_view.live_warning


def test_back_to_the_former_and_to_the_tuned_one_again(tuned, settle):
    panel, former = tuned
    model, view = panel.workspace.model, panel.section_view
    view.tuning.back.click()
    assert panel.workspace.model is former
    assert view.tuning.back.isHidden()
    view.models.chooser.activated.emit(listed(panel).index(model.path.stem))
    settle(panel)
    assert panel.workspace.model is model


def test_where_no_folder_of_models_can_be_made_another_place_is_asked_for(tuned, settle, tmp_path, monkeypatch):
    panel, _ = tuned
    (tmp_path / "taken").write_text("a file, no folder")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "taken" / "models"))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    panel.section_view.tuning.save.click()
    settle(panel)
    assert panel.workspace.model.path == tmp_path / "mine.safetensors"
    assert panel.workspace.model.path.exists()


def test_it_is_saved_as_a_file_of_the_same_identity(tuned, settle, tmp_path, monkeypatch):
    panel, _ = tuned
    sha256 = panel.workspace.model.sha256
    suggested = []

    def choose(*args, **_):
        suggested.append(args[2])
        return str(tmp_path / "models" / "mine"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    panel.section_view.tuning.save.click()
    settle(panel)
    path = tmp_path / "models" / "mine.safetensors"
    assert suggested[0].startswith(str(tmp_path / "models"))
    assert load_checkpoint(path).sha256 == panel.workspace.model.sha256 == sha256
    assert panel.workspace.model.path == path
    assert listed(panel).count("mine") == 1
    assert not any("tuned" in name for name in listed(panel))
    assert panel.section_view.tuning.save.isHidden()
    assert not panel.section_view.tuning.back.isHidden()


def test_it_is_not_written_under_the_name_of_the_bundled_one(qtbot, tuned, settle, tmp_path):
    panel, _ = tuned
    runner = panel.runners["save model"]
    with qtbot.waitSignal(runner.failed) as failed:
        panel.tuning.save_to(tmp_path / "stimg-mae-1.safetensors")
    assert "found stimg-mae-1, the bundled one's" in str(failed.args[0])
    with qtbot.waitSignal(runner.failed) as failed:
        panel.tuning.save_to(tmp_path / "none" / "mine.safetensors")
    assert "expected to write" in str(failed.args[0])
    assert not panel.workspace.model.is_file


def test_cancelled_or_overtaken_the_former_stays(qtbot, panel, model_path, settle):
    before = panel.workspace.model
    view = panel.section_view.tuning
    view.params = FineTuneParameters(steps=10_000)
    with qtbot.waitSignal(panel.runners["tune"].progressed):
        view.tune.click()
    assert not view.tune.isEnabled()
    panel.runners["tune"].cancel()
    assert view.tune.isEnabled()
    assert panel.workspace.model is before
    view.tune.click()
    other = Model(model_path)
    panel.workspace.use(other)
    assert not panel.runners["tune"].is_busy
    settle(panel)
    assert panel.workspace.model is other


def test_without_a_section_there_is_nothing_to_tune_on(empty_panel):
    assert not empty_panel.section_view.tuning.tune.isEnabled()
    assert empty_panel.section_view.tuning.back.isHidden()
    empty_panel.tuning.tune()
    assert not empty_panel.is_busy
