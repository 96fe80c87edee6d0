"""A corpus of millions of spots against one of 20,000: crops a second, and memory (Linux, which tells of it).

Not part of ``make bench``, since it takes minutes and 2 GB of disk: ``python -m benchmarks.scale FOLDER``.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.row import machine
from benchmarks.synthetic import synthetic_slide
from napari_stimg.slide import Slide
from trainer.store import open_corpus, pack_slides

SIDE, GENES = 100, 2000
"""Every section has 100 x 100 spots and 2,000 genes."""

RUN_AND_MEASURE = """
import sys
from trainer.cli import main
code = main(sys.argv[1:])
status = dict(line.split(":") for line in open("/proc/self/status"))
print("KB", status["RssAnon"].split()[0], status["RssFile"].split()[0])
sys.exit(code)
"""


def sections(n_sections: int) -> Iterator[Slide]:
    """Yield so many sections of 10,000 spots."""
    for number in range(n_sections):
        yield synthetic_slide(f"s{number:05}", n_rows=SIDE, n_cols=SIDE, n_genes=GENES, seed=number)


def pack(folder: Path, n_sections: int) -> None:
    """Pack a corpus, going on where that stopped, and say how fast and how large it is."""
    started_at = perf_counter()
    pack_slides(sections(n_sections), folder, compression="deflate")
    took_s = perf_counter() - started_at
    corpus = open_corpus(folder)
    spots = sum(entry.spots for entry in corpus.entries)
    size = sum(entry.bytes for entry in corpus.entries)
    print(f"{folder.name}: {spots:,} spots, {size / 1e6:,.0f} MB ({size / spots:.0f} bytes a spot), {took_s:.0f} s")


def fit(corpus: Path, folder: Path, steps: int) -> None:
    """Train on a corpus, and say crops a second and memory."""
    arguments = ["fit", "small", f"data.corpus={corpus}", f"run.folder={folder}", "run.accelerator=cpu"]
    arguments += [f"optimiser.steps={steps}", "loadings.max_cells=20000", "run.save_every=100000"]
    started_at = perf_counter()
    shown = subprocess.run(
        [sys.executable, "-c", RUN_AND_MEASURE, *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    ).stdout
    took_s = perf_counter() - started_at
    own_mb, mapped_mb = (int(text) / 1024 for text in shown.split("KB")[1].split())
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    speeds = [entry["crops_per_s"] for entry in log if "loss" in entry]
    waits = [entry["loader_share"] for entry in log if "loss" in entry]
    print(
        f"{corpus.name}: {steps} steps, {np.median(speeds):.1f} crops/s, {100 * np.median(waits):.1f} % of the time "
        f"waiting for batches, loss {log[-1]['loss']:.4f} (means {log[-1]['mean_loss']:.4f}), {own_mb:,.0f} MB of "
        f"memory of its own in the end, {mapped_mb:,.0f} MB mapped from disk, {took_s:.0f} s in all"
    )


def main() -> None:
    """Pack both corpora and train on both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sections", type=int, default=200, help="of 10,000 spots each (200)")
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    print(machine())
    for n_sections in (2, options.sections):
        name = f"corpus-{n_sections}"
        pack(options.folder / name, n_sections)
        fit(options.folder / name, options.folder / f"run-{n_sections}", options.steps)


if __name__ == "__main__":
    main()
