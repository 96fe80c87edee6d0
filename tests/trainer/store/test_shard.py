"""A section as bytes and back."""

import io
import zipfile

import numpy as np
import pytest
import scipy.sparse as sp

from napari_stimg.errors import InputError
from napari_stimg.lattice import LatticeKind, find_lattice
from napari_stimg.slide import Slide
from tests.corpus_slides import KINDS, corpus_slide
from trainer.store.shard import Shard, decode, encode, from_planes, to_planes, with_ids


def shard_of(slide: Slide, **options: str) -> bytes:
    """Return a slide's shard, gene i of its file having the id i."""
    return with_ids(encode(slide, **options), np.arange(slide.n_genes, dtype=np.int32))


def in_file_order(shard: Shard) -> np.ndarray:
    """Return the (S, G) counts dense, genes in the order of the file."""
    return shard.counts.toarray()[:, np.argsort(shard.ids)]


@pytest.mark.parametrize(("largest", "n_planes"), [(0, 1), (255, 1), (256, 2), (65_535, 2), (65_536, 4), (2**32, 8)])
def test_planes_hold_numbers_in_as_few_bytes_as_they_need(largest: int, n_planes: int) -> None:
    numbers = np.array([0, largest, 1, largest // 3], dtype=np.uint64)
    planes = to_planes(numbers)
    assert (planes.shape, planes.dtype) == ((n_planes, 4), np.uint8)
    np.testing.assert_array_equal(from_planes(planes), numbers)


def test_no_numbers_are_one_plane_of_none() -> None:
    assert to_planes(np.array([], dtype=np.uint32)).shape == (1, 0)
    assert from_planes(np.zeros((1, 0), dtype=np.uint8)).size == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("largest", [2, 300, 70_000])
def test_counts_come_back_in_the_order_of_their_cells(kind: LatticeKind, largest: int) -> None:
    slide = corpus_slide(kind=kind, largest=largest)
    lattice = find_lattice(slide)
    shard = decode(shard_of(slide))
    order = np.argsort(lattice.token_of_spot, kind="stable")
    np.testing.assert_array_equal(in_file_order(shard), slide.counts.toarray()[order])
    np.testing.assert_array_equal(shard.cells, lattice.cell_of_spot[order])
    np.testing.assert_array_equal(shard.positions.astype(np.float32), lattice.positions[order])


def test_columns_descend_by_the_spots_they_were_counted_in() -> None:
    slide = corpus_slide(genes=tuple(f"G{i}" for i in range(400)))
    shard = decode(shard_of(slide))
    detected = np.bincount(shard.counts.indices, minlength=400)
    assert (np.diff(detected) <= 0).all()
    assert len(np.unique(detected)) > 5
    assert shard.counts.has_canonical_format


def test_gaps_of_more_than_a_byte_come_back() -> None:
    dense = np.zeros((6, 900))
    dense[:, 0] = 1
    dense[0] = np.arange(900) + 1
    dense[3, [0, 899]] = 7
    slide = corpus_slide(shape=(3, 3), genes=tuple(f"G{i}" for i in range(900)))
    slide = slide.select(np.arange(6))
    object.__setattr__(slide, "counts", sp.csr_matrix(dense, dtype=np.float32))
    order = np.argsort(find_lattice(slide).token_of_spot)
    np.testing.assert_array_equal(in_file_order(decode(shard_of(slide))), dense[order])


def test_stored_zeros_and_unsorted_entries_make_no_difference() -> None:
    slide = corpus_slide()
    odd = slide.counts.copy()
    odd.indices, odd.data = odd.indices.copy(), odd.data.copy()
    for start, stop in zip(odd.indptr[:-1], odd.indptr[1:], strict=True):
        odd.indices[start:stop], odd.data[start:stop] = odd.indices[start:stop][::-1], odd.data[start:stop][::-1]
    odd = sp.csr_matrix((odd.data, odd.indices, odd.indptr), shape=odd.shape)
    zeros = sp.csr_matrix(np.ones(slide.counts.shape, dtype=np.float32))
    zeros.data[:] = slide.counts.toarray().ravel()
    expected = shard_of(slide)
    for counts in (odd, zeros):
        object.__setattr__(slide, "counts", counts)
        assert shard_of(slide) == expected
    assert odd.indices[0] > odd.indices[1]  # what was given stays as it was


def test_labels_come_back_and_other_columns_do_not() -> None:
    slide = corpus_slide()
    order = np.argsort(find_lattice(slide).token_of_spot)
    labels = decode(shard_of(slide)).labels
    assert list(labels) == ["layer"]
    expected = slide.obs["layer"].astype(object).where(slide.obs["layer"].notna(), "").to_numpy()[order]
    assert "" in expected
    np.testing.assert_array_equal(labels["layer"], expected)


def test_a_shard_is_the_same_bytes_every_time_and_says_nothing_of_when() -> None:
    assert shard_of(corpus_slide()) == shard_of(corpus_slide())
    with zipfile.ZipFile(io.BytesIO(shard_of(corpus_slide()))) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_compression_changes_the_bytes_and_not_the_counts() -> None:
    slide = corpus_slide()
    lzma, deflate = shard_of(slide), shard_of(slide, compression="deflate")
    assert lzma != deflate
    assert (decode(lzma).counts != decode(deflate).counts).nnz == 0
    with zipfile.ZipFile(io.BytesIO(deflate)) as archive:
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_DEFLATED}


def test_logged_values_are_refused() -> None:
    slide = corpus_slide("run1", logged=True, counts_from="X")
    with pytest.raises(InputError, match=r"^run1: expected integer counts to train on, found only logged .*\(X\);"):
        encode(slide)


def test_a_slide_without_counts_is_refused() -> None:
    slide = corpus_slide("run1")
    object.__setattr__(slide, "counts", slide.counts * 0)
    with pytest.raises(InputError, match=r"^run1: expected at least one count, found none;"):
        encode(slide)
