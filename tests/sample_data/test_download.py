"""Downloads, against a server on this machine."""

import hashlib
import re
import socket
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import pytest

from napari_stimg.errors import InputError
from napari_stimg.progress import Progress, run
from sample_data.catalogue import PUBLIC_SECTIONS, PublicSection
from sample_data.download import default_cache, fetch


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _fetch(published: Any, server: Any, cache: Path) -> Path:
    return run(fetch(published.section, cache=cache, base_url=server.url))


def test_a_section_is_downloaded_file_by_file(legacy_st: Any, server: Any, tmp_path: Path) -> None:
    server.offers |= legacy_st.offers
    steps: list[Progress] = []
    path = run(fetch(legacy_st.section, cache=tmp_path, base_url=server.url), steps.append)
    assert path == tmp_path / "q1" / "Q1.tsv.gz"
    assert path.read_bytes() == legacy_st.offers["/st/Q1.tsv.gz"]
    assert _files(tmp_path / "q1") == {"Q1.tsv.gz", "Q1_selection.tsv", "Q1_labeled_coordinates.tsv"}
    assert [(step.done, step.total) for step in steps] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert steps[0].message == "Downloading Q1.tsv.gz"


def test_what_is_in_the_cache_needs_no_network(legacy_st: Any, server: Any, tmp_path: Path) -> None:
    server.offers |= legacy_st.offers
    _fetch(legacy_st, server, tmp_path)
    server.offers.clear()
    server.asked.clear()
    assert _fetch(legacy_st, server, tmp_path).exists()
    assert server.asked == []


def test_a_damaged_file_in_the_cache_is_downloaded_again(legacy_st: Any, server: Any, tmp_path: Path) -> None:
    server.offers |= legacy_st.offers
    path = _fetch(legacy_st, server, tmp_path)
    path.write_bytes(b"damaged")
    assert _fetch(legacy_st, server, tmp_path).read_bytes() == legacy_st.offers["/st/Q1.tsv.gz"]
    assert server.asked[3:] == ["/st/Q1.tsv.gz"]


def test_a_wrong_checksum_is_told_and_nothing_of_the_file_is_kept(legacy_st: Any, server: Any, tmp_path: Path) -> None:
    server.offers |= legacy_st.offers | {"/st/Q1_selection.tsv": b"another file"}
    expected = legacy_st.section.files[1].sha256
    found = hashlib.sha256(b"another file").hexdigest()
    message = f"Q1_selection.tsv: expected the SHA-256 checksum {expected}, found {found}; nothing is kept of it: try"
    with pytest.raises(InputError, match=message):
        _fetch(legacy_st, server, tmp_path)
    assert _files(tmp_path) == {"q1/Q1.tsv.gz"}
    server.offers |= legacy_st.offers
    assert _fetch(legacy_st, server, tmp_path).exists()


def test_an_address_without_a_file_is_told(legacy_st: Any, server: Any, tmp_path: Path) -> None:
    message = (
        rf"^{server.url}/st/Q1\.tsv\.gz: expected the file, found the server's answer 404 .*Not Found; "
        r"try again later, or put the file at .*Q1\.tsv\.gz yourself\.$"
    )
    with pytest.raises(InputError, match=message):
        _fetch(legacy_st, server, tmp_path)
    assert _files(tmp_path) == set()


def test_a_download_that_breaks_off_is_told_and_can_be_tried_again(legacy_st: Any, server: Any, tmp_path: Path) -> None:
    server.offers |= legacy_st.offers
    server.breaks_off_at.add("/st/Q1.tsv.gz")
    with pytest.raises(InputError, match="found a connection that broke off half way; check the network"):
        _fetch(legacy_st, server, tmp_path)
    assert _files(tmp_path) == set()
    server.breaks_off_at.clear()
    assert _fetch(legacy_st, server, tmp_path).exists()


def test_no_server_is_told(legacy_st: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(
            InputError, match=r"expected a server that sends the file, found no connection to it; check"
        ):
            run(fetch(legacy_st.section, cache=tmp_path, base_url=nobody))
    assert _files(tmp_path) == set()


def test_a_server_that_stays_silent_is_told(legacy_st: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(InputError, match="expected a server that sends the file, found one that does not answer"):
            run(fetch(legacy_st.section, cache=tmp_path, base_url=url, timeout_s=0.05))
    assert _files(tmp_path) == set()


def test_an_address_that_is_none_is_told(legacy_st: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a server that sends the file, found .*[Ii]nvalid"):
        run(fetch(legacy_st.section, cache=tmp_path, base_url="http://"))


def test_a_cache_that_cannot_be_written_is_told(legacy_st: Any, server: Any, tmp_path: Path) -> None:
    server.offers |= legacy_st.offers
    (tmp_path / "q1").write_text("a file where the folder should be")
    with pytest.raises(InputError, match=r"q1/Q1\.tsv\.gz: expected a cache that can be written, found .*; make room"):
        _fetch(legacy_st, server, tmp_path)


def test_a_bar_is_drawn_when_asked_for(
    legacy_st: Any, server: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.offers |= legacy_st.offers
    run(fetch(legacy_st.section, cache=tmp_path, base_url=server.url, show_bar=True))
    assert "100%" in capsys.readouterr().err


def test_a_visium_section_is_laid_out_as_space_ranger_does(visium: Any, server: Any, tmp_path: Path) -> None:
    server.offers |= visium.offers
    folder = _fetch(visium, server, tmp_path)
    assert _files(folder) == {
        "filtered_feature_bc_matrix.h5",
        "layers.tsv",
        "spatial/scalefactors_json.json",
        "spatial/tissue_lowres_image.png",
        "spatial/tissue_positions_list.csv",
    }


def test_a_matrix_of_other_spots_is_told_and_removed(visium: Any, tenx_h5: Any, server: Any, tmp_path: Path) -> None:
    others = visium.truth.copy()
    n = others.n_obs
    others.obs_names = [f"other-{k}" for k in range(n)]
    server.offers |= visium.offers | {"/v/matrix.h5": tenx_h5(others)}
    message = (
        rf"^filtered_feature_bc_matrix\.h5: expected 29 genes in the {n} spots of tissue_positions_list\.csv, "
        rf"found 29 genes in {n} spots, of which 0 are the same; the download is removed: try again"
    )
    with pytest.raises(InputError, match=message):
        _fetch(visium, server, tmp_path)
    assert "visium_9/filtered_feature_bc_matrix.h5" not in _files(tmp_path)
    server.offers |= visium.offers
    assert _fetch(visium, server, tmp_path).is_dir()


def test_a_matrix_of_too_few_genes_is_told(visium: Any, tenx_h5: Any, server: Any, tmp_path: Path) -> None:
    server.offers |= visium.offers | {"/v/matrix.h5": tenx_h5(visium.truth[:, :20].copy())}
    with pytest.raises(InputError, match=r"expected 29 genes .*, found 20 genes"):
        _fetch(visium, server, tmp_path)


@pytest.mark.parametrize("body", [b"<html>Sign in to the network</html>", b""])
def test_a_matrix_that_is_not_hdf5_is_told_and_removed(body: bytes, visium: Any, server: Any, tmp_path: Path) -> None:
    server.offers |= visium.offers | {"/v/matrix.h5": body}
    with pytest.raises(InputError, match=r"expected 10x Genomics' matrix \(\.h5\), found"):
        _fetch(visium, server, tmp_path)
    assert "visium_9/filtered_feature_bc_matrix.h5" not in _files(tmp_path)


def test_an_hdf5_file_without_matrix_is_told_and_removed(visium: Any, server: Any, tmp_path: Path) -> None:
    memory = BytesIO()
    with h5py.File(memory, "w") as file:
        file["something"] = 1
    server.offers |= visium.offers | {"/v/matrix.h5": memory.getvalue()}
    with pytest.raises(InputError, match=r"expected 10x Genomics' matrix \(\.h5\), found"):
        _fetch(visium, server, tmp_path)
    assert "visium_9/filtered_feature_bc_matrix.h5" not in _files(tmp_path)


@pytest.mark.parametrize("section", PUBLIC_SECTIONS.values(), ids=PUBLIC_SECTIONS)
def test_every_public_file_is_pinned(section: PublicSection) -> None:
    for file in section.files:
        if file.sha256 is None:
            assert section.content is not None
            assert section.content.matrix == file.saved_as
        else:
            assert re.fullmatch("[0-9a-f]{64}", file.sha256)
            assert re.match(r"https://raw\.githubusercontent\.com/[^/]+/[^/]+/[0-9a-f]{40}/", file.address)


def test_the_pinned_checksums_are_those_of_the_real_files(formats_dir: Path) -> None:
    copies = {
        "B1.tsv.gz": "legacy_st/ST-cnts_B1.tsv.gz",
        "B1_selection.tsv": "legacy_st/ST-spotfiles_B1_selection.tsv",
        "B1_labeled_coordinates.tsv": "legacy_st/ST-pat_lbl_B1_labeled_coordinates.tsv",
        "spatial/tissue_positions_list.csv": "spaceranger_v1_151673/spatial/tissue_positions_list.csv",
        "spatial/tissue_lowres_image.png": "spaceranger_v1_151673/spatial/tissue_lowres_image.png",
    }
    pinned = {file.saved_as: file.sha256 for section in PUBLIC_SECTIONS.values() for file in section.files}
    for saved_as, copy in copies.items():
        assert hashlib.sha256((formats_dir / copy).read_bytes()).hexdigest() == pinned[saved_as]


def test_downloads_are_kept_in_the_users_own_cache() -> None:
    assert default_cache().name == "napari-stimg"
    assert default_cache().is_absolute()
