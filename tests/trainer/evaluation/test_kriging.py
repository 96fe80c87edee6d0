import numpy as np

from trainer.evaluation.kriging import MOST_VISIBLE, _neighbourhoods


def test_large_sections_are_kriged_in_parts_from_the_nearest_spots() -> None:
    visible = np.indices((90, 90)).reshape(2, -1).T + 0.5
    hidden = np.array([[5.0, 5.0], [80.0, 80.0], [6.0, 6.0]])
    parts = list(_neighbourhoods(hidden, visible))
    assert sorted(tuple(asked) for asked, _ in parts) == [(0, 2), (1,)]
    for asked, known in parts:
        assert known.size == MOST_VISIBLE
        near = np.linalg.norm(visible - hidden[asked].mean(axis=0), axis=1)
        assert near[known].max() <= np.delete(near, known).min()
