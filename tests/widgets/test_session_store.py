"""What is kept of a section: written and read back, and what happens to files that cannot be used."""

import os
import shutil
import threading
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from napari_stimg._widgets import session_store
from napari_stimg._widgets.kept import Kept, Look, kept_of, nothing_kept, put_into
from napari_stimg._widgets.session import Channel, Display, Domains, open_file, open_session
from napari_stimg._widgets.session_store import KeptWriter, kept_folder, origin_of, read_kept, with_kept, write_kept
from napari_stimg.errors import InputError
from napari_stimg.io import read_slide
from napari_stimg.progress import run

KEPT_AT = datetime(2026, 3, 4, 15, 6)


@pytest.fixture
def file(section_path, tmp_path):
    return Path(shutil.copy(section_path, tmp_path / "own.h5ad"))


@pytest.fixture
def origin(file):
    return origin_of(read_slide(file))


@pytest.fixture
def kept(slide):
    rng = np.random.default_rng(0)
    return Kept(
        hidden=rng.random(slide.n_spots) < 0.3,
        scribbles=rng.integers(-1, 2, slide.n_spots),
        classes=("Tumour", "Stroma é"),
        class_colors=("#e69f00", "#56b4e9"),
        domains=Domains(
            labels=rng.integers(-1, 3, slide.n_spots),
            names=("a", "b", "c"),
            colors=("#000000", "#ffffff", "#123abc"),
            probabilities=rng.random((slide.n_spots, 3), dtype=np.float32),
            how={"found": "from scribbles", "checkpoint": "small"},
        ),
        display=Display(column=7, colormap="magma", clip_percent=2.5, channels=[Channel(column=3, color="#ff0000")]),
        stage="domains",
        looks={"gene": Look(limits=(0.5, 2.25), gamma=0.7, colormap="inferno")},
        unsaved=frozenset({"mask"}),
        kept_at=KEPT_AT,
    )


def test_what_is_kept_is_read_back_equal(origin, kept):
    write_kept(origin, kept)
    read = read_kept(origin)
    np.testing.assert_array_equal(read.hidden, kept.hidden)
    np.testing.assert_array_equal(read.scribbles, kept.scribbles)
    np.testing.assert_array_equal(read.domains.labels, kept.domains.labels)
    np.testing.assert_array_equal(read.domains.probabilities, kept.domains.probabilities)
    for name in ("names", "colors", "how"):
        assert getattr(read.domains, name) == getattr(kept.domains, name)
    for name in ("classes", "class_colors", "display", "stage", "looks", "unsaved", "kept_at"):
        assert getattr(read, name) == getattr(kept, name)


def test_a_section_opened_again_has_what_was_drawn_on_it(file, origin, kept):
    write_kept(origin, kept)
    session = run(with_kept(open_file(file)))
    np.testing.assert_array_equal(session.hidden, kept.hidden)
    np.testing.assert_array_equal(session.scribbles, kept.scribbles)
    assert (session.classes, session.display) == (list(kept.classes), kept.display)
    assert session.how["domains"]["checkpoint"] == "small"
    assert (session.unsaved, session.restored_at) == ({"mask"}, KEPT_AT)
    assert not session.mask_history.can_undo


def test_what_was_kept_can_be_undone_when_it_is_put_into_an_open_section(session, kept):
    put_into(session, kept)
    assert session.hidden.any()
    put_into(session, nothing_kept(session))
    assert not session.hidden.any()
    assert session.domains is None
    assert "domains" not in session.how
    session.undo_mask()
    np.testing.assert_array_equal(session.hidden, kept.hidden)


@pytest.mark.parametrize("change", ["hidden", "classes", "display", "stage", "looks"])
def test_each_part_makes_it_another(session, kept, change):
    put_into(session, kept)
    before = kept_of(session, stage=kept.stage, looks=kept.looks)
    stage, looks = kept.stage, kept.looks
    assert before.is_same_as(kept_of(session, stage=stage, looks=looks))
    if change == "hidden":
        session.hide(~session.hidden)
    elif change == "classes":
        session.classes[0] = "Other"
    elif change == "display":
        session.display.channels.append(Channel(column=1, color="#00ff00"))
    elif change == "stage":
        stage = "gene"
    else:
        looks = {}
    assert not before.is_same_as(kept_of(session, stage=stage, looks=looks))


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "no text", "other spots", "other colors"])
def test_a_damaged_file_is_set_aside_with_one_sentence(file, origin, kept, damage):
    if damage == "other spots":
        kept = replace(kept, hidden=kept.hidden[1:])
    if damage == "other colors":
        kept = replace(kept, class_colors=("#e69f00", "no colour"))
    path = write_kept(origin, kept)
    whole = path.read_bytes()
    if damage == "no text":
        np.savez(path, hidden=kept.hidden)
    elif damage in ("cut", "noise", "empty"):
        noise = whole[:200] + bytes(50) + whole[250:]
        path.write_bytes({"cut": whole[: len(whole) // 2], "noise": noise, "empty": b""}[damage])
    session = run(with_kept(open_file(file)))
    assert session.restored is None
    assert not session.hidden.any()
    assert session.restore_problem.startswith("What you drew on own could not be restored: it was set aside as ")
    assert path.with_suffix(".ignored.npz").exists()
    assert not path.exists()


@pytest.mark.parametrize("change", ["touched", "other names"])
def test_what_was_drawn_on_another_version_of_the_file_is_set_aside(file, origin, kept, change):
    if change == "touched":
        write_kept(origin, kept)
        os.utime(file, ns=(origin.modified_ns, origin.modified_ns + 1))
    else:
        write_kept(replace(origin, names_sha256="0"), kept)
    session = run(with_kept(open_file(file)))
    assert not session.hidden.any()
    assert "was not restored, for own.h5ad has changed since: it was set aside as" in session.restore_problem
    np.testing.assert_array_equal(np.load(next(kept_folder().glob("*.ignored.npz")))["hidden"], kept.hidden)


def test_nothing_is_kept_of_a_section_from_nowhere(slide):
    assert origin_of(replace(slide, source=None)) is None
    assert run(with_kept(open_session(replace(slide, source=None)))).origin is None


def test_sections_of_one_file_are_kept_apart(slide, kept):
    one, other = (origin_of(replace(slide, name=name)) for name in ("A", "B"))
    write_kept(one, kept)
    assert read_kept(one) is not None
    assert read_kept(other) is None


def test_a_failed_write_leaves_the_former_file_whole(origin, kept, monkeypatch):
    path = write_kept(origin, kept)

    def full(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(session_store.np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space left"):
        write_kept(origin, replace(kept, hidden=~kept.hidden))
    writer = KeptWriter()
    writer.offer(origin, kept)
    assert writer.write().endswith("(No space left on device).")
    np.testing.assert_array_equal(read_kept(origin).hidden, kept.hidden)
    assert list(path.parent.iterdir()) == [path]


def test_the_newest_state_is_written_last_by_whichever_thread(origin, kept):
    writer = KeptWriter()
    for number in range(20):
        writer.offer(origin, replace(kept, classes=(str(number), "other")))
        threads = [threading.Thread(target=writer.write) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert read_kept(origin).classes == (str(number), "other")
    assert not writer.has_work


def test_the_files_kept_longest_ago_go_first(origin, kept, monkeypatch):
    monkeypatch.setattr(session_store, "MAX_FILES", 3)
    origins = [replace(origin, section=str(number)) for number in range(5)]
    for number, one in enumerate(origins):
        os.utime(write_kept(one, kept), ns=(number, number))
    assert len(list(kept_folder().glob("*.npz"))) == 3
    assert [read_kept(one) is None for one in origins[:2]] == [True, True]
    assert read_kept(origins[4]) is not None


def test_the_folder_is_the_platforms_own_unless_one_is_named(monkeypatch, tmp_path):
    assert kept_folder() == tmp_path / "user" / "sections"
    monkeypatch.delenv("STIMG_USER_DATA")
    assert kept_folder().parts[-2:] == ("napari-stimg", "sections")


def test_a_file_of_another_section_is_not_taken(origin, kept):
    path = write_kept(origin, kept)
    path.rename(path.with_name(replace(origin, section="x").file_name))
    with pytest.raises(InputError, match="has changed since"):
        read_kept(replace(origin, section="x"))
