"""The menu of the sections that were opened last."""

from napari_stimg._widgets.recent import MAX_RECENT, recent_paths, remember
from napari_stimg._widgets.session_store import user_folder


def menu(panel):
    """Return the entries of the menu as it opens."""
    panel.section_view.recent.fill()
    return panel.section_view.recent.menu().actions()


def test_the_newest_come_first_each_once_and_no_more_than_ten(tmp_path):
    paths = [tmp_path / f"{number}.h5ad" for number in range(MAX_RECENT + 2)]
    for path in [*paths, paths[5]]:
        path.touch()
        remember(path)
    assert recent_paths() == [paths[5], *(path for path in reversed(paths[2:]) if path != paths[5])]


def test_what_is_gone_is_not_offered_and_is_again_when_it_is_back(tmp_path):
    path = tmp_path / "one.h5ad"
    remember(path)
    assert recent_paths() == []
    path.touch()
    assert recent_paths() == [path]


def test_a_damaged_list_is_an_empty_one_and_can_be_added_to(tmp_path):
    user_folder().mkdir()
    for text in ("[", '{"a": 1}', "[1, null]", "3"):
        (user_folder() / "recent.json").write_text(text)
        assert recent_paths() == []
    remember(tmp_path)
    assert recent_paths() == [tmp_path]


def test_a_folder_that_cannot_be_written_disturbs_nobody(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("STIMG_USER_DATA", str(tmp_path / "file" / "below"))
    remember(tmp_path)
    assert recent_paths() == []


def test_the_menu_opens_what_was_opened_before(empty_panel, section_path, settle):
    assert [action.isEnabled() for action in menu(empty_panel)] == [False]
    empty_panel.sections.open_path(section_path)
    settle(empty_panel)
    empty_panel.workspace.close(0)
    (action,) = menu(empty_panel)
    assert (action.text(), action.toolTip()) == ("small.h5ad", str(section_path.parent))
    action.trigger()
    settle(empty_panel)
    assert empty_panel.workspace.session.slide.source == section_path


def test_the_sample_is_not_remembered(empty_panel, settle):
    empty_panel.sections.open_sample()
    settle(empty_panel)
    assert recent_paths() == []
