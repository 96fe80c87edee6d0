"""How long the panel holds up napari's window, and how much memory it takes: ``python -m benchmarks.viewer FILE...``.

Needs a display (or ``xvfb-run -a -s "-screen 0 1600x1000x24"``). Each file is measured in a process of its own;
``--large FILE`` writes a generated section of the size of Visium HD there first, unless it is there already.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

import napari
import numpy as np
from anndata import read_h5ad
from napari.layers import Labels

from benchmarks.heartbeat import Gaps, measure
from benchmarks.peak_memory import peak_mb
from benchmarks.row import machine
from benchmarks.synthetic import large_slide
from napari_stimg._reader import world_per_place
from napari_stimg._widgets.dock import StimgWidget
from napari_stimg._widgets.layers import Role
from napari_stimg._widgets.session import Session
from napari_stimg._widgets.tools_view import Tool
from napari_stimg.checkpoint import load_checkpoint
from napari_stimg.checkpoint_file import bundled_path
from napari_stimg.io.anndata_file import anndata_from_slide

WINDOW_PX = (1600, 1000)
SIDE, GENES, MOLECULES = 837, 18_000, 150
"""Of the generated section: 700,569 bins of about 145 non-zero genes."""

ACTIONS = ("gene", "pan", "zoom", "mask strokes", "reconstruct", "domains", "scribbles, live")
N_GENES, N_MOVES, N_STROKES, POINTS_OF_STROKE = 12, 60, 8, 8


class Bench:
    """A window with the panel, and what a user does in it.

    Parameters
    ----------
    path : Path
        The section.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.viewer = napari.Viewer(show=True)
        self.viewer.window._qt_window.resize(*WINDOW_PX)
        self.panel = StimgWidget(self.viewer)
        self.viewer.window.add_dock_widget(self.panel, name="Spatial transcriptomics (stimg)", area="right")
        measure(iter(()), lambda: True)

    @property
    def session(self) -> Session:
        """The section that is open."""
        session = self.panel.workspace.session
        if session is None:
            raise ValueError(f"expected {self.path.name} to be open, found nothing; see what the window says.")
        return session

    def open(self) -> Gaps:
        """Open the section."""
        return measure(
            self._open(),
            lambda: self.panel.workspace.session is not None and not self.panel.is_busy,
        )

    def do(self, action: str) -> Gaps:
        """Do one of ``ACTIONS``."""
        steps: dict[str, Callable[[], Iterator[object]]] = {
            "gene": self._genes,
            "pan": self._pan,
            "zoom": self._zoom,
            "mask strokes": self._hide,
            "reconstruct": self._reconstruct,
            "domains": self._find_domains,
            "scribbles, live": self._scribble,
        }
        return measure(steps[action](), lambda: not self.panel.is_busy)

    def _open(self) -> Iterator[None]:
        self.panel.sections.open_path(self.path)
        yield

    def _genes(self) -> Iterator[object]:
        for column in np.argsort(-self.session.planes.variance, kind="stable")[:N_GENES]:
            self.panel.genes.show_gene(int(column))
            yield from _pause()

    def _pan(self) -> Iterator[object]:
        camera = self.viewer.scene.camera
        row, col = camera.center[-2:]
        reach = np.ptp(self.session.raster.centres, axis=0).max() / 5 * world_per_place(self.session.lattice)
        for turn in np.linspace(0, 2 * np.pi, N_MOVES):
            camera.center = (0.0, row + reach * np.sin(turn), col + reach * (np.cos(turn) - 1))
            yield None

    def _zoom(self) -> Iterator[object]:
        camera = self.viewer.scene.camera
        start = camera.zoom
        for turn in np.linspace(0, 2 * np.pi, N_MOVES):
            camera.zoom = start * 4 ** np.sin(turn)
            yield None
        camera.zoom = start

    def _hide(self) -> Iterator[object]:
        self.panel.masking.use(Tool.BRUSH)
        yield None
        yield from self._strokes(Role.HIDDEN, lambda _: 1)

    def _reconstruct(self) -> Iterator[object]:
        self.panel.reconstruction.reconstruct()
        yield None

    def _find_domains(self) -> Iterator[object]:
        self.panel.domains.find()
        yield None

    def _scribble(self) -> Iterator[object]:
        self.panel.domains_view.set_live(True)
        self.panel.scribbles.add_class()
        self.panel.scribbles.add_class()
        yield None
        yield from self._strokes(Role.SCRIBBLES, lambda number: 1 + number % 2)

    def _strokes(self, role: Role, label_of: Callable[[int], int]) -> Iterator[object]:
        """Draw strokes from the middle outwards, each a point a beat, as napari's own brush does."""
        layer = self.panel.workspace.pictures.layers.get(role)  # type: ignore[union-attr]
        for number in range(N_STROKES):
            yield from _stroke(layer, 2 * np.pi * number / N_STROKES, label_of(number))
            yield from _pause()


def _stroke(layer: Labels, angle: float, label: int) -> Iterator[object]:
    middle = np.array(layer.data.shape) / 2
    with layer.block_history():
        for reach in np.linspace(0.1, 0.3, POINTS_OF_STROKE):
            point = middle + reach * middle * np.array([np.sin(angle), np.cos(angle)])
            yield layer.paint(tuple(point), label)


def _pause() -> Iterator[None]:
    """Wait as long as a quick user does between two actions."""
    for _ in range(30):
        yield None


def reading_s(path: Path) -> tuple[float, float]:
    """Return the seconds that the file's bytes take to be read, and anndata to read it; it is in the cache."""
    path.read_bytes()
    started_at = perf_counter()
    path.read_bytes()
    bytes_s = perf_counter() - started_at
    started_at = perf_counter()
    read_h5ad(path)
    return bytes_s, perf_counter() - started_at


def measure_file(path: Path, actions: list[str]) -> None:
    """Print the rows of one section."""
    bench = Bench(path)
    empty_mb = peak_mb()
    opened = bench.open()
    counts = bench.session.slide.counts
    counts_mb = (counts.data.nbytes + counts.indices.nbytes + counts.indptr.nbytes) / 2**20
    _print(path.stem, "open", opened)
    shown = {"spots": counts.shape[0], "genes": counts.shape[1], "elapsed_s": opened.elapsed_s, "counts_mb": counts_mb}
    print("OPENED", json.dumps({**shown, "peak_mb": peak_mb() - empty_mb}), flush=True)
    for action in actions:
        _print(path.stem, action, bench.do(action))
    print("WORKED", json.dumps({"peak_mb": peak_mb() - empty_mb}), flush=True)
    os._exit(0)  # threads of cancelled tasks may still be on their way out


def _print(name: str, action: str, gaps: Gaps) -> None:
    figures = f"{gaps.median_ms:.1f} | {gaps.worst_ms:.0f} | {gaps.elapsed_s:.2f} | {gaps.cpu_s:.2f}"
    print(f"| {name} | {action} | {figures} |", flush=True)


def write_large(path: Path) -> None:
    """Write the generated section, with genes that the bundled model knows."""
    genes = load_checkpoint(bundled_path()).vocabulary.symbols[:GENES]
    slide = large_slide(path.stem, side=SIDE, gene_names=np.array(genes), molecules=MOLECULES)
    anndata_from_slide(slide).write_h5ad(path, compression="gzip", compression_opts=1)


def main() -> None:
    """Measure each file, and print how that compares with reading it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.viewer", description=__doc__)
    parser.add_argument("files", metavar="FILE", type=Path, nargs="*")
    parser.add_argument("--large", metavar="FILE", type=Path, help="a generated section of 700,569 bins")
    parser.add_argument("--actions", nargs="*", choices=ACTIONS, default=list(ACTIONS), help="after opening; all")
    parser.add_argument("--here", action="store_true", help="measure the one file in this process")
    options = parser.parse_args()
    if options.here:
        measure_file(options.files[0], options.actions)
    if options.large is not None and not options.large.exists():
        write_large(options.large)
    print(machine(), "\n")
    print("| section | action | median gap (ms) | worst gap (ms) | elapsed (s) | CPU (s) |\n|---|---|--:|--:|--:|--:|")
    files = [*options.files, *([] if options.large is None else [options.large])]
    for said in [_measured_apart(path, options.actions) for path in files]:
        print(said)


def _measured_apart(path: Path, actions: list[str]) -> str:
    """Print one section's rows from a process of its own, and return what else there is to say."""
    command = [sys.executable, "-m", "benchmarks.viewer", str(path), "--here", "--actions", *actions]
    said: dict[str, dict[str, float]] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        for line in process.stdout or ():
            if line.startswith("|"):
                print(line, end="", flush=True)
            elif line.startswith(("OPENED", "WORKED")):
                said[line[:6]] = json.loads(line[6:])
    if "OPENED" not in said:
        return f"\n{path.stem}: it did not open."
    opened, counts_mb = said["OPENED"], said["OPENED"]["counts_mb"]
    bytes_s, anndata_s = reading_s(path)
    worked = "a crash" if "WORKED" not in said else f"{said['WORKED']['peak_mb'] / counts_mb:.1f}"
    return (
        f"\n{path.stem}, {opened['spots']:,.0f} spots x {opened['genes']:,.0f} genes: shown in "
        f"{opened['elapsed_s']:.2f} s, {opened['elapsed_s'] / bytes_s:.1f} times what its bytes take to be read "
        f"({bytes_s:.3f} s) and {opened['elapsed_s'] / anndata_s:.1f} times what anndata takes ({anndata_s:.2f} s); "
        f"most memory above an empty window, in sparse counts ({counts_mb:,.0f} MB): "
        f"{opened['peak_mb'] / counts_mb:.1f} on opening, {worked} in the end (goals: 3 and 2)."
    )


if __name__ == "__main__":
    main()
