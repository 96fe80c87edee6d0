"""One gene's truth against its reconstruction, spot by spot, as a matplotlib drawing."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINT_AREA_PT2 = 12.0
POINT_COLOR = "#1f6feb"
LINE_COLOR = "#ff7f0e"

MARGIN = 0.04
"""What is left free around the points, as a share of their range."""


def draw_scatter(axes: "Axes", truth: NDArray[np.float32], expected: NDArray[np.float32], *, gene: str) -> None:
    """Draw reconstructed against measured log expression with the line on which both are equal; scores in the title.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    truth, expected : (N,) float32
        Measured and expected log expression of the hidden spots, N >= 1.
    gene : str
        What the gene is called.
    """
    from napari_stimg.scores import correlation

    pcc = float(correlation(truth[:, None], expected[:, None])[0])
    mse = float(np.square(truth.astype(np.float64) - expected).mean())
    low, high = min(truth.min(), expected.min()), max(truth.max(), expected.max())
    room = MARGIN * max(high - low, 1e-3)
    ends = (low - room, high + room)
    axes.scatter(truth, expected, s=POINT_AREA_PT2, color=POINT_COLOR, alpha=0.5, linewidths=0, rasterized=True)
    axes.plot(ends, ends, color=LINE_COLOR, linewidth=1.2, label="equal")
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    axes.set_aspect("equal")
    axes.set_xlabel("Truth (log expression)")
    axes.set_ylabel("Reconstruction (log expression)")
    score = "PCC undefined, one side is constant" if np.isnan(pcc) else f"PCC {pcc:.2f}"
    axes.set_title(f"{gene}: {truth.size:,} hidden spots, {score}, MSE {mse:.3f}", fontsize="medium")
    axes.legend(loc="upper left", fontsize="small")
