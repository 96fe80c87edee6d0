"""What the layers of a section show: genes, channels, the mask, what was reconstructed, domains."""

from collections import deque
from collections.abc import Iterator
from enum import StrEnum

import numpy as np
from napari.layers import Layer
from napari.utils.colormaps import Colormap
from numpy.typing import NDArray

from napari_stimg._widgets.camera import fit_view, zoom_to
from napari_stimg._widgets.drawings import Drawings
from napari_stimg._widgets.layers import CHANNELS, COMPARED, Role, SectionLayers
from napari_stimg._widgets.reconstruction_pictures import reconstruction_pictures
from napari_stimg._widgets.session import Session
from napari_stimg.planes import contrast_limits

LINKED = ("contrast_limits", "gamma", "colormap")


class Stage(StrEnum):
    """What one looks at."""

    GENE = "gene"
    CHANNELS = "channels"
    EMBEDDING = "embedding"
    SIMILARITY = "similarity"
    DOMAINS = "domains"
    CERTAINTY = "certainty"


class SectionPictures:
    """Draws a session into its layers.

    Parameters
    ----------
    layers : SectionLayers
        The layers of the session.

    Attributes
    ----------
    drawings : Drawings
        What the user draws on the section.
    stage : Stage
        What one looks at.
    """

    def __init__(self, layers: SectionLayers) -> None:
        self.layers = layers
        self.drawings = Drawings(layers)
        self.stage = Stage.GENE
        self._visible_before: dict[Layer, bool] | None = None
        self._put_away: set[Role] = set()

    @property
    def session(self) -> Session:
        """The section that is drawn."""
        return self.layers.session

    def put_away(self) -> None:
        """Take the section out of sight, and any tool out of the mouse's hand; remember what was to be seen of it."""
        self.compare(False)
        self.pan()
        self._put_away = {role for role, layer in self.layers.present().items() if layer.visible}
        self.layers.show_only(())

    def bring_back(self) -> None:
        """Bring the section into sight again, as it was when it was put away."""
        for role in self._put_away:
            self.layers.set_visible(role, True)
        self.show_histology()
        if Role.GENE not in self.layers:
            self.show_gene()
        self.layers.select(Role.GENE)
        fit_view(self.layers)

    def gene_label(self, column: int) -> str:
        """Return what a gene is called on the slide."""
        return str(self.session.slide.gene_names[column])

    def show_histology(self) -> None:
        """Show the stained picture below everything, where there is one."""
        histology = self.session.slide.histology
        if histology is not None:
            self.layers.rgb(
                Role.HISTOLOGY,
                histology.image,
                name=f"H&E · {self.session.slide.name}",
                px_per_place=histology.px_per_place,
            )

    def show_gene(self, *, colorbar: bool = True) -> None:
        """Show the gene that the session's display names, or the counts of each spot, as one layer.

        Parameters
        ----------
        colorbar : bool
            Whether a layer that is made anew gets its colour bar at once.
        """
        colorbar |= Role.GENE in self.layers
        display, slide = self.session.display, self.session.slide
        if display.column is None:
            values = np.log10(1.0 + self.session.planes.library_size)
            name = f"Counts (log10) · {slide.name}"
        else:
            values = self.session.planes.expression(display.column)
            name = f"{self.gene_label(display.column)} · {slide.name}"
        limits = contrast_limits(values, display.clip_percent)
        layer = self.layers.image(Role.GENE, values, name=name, limits=limits, colormap=display.colormap)
        if colorbar:
            layer.colorbar.visible = True
        if display.column is not None and Role.TRUTH in self.layers:
            self.show_reconstruction(display.column)

    def show_channels(self) -> None:
        """Show the display's channels as additive layers, and take away those that are no longer wanted."""
        channels = self.session.display.channels
        for role, channel in zip(CHANNELS, channels, strict=False):
            values = self.session.planes.expression(channel.column)
            layer = self.layers.image(
                role,
                values,
                name=f"{self.gene_label(channel.column)} (channel)",
                limits=contrast_limits(values, self.session.display.clip_percent),
                colormap=Colormap(["#000000", channel.color], name=channel.color),
                blending="additive",
            )
            layer.gamma = channel.gamma
        for role in CHANNELS[len(channels) :]:
            self.layers.remove(role)

    def bring_up(self, stage: Stage) -> None:
        """Look at the one gene, at the channels together, at the embedding or one spot's likes, or at the domains."""
        self.compare(False)
        self.stage = stage
        self._draw_again(stage)
        self.layers.set_visible(Role.GENE, stage is Stage.GENE)
        self.layers.set_visible(Role.EMBEDDING, stage is Stage.EMBEDDING)
        self.layers.set_visible(Role.SIMILARITY, stage is Stage.SIMILARITY)
        self.layers.set_visible(Role.DOMAINS, stage is Stage.DOMAINS)
        self.layers.set_visible(Role.CERTAINTY, stage is Stage.CERTAINTY)
        for role in CHANNELS:
            self.layers.set_visible(role, stage is Stage.CHANNELS)

    def _draw_again(self, stage: Stage) -> None:
        """Draw what the user has deleted from the layer list, where the session still holds it."""
        if stage is Stage.GENE and Role.GENE not in self.layers:
            self.show_gene()
        elif stage is Stage.DOMAINS and Role.DOMAINS not in self.layers:
            self.show_domains()
        elif stage is Stage.CERTAINTY and Role.CERTAINTY not in self.layers:
            self.show_certainty()
        elif stage is Stage.CHANNELS and any(
            role not in self.layers for role in CHANNELS[: len(self.session.display.channels)]
        ):
            self.show_channels()

    def pan(self) -> None:
        """Let the mouse move the canvas, whatever it did before."""
        self.layers.set_visible(Role.OUTLINE, False)
        self.layers.set_visible(Role.CHOOSING, False)
        for layer in self.layers.present().values():
            layer.mode = "pan_zoom"

    def show_reconstruction(self, column: int) -> bool:
        """Show truth, reconstruction, difference and uncertainty of one gene as linked layers.

        Returns
        -------
        bool
            False if the gene was not reconstructed; then nothing changes.
        """
        return len(list(self.reconstruction_steps(column))) > 0

    def reconstruction_steps(self, column: int) -> Iterator[Role]:
        """Do so layer by layer: napari takes a moment for each one that is new."""
        for picture in reconstruction_pictures(self.session, column):
            layer = self.layers.image(
                picture.role,
                picture.values,
                name=f"{picture.title}: {self.gene_label(column)}",
                limits=picture.limits,
                colormap=picture.colormap,
                visible=False,
            )
            yield picture.role
            layer.colorbar.position = "bottom_left"  # side by side, it would lie over the name of a narrow picture
            layer.colorbar.visible = True
            yield picture.role
            layer.name_overlay.visible = True
            yield picture.role
        self.layers.link((Role.SEEN, Role.TRUTH, Role.RECONSTRUCTION), LINKED)

    @property
    def is_comparing(self) -> bool:
        """Whether the pictures are side by side."""
        return self._visible_before is not None

    def compare(self, wanted: bool) -> None:
        """Put what the model saw, the truth, the reconstruction and the difference side by side, or go back."""
        if wanted:
            deque(self.comparison_steps(), maxlen=0)
        elif self.is_comparing:
            before, self._visible_before = self._visible_before or {}, None
            # First, since napari arranges the whole grid anew at each layer that appears in it or leaves it.
            self.layers.viewer.canvas.grid.enabled = False
            self.layers.see({layer: before.get(layer, False) for layer in self.layers.viewer.layers})
            fit_view(self.layers)

    def comparison_steps(self) -> Iterator[None]:
        """Put them side by side picture by picture: the window is slow to draw each one that is new to it."""
        if self.is_comparing:
            return
        viewer = self.layers.viewer
        self.pan()
        before = self._visible_before = {layer: layer.visible for layer in viewer.layers}
        seen = [layer for role in COMPARED if (layer := self.layers.get(role)) is not None]
        for shown in seen:
            self.layers.see({layer: layer is shown for layer in viewer.layers})
            yield
            if self._visible_before is not before:
                return
        self.layers.see(dict.fromkeys(seen, True))
        viewer.canvas.grid.stride = 1
        viewer.canvas.grid.enabled = True
        yield
        if self._visible_before is before and self.session.reconstruction is not None:
            self.layers.activate(Role.TRUTH, "pan_zoom")
            zoom_to(self.layers, self.session.raster.centres[self.session.reconstruction.spots])

    def show_domains(self) -> None:
        """Show the domains over the section."""
        domains = self.session.domains
        if domains is None:
            self.layers.remove(Role.DOMAINS)
            return
        self.compare(False)  # before there is one more layer to arrange in the grid
        colors = {number: color for number, color in enumerate(domains.colors, start=1)}
        self.layers.labels(Role.DOMAINS, domains.labels + 1, name="Domains", colors=colors, opacity=1.0)

    def show_certainty(self) -> None:
        """Show the probability of each spot's domain, or take it away where there is none."""
        certainty = None if self.session.domains is None else self.session.domains.certainty
        if certainty is None:
            self.layers.remove(Role.CERTAINTY)
            return
        layer = self.layers.image(Role.CERTAINTY, certainty, name="Probability of the domain", limits=(0.0, 1.0))
        layer.colorbar.visible = True

    def show_embedding(self, colors: NDArray[np.uint8]) -> None:
        """Show the embedding as (S, 3) colours over the section."""
        self.compare(False)
        self.layers.colors(Role.EMBEDDING, colors, name="Embedding (3 components as RGB)")

    def show_similarity(self, values: NDArray[np.float32], spot: int) -> Layer:
        """Show how alike each spot (S,) is to one, and return the layer."""
        name = f"Like spot {self.session.slide.spot_names[spot]}"
        self.compare(False)
        layer = self.layers.image(Role.SIMILARITY, values, name=name, limits=(-1.0, 1.0), colormap="magma")
        layer.colorbar.visible = True
        return layer
