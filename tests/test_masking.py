import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import label

from napari_stimg.masking import MAX_BLOCK_SIDE, MIN_VISIBLE, draw_mask, hide_share

GRID = np.indices((23, 19)).reshape(2, -1).T
SEEDS = range(60)


def draw(seed: int, *, random_share: float, cells: NDArray[np.integer] = GRID) -> NDArray[np.bool_]:
    return draw_mask(cells, random_share=random_share, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("random_share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n_cells", [2, 3, 7, 8, 16, 40, 437])
def test_some_cells_are_hidden_and_enough_stay_visible(n_cells: int, random_share: float) -> None:
    for seed in SEEDS:
        hidden = draw(seed, random_share=random_share, cells=GRID[:n_cells])
        assert hidden.shape == (n_cells,)
        assert hidden.any()
        assert (~hidden).sum() >= min(MIN_VISIBLE, (n_cells + 1) // 2)


def test_scattered_cells_are_10_to_70_percent() -> None:
    shares = np.array([draw(seed, random_share=1.0).mean() for seed in range(300)])
    assert shares.min() > 0.1 - 0.06
    assert shares.max() < 0.7 + 0.09
    assert shares.mean() == pytest.approx(0.4, abs=4 * 0.18 / np.sqrt(300))


def test_blocks_are_one_to_three_squares() -> None:
    sizes = []
    for seed in SEEDS:
        hidden = draw(seed, random_share=0.0).reshape(23, 19)
        _, n_pieces = label(hidden)
        assert 1 <= n_pieces <= 3
        sizes.append(int(np.sqrt(hidden.sum())))
    assert len(set(sizes)) > 5


def test_a_lone_block_is_a_full_square_of_cells_no_larger_than_allowed() -> None:
    cells = np.indices((60, 60)).reshape(2, -1).T
    largest = 0
    for seed in range(200):
        hidden = draw(seed, random_share=0.0, cells=cells).reshape(60, 60)
        rows, cols = np.nonzero(hidden)
        height, width = np.ptp(rows) + 1, np.ptp(cols) + 1
        if height == width and 0 < rows.min() and rows.max() < 59 and hidden.sum() == height * width:
            largest = max(largest, height)
    assert 10 < largest <= MAX_BLOCK_SIDE


def test_the_share_of_scattered_masks_is_as_given() -> None:
    def scattered(hidden: NDArray[np.bool_]) -> bool:
        return label(hidden.reshape(23, 19))[1] > 3

    share = np.mean([scattered(draw(seed, random_share=0.3)) for seed in range(300)])
    assert share == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / 300))


def test_equal_seeds_hide_the_same_cells() -> None:
    np.testing.assert_array_equal(draw(1, random_share=0.5), draw(1, random_share=0.5))
    assert (draw(1, random_share=0.5) != draw(2, random_share=0.5)).any()


@pytest.mark.parametrize(("n_visible", "share", "n_more"), [(100, 0.25, 25), (3, 0.01, 1), (1, 0.5, 1)])
def test_a_share_of_the_visible_spots_is_hidden_too(n_visible: int, share: float, n_more: int) -> None:
    hidden = np.repeat([True, False], [7, n_visible])
    more = hide_share(hidden, share, rng=np.random.default_rng(0))
    assert more[:7].all()
    assert more.sum() == 7 + n_more
    assert hidden.sum() == 7
