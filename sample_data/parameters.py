"""What a simulated section is made of: every parameter with its meaning, unit and range."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_type_hints

import numpy as np

from napari_stimg.errors import InputError
from sample_data.programs import LAYERS, N_GENES

LatticeName = Literal["hexagonal", "square"]


@dataclass(frozen=True, kw_only=True)
class TissueParameters:
    """A layered section of simulated brain cortex. Lengths are in pitches, the distance of nearest spots.

    Parameters
    ----------
    lattice : {"hexagonal", "square"}
        Hexagonal as Visium: rows sqrt(3)/2 pitch apart, odd rows shifted by half a pitch, column indices in steps
        of 2. Square as legacy Spatial Transcriptomics.
    n_rows, n_cols : int, 8 to 256
        Rows of the array, and spots in a row; the tissue covers about three quarters of them.
    pitch_um : float, 0.5 to 1000
        Distance of nearest spots in microns (Visium 100, legacy arrays 200).
    edge_roughness : float, 0 to 0.3
        How far the two cut edges of the tissue waver, as a share of its half width.
    n_holes : int, 0 to 50
        Round tears in the tissue, at random places; they may overlap.
    hole_radius : float, 0.5 to 20
        Radius of each tear, in pitches.
    tilt_degrees : float, -180 to 180
        Angle by which the tissue is turned on the array; at 0 the layers lie along the rows, layer 1 on top.
    layer_shares : 7 floats >= 0, at least two of them above 0
        Relative number of spots in each of ``sample_data.programs.LAYERS``; 0 leaves a layer out.
    layer_curvature : float, 0 to 0.4
        How far the layers bend, as a share of the tissue's half height.
    boundary_width : float, 0 to 10
        Width over which one layer turns into the next (standard deviation), in pitches; 0 is sharp.
    n_genes : int, 20 to ``sample_data.programs.N_GENES``
        Genes in the panel, the layer markers first (the order of ``sample_data.programs.PROGRAMS``).
    marker_strength : float, 0 to 3
        Exponent on each program's fold over layers: 0 means no layers, 1 folds as in real cortex.
    abundance_sd : float, 0 to 1.5
        Spread of mean expression among the genes of a program: standard deviation of log10.
    gradient_strength : float, 0 to 2
        Spatial trends inside layers: standard deviation of the natural-log fold over the tissue.
    gradient_share : float, 0 to 1
        Share of genes that follow their program's trend.
    gradient_length : float, 4 to 500
        Shortest wavelength of the trends, in pitches.
    n_hot_spots : int, 0 to 100
        Places where a cell type gathers, at random, shared out among the programs that have hot spots.
    hot_spot_radius : float, 0.5 to 50
        Their size (standard deviation of a Gaussian), in pitches.
    hot_spot_strength : float, 0 to 5
        Natural-log fold of the cell type's genes in the middle of a hot spot.
    median_depth : float, 10 to 100000
        Median library size over spots, in counts of this panel before ``extra_dropout``.
    depth_sd : float, 0 to 2
        Standard deviation of the natural-log library size inside a layer.
    depth_smoothness : float, 0 to 1
        Share of that variance that varies smoothly over the tissue, as cell density does; the rest is spot by spot.
    depth_contrast : float, 0 to 2
        Exponent on each layer's relative depth (``sample_data.programs.DEPTH_OF_LAYER``): 0 means equal depth.
    dispersion : float, 0 to 10
        Overdispersion of the counts: variance = mean + dispersion * mean ** 2; 0 means Poisson.
    extra_dropout : float, 0 to 0.99
        Probability that a count is lost whole, whatever its size; zeros from low depth come on top.
    seed : int, 0 to 4294967295
        Equal seeds and parameters give equal sections. Each step draws from a stream of its own, so that a parameter
        changes only what it speaks of.

    Raises
    ------
    InputError
        If a value lies outside its range; the message names the parameter and the range.
    """

    lattice: LatticeName = "hexagonal"
    n_rows: Annotated[int, {"min": 8, "max": 256}] = 60
    n_cols: Annotated[int, {"min": 8, "max": 256}] = 50
    pitch_um: Annotated[float, {"min": 0.5, "max": 1000.0}] = 100.0
    edge_roughness: Annotated[float, {"min": 0.0, "max": 0.3}] = 0.06
    n_holes: Annotated[int, {"min": 0, "max": 50}] = 3
    hole_radius: Annotated[float, {"min": 0.5, "max": 20.0}] = 1.6
    tilt_degrees: Annotated[float, {"min": -180.0, "max": 180.0}] = 12.0
    layer_shares: tuple[float, ...] = (0.08, 0.09, 0.25, 0.08, 0.18, 0.17, 0.15)
    layer_curvature: Annotated[float, {"min": 0.0, "max": 0.4}] = 0.15
    boundary_width: Annotated[float, {"min": 0.0, "max": 10.0}] = 0.7
    n_genes: Annotated[int, {"min": 20, "max": N_GENES}] = N_GENES
    marker_strength: Annotated[float, {"min": 0.0, "max": 3.0}] = 1.0
    abundance_sd: Annotated[float, {"min": 0.0, "max": 1.5}] = 0.4
    gradient_strength: Annotated[float, {"min": 0.0, "max": 2.0}] = 0.2
    gradient_share: Annotated[float, {"min": 0.0, "max": 1.0}] = 0.5
    gradient_length: Annotated[float, {"min": 4.0, "max": 500.0}] = 25.0
    n_hot_spots: Annotated[int, {"min": 0, "max": 100}] = 10
    hot_spot_radius: Annotated[float, {"min": 0.5, "max": 50.0}] = 1.5
    hot_spot_strength: Annotated[float, {"min": 0.0, "max": 5.0}] = 1.5
    median_depth: Annotated[float, {"min": 10.0, "max": 100_000.0}] = 800.0
    depth_sd: Annotated[float, {"min": 0.0, "max": 2.0}] = 0.48
    depth_smoothness: Annotated[float, {"min": 0.0, "max": 1.0}] = 0.4
    depth_contrast: Annotated[float, {"min": 0.0, "max": 2.0}] = 1.0
    dispersion: Annotated[float, {"min": 0.0, "max": 10.0}] = 0.03
    extra_dropout: Annotated[float, {"min": 0.0, "max": 0.99}] = 0.0
    seed: Annotated[int, {"min": 0, "max": 2**32 - 1}] = 0

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self), include_extras=True).items():
            if hasattr(hint, "__metadata__"):
                _check_range(name, getattr(self, name), kind=get_args(hint)[0], bounds=hint.__metadata__[0])
        if self.lattice not in get_args(LatticeName):
            raise InputError(
                f"simulated section: expected the lattice {' or '.join(get_args(LatticeName))}, "
                f"found {self.lattice!r}; choose one of them."
            )
        _check_layer_shares(self.layer_shares)


def _check_range(name: str, value: Any, *, kind: type, bounds: dict[str, float]) -> None:
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not is_number or not bounds["min"] <= value <= bounds["max"] or (kind is int and value != int(value)):
        raise InputError(
            f"simulated section: expected {name} to be {'a whole number' if kind is int else 'a number'} "
            f"from {bounds['min']:g} to {bounds['max']:.10g}, found {value!r}; give a value in that range."
        )


def _check_layer_shares(shares: tuple[float, ...]) -> None:
    fits = len(shares) == len(LAYERS) and np.isfinite(shares).all() and min(shares) >= 0
    if not fits or np.count_nonzero(shares) < 2:
        raise InputError(
            f"simulated section: expected layer_shares to be {len(LAYERS)} numbers >= 0 of which at least two are "
            f"above 0, found {shares!r}; give one for each of {', '.join(LAYERS)}."
        )
