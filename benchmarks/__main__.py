"""All ratios that take minutes, as one Markdown table: ``make bench``."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks import crops, processes, steps
from benchmarks.row import Row, machine
from benchmarks.synthetic import synthetic_slide
from napari_stimg.io import read_slide
from trainer.store import pack_slides


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("slides", metavar="SLIDES", type=Path, nargs="*", help="sections; by default generated ones")
    options = parser.parse_args()
    torch.set_num_threads(1)
    slides = [read_slide(path) for path in options.slides] or [
        synthetic_slide(f"section{seed}", n_rows=60, n_cols=60, n_genes=8000, molecules=3000, seed=seed)
        for seed in range(2)
    ]
    rows: list[Row] = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        for slide in slides[:2]:
            rows += crops.measure(slide, folder)
        pack_slides(slides, folder / "corpus")
        rows += steps.measure(steps.small_config(folder / "corpus", folder / "run"))
        rows += processes.measure(folder / "corpus", folder)
    print(machine(), "\n")
    print("| what | ours | against | theirs | ratio | goal |\n|---|--:|---|--:|--:|---|")
    for row in rows:
        print(f"| {row.what} | {row.ours:.4g} | {row.against} | {row.other:.4g} | {row.ratio:.3f} | {row.goal} |")


if __name__ == "__main__":
    main()
