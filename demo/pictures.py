"""Does the main job in a real napari window, on a generated section or on a file, and leaves pictures of it.

Run it by `make demo`, or as ``xvfb-run -a -s "-screen 0 1600x1000x24" python -m demo.pictures [FILE]``. It leaves,
beside this file, ``section.png`` (a gene and a region drawn to be hidden), ``reconstruction.png`` (what the model saw,
the truth, the reconstruction, the difference) and ``domains.png``, and prints the scores.
"""

import argparse
from pathlib import Path

import napari
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import cKDTree
from sklearn.metrics import adjusted_rand_score

from demo.driver import draw_window, go_to, open_section, panel_in_a_window, settle, wait
from napari_stimg._widgets.dock import StimgWidget
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.session import Session
from napari_stimg._widgets.tools_view import Tool

HERE = Path(__file__).parent
HIDDEN_SHARE = 0.25
"""Side of the rectangle that is hidden, as a share of the section's height and width."""


def main() -> None:
    """Open a section, hide, reconstruct, find domains; leave a picture of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", help="a section; generated layered tissue if none is given")
    options = parser.parse_args()
    with panel_in_a_window() as (viewer, panel):
        _demonstrate(viewer, panel, options.file)


def _demonstrate(viewer: napari.Viewer, panel: StimgWidget, file: Path | None) -> None:
    session = open_section(panel, file)
    print(f"{session.slide.name}: {session.slide.n_spots:,} spots x {session.slide.n_genes:,} genes")
    gene = patterned_gene(session)
    panel.genes_view.gene_requested.emit(gene)
    go_to(panel, "Reconstruct")
    panel.hide_view.tools.buttons[Tool.RECTANGLE].click()
    panel.workspace.pictures.layers.get(Role.OUTLINE).add_rectangles(telling_region(session, gene))
    wait(lambda: bool(session.hidden.any()), "the mask")
    _picture(viewer, "section.png")
    panel.hide_view.reconstruct.click()
    settle(panel, "the reconstruction", lambda: session.reconstruction is not None)
    _picture(viewer, "reconstruction.png")
    print(_plain(session.summary))
    print(_best_genes(session.scores))
    go_to(panel, "Domains")
    panel.domains_view.cluster_requested.emit()
    settle(panel, "the domains", lambda: session.domains is not None)
    _picture(viewer, "domains.png")
    print(f"domains: {', '.join(f'{n:,}' for n in session.domains.sizes)} spots")
    if "layer" in session.slide.obs:
        truth = session.slide.obs["layer"].astype(str)
        print(f"agreement with the layers in the file: ARI {adjusted_rand_score(truth, session.domains.labels):.2f}")


def patterned_gene(session: Session) -> int:
    """Return the column of the gene, among the 50 most variable, that differs most between neighbourhoods."""
    candidates = np.argsort(-session.planes.variance, kind="stable")[:50]
    return int(candidates[np.argmax([smoothed(session, int(column)).std() for column in candidates])])


def smoothed(session: Session, column: int) -> NDArray[np.float32]:
    """Return a gene's (S,) mean log expression over each spot and its nearest 18."""
    positions = session.lattice.positions
    _, near = cKDTree(positions).query(positions, k=min(19, len(positions)))
    return session.planes.expression(column)[near].mean(axis=1)


def telling_region(session: Session, column: int) -> NDArray[np.float64]:
    """Return the corners (2, 2) of a rectangle within the tissue, as places (row, col), where a gene changes most."""
    centres, pattern = session.raster.centres, smoothed(session, column)
    half = HIDDEN_SHARE / 2 * np.ptp(centres, axis=0)
    best, most = (centres.mean(axis=0), -1.0)
    held = [(np.abs(centres - centre) < half).all(axis=1) for centre in centres[:: max(1, len(centres) // 500)]]
    fullest = max(int(inside.sum()) for inside in held)
    for inside in held:
        if inside.sum() > 0.9 * fullest and pattern[inside].std() > most:
            box = centres[inside]
            best, most = (box.min(axis=0) + box.max(axis=0)) / 2, float(pattern[inside].std())
    return np.array([best - half, best + half])


def _picture(viewer: napari.Viewer, name: str) -> None:
    """Leave a picture of the whole window, once it has been drawn."""
    Image.fromarray(draw_window(viewer)).save(HERE / name)
    print(f"picture: {HERE / name}")


def _plain(summary: str) -> str:
    return summary.replace("<br>", " ")


def _best_genes(scores: pd.DataFrame) -> str:
    columns = ["pcc", "mse", "mse_slide_mean", "mse_neighbours"]
    return scores[columns].sort_values("pcc", ascending=False).head(8).round(3).to_string()


if __name__ == "__main__":
    main()
