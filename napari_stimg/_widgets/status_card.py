"""What the panel says of a section at a glance."""

from napari_stimg._widgets.session import Session
from napari_stimg.lattice import LatticeKind

LATTICE_NAMES = {
    LatticeKind.HEXAGONAL: "Hexagonal",
    LatticeKind.SQUARE: "Square",
    LatticeKind.CHECKERBOARD: "Checkerboard",
    LatticeKind.IRREGULAR: "Irregular (cells or beads)",
}


def status_card(session: Session) -> list[tuple[str, str]]:
    """Return (what, value) pairs: what it is, how its lattice was found, its size, what the model knows of it."""
    slide, lattice = session.slide, session.lattice
    pitch = "pitch unknown in µm" if lattice.pitch_um is None else f"pitch {lattice.pitch_um:,.4g} µm"
    facts = [
        ("Section", f"<b>{slide.name}</b>"),
        ("Lattice", f"{LATTICE_NAMES[lattice.kind]}, {pitch}"),
        ("Found by", lattice.found_by),
        ("Raster", f"{lattice.shape[0]} x {lattice.shape[1]} cells"),
        ("Spots", f"{slide.n_spots:,}"),
        ("Genes", f"{slide.n_genes:,}"),
        ("Values", "logged; counts are relative" if slide.logged else f"counts, from {slide.counts_from}"),
        ("Model knows", _known(session)),
        ("H&amp;E", "yes" if slide.histology is not None else "none"),
    ]
    if lattice.shared_share > 0:
        facts.insert(4, ("Shared cells", f"{100 * lattice.shared_share:.1f} % of spots share their cell"))
    return facts


def _known(session: Session) -> str:
    if session.match is None:
        return "…"
    n_known, n_genes = len(session.match.columns), session.slide.n_genes
    return f"{n_known:,} of {n_genes:,} genes ({100 * n_known / n_genes:.0f} %)"
