"""Makes the pictures of docs/tutorial.md with the real program, on the generated sample.

``xvfb-run -a -s "-screen 0 1600x1000x24" python -m docs.make_tutorial [FOLDER]``; without a folder they go to
docs/images/tutorial.
"""

import argparse
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image

from demo.driver import open_section, panel_in_a_window
from demo.pictures import patterned_gene, telling_region
from demo.stories import Picture, crop_and_go_on, look_hide_and_reconstruct, scribble_and_paint

FOLDER = Path(__file__).parent / "images" / "tutorial"
MAX_WIDTH_PX = 1280


def main() -> None:
    """Make every picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures():
        image = Image.fromarray(picture).convert("RGB")
        image.thumbnail((MAX_WIDTH_PX, MAX_WIDTH_PX), Image.Resampling.LANCZOS)
        image.save(folder / f"{name}.jpg", quality=85)
        print(f"picture: {folder / name}.jpg")


def pictures() -> Iterator[Picture]:
    """Return the pictures of the tutorial, in its order."""
    with panel_in_a_window() as (viewer, panel):
        session = open_section(panel, None)
        gene = patterned_gene(session)
        low, high = np.percentile(session.raster.centres, (25, 75), axis=0)
        yield from chain(
            look_hide_and_reconstruct(viewer, panel, gene=gene, region=telling_region(session, gene)),
            scribble_and_paint(viewer, panel, labels=session.slide.obs["layer"].astype(str)),
            crop_and_go_on(viewer, panel, region=np.array([low, high])),
        )


if __name__ == "__main__":
    main()
