"""What the Export menu writes, off the GUI thread; like ``tasks``, this knows neither Qt nor napari."""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_stimg._widgets.session import Session
from napari_stimg.progress import Progress

HIDDEN_COLOR = "#ff0000"
CROP_COLOR = "#ffc800"


class Outlined(NamedTuple):
    """A region to outline: what it is called, its colour (``#rrggbb``), and its (S,) spots."""

    name: str
    color: str
    spots: NDArray[np.bool_]


def offered(session: Session) -> set[str]:
    """Return which of `EXPORTS` this section has something for."""
    has = {
        "spots": True,
        "figure": True,
        "scores": session.scores is not None and session.reconstruction_is_current,
        "hidden": bool(session.hidden.any()),
        "domains": session.domains is not None,
        "crops": bool(session.crops),
    }
    return {what for what, there in has.items() if there}


def export(session: Session, what: str, target: Path) -> Generator[Progress, None, None]:
    """Return what writes one of `EXPORTS` that is `offered`, other than the figure, which is of the canvas.

    It writes what there is now, whatever changes while it does.

    Raises
    ------
    InputError
        As it writes: if the file cannot be written.
    """
    if what == "spots":
        return _write_spots(session, target)
    if what == "scores" and session.scores is not None:
        return _write_scores(session.scores, target)
    return _write_outlines(session, _outlined(session, what), target)


def _outlined(session: Session, what: str) -> list[Outlined]:
    domains = session.domains
    if what == "domains" and domains is not None:
        named = zip(domains.names, domains.colors, strict=True)
        return [Outlined(name, color, domains.labels == number) for number, (name, color) in enumerate(named)]
    if what == "crops":
        inside = session.raster.spots_in_polygon
        return [Outlined(crop.name, CROP_COLOR, inside(crop.corners)) for crop in session.crops]
    return [Outlined("hidden", HIDDEN_COLOR, session.hidden)]


def _write_spots(session: Session, target: Path) -> Generator[Progress, None, None]:
    """Write one row a spot."""
    results = session.results()

    def steps() -> Generator[Progress, None, None]:
        from napari_stimg.io.tables import spot_table, write_table

        yield Progress(done=0, total=2, message=f"Making a table of {session.slide.n_spots:,} spots")
        table = spot_table(session.slide, session.lattice, results)
        yield Progress(done=1, total=2, message=f"Writing {target.name}")
        write_table(table, target)

    return steps()


def _write_scores(scores: pd.DataFrame, target: Path) -> Generator[Progress, None, None]:
    """Write one row a gene."""
    from napari_stimg.io.tables import write_table

    yield Progress(done=0, total=0, message=f"Writing {target.name}")
    write_table(scores, target)


def _write_outlines(session: Session, outlined: Sequence[Outlined], target: Path) -> Generator[Progress, None, None]:
    """Write the outlines of regions."""
    from napari_stimg.io.geojson import Region, write_regions
    from napari_stimg.outlines import spot_cells

    total = len(outlined) + 2
    yield Progress(done=0, total=total, message="Finding the cell of each spot")
    cells, regions = spot_cells(session.slide, session.lattice), []
    for done, (name, color, spots) in enumerate(outlined, start=1):
        yield Progress(done=done, total=total, message=f"Outlining {name}")
        regions.append(Region(name=name, color=color, polygons=cells.outlines(spots)))
    yield Progress(done=total - 1, total=total, message=f"Writing {target.name}")
    write_regions(regions, target)
