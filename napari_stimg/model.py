"""The masked autoencoder: cells of a crop as tokens, hidden cells asked from visible ones, read out gene by gene.

Shape letters: B crops of a batch, L visible cells, Q queried cells, M genes shown, K genes asked, V genes of the
vocabulary, D width, H heads. In every ``present`` mask True = there is a cell, False = padding.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FAR = 1e4
"""Distance to padding, in pitches: finite, so that gradients are too."""


Positions = Literal["relative", "absolute"]
Binding = Literal["bound", "apart"]


@dataclass(frozen=True, kw_only=True)
class MAEConfig:
    """Sizes of the model.

    Parameters
    ----------
    n_genes : int
        V, genes of the vocabulary, >= 1.
    width : int
        D, length of a token; a multiple of ``n_heads``.
    n_heads : int
        Attention heads of every layer.
    n_encoder_layers, n_decoder_layers : int
        Transformer layers over visible cells, and of hidden cells asking them.
    mlp_ratio : int
        Hidden width of an MLP, in units of ``width``.
    scales : tuple of float
        First length scales, in pitches, of the averages that a query starts from.
    positions : {"relative", "absolute"}
        Whether cells know their distances from each other, or (for comparison) their places in the crop: then
        sines and cosines are added to tokens, and a query starts from these and a learned token alone.
    binding : {"bound", "apart"}
        Whether each value is bound to its gene, or (for comparison) genes and values are summed apart: then a token
        cannot tell which gene has which value.
    """

    n_genes: int
    width: int = 128
    n_heads: int = 4
    n_encoder_layers: int = 2
    n_decoder_layers: int = 2
    mlp_ratio: int = 2
    scales: tuple[float, ...] = (0.7, 1.5, 3.0, 6.0)
    positions: Positions = "relative"
    binding: Binding = "bound"


class MaskedAutoencoder(nn.Module):
    """Masked autoencoder over crops of any shape and any set of genes.

    It starts as a factor model: a token is the posterior mean of the factors given the genes shown, a query the
    average of its neighbours' tokens, and every transformer layer adds nothing. Training improves on that.

    With relative positions only distances between cells enter, never places, so results do not change when the tissue
    is shifted, turned or mirrored.
    """

    slopes: Tensor  # (H,) bias of attention for each pitch of distance

    def __init__(self, config: MAEConfig) -> None:
        super().__init__()
        self.config = config
        self.gene_in = nn.Embedding(config.n_genes, config.width)
        self.gene_out = nn.Embedding(config.n_genes, config.width)
        self.register_buffer("slopes", torch.logspace(1, -4, config.n_heads, base=2.0), persistent=False)
        self.encoder = nn.ModuleList(Layer(config) for _ in range(config.n_encoder_layers))
        self.query = QueryStart(config) if config.positions == "relative" else QueryPlace(config)
        self.decoder = nn.ModuleList(Layer(config) for _ in range(config.n_decoder_layers))

    def tokens(self, values: Tensor, genes: Tensor, precision: Tensor) -> Tensor:
        """Return (B, L, D) tokens: posterior mean of standard normal factors given the genes shown.

        With loadings E, values x and the genes' precisions P, that is ``(I + E' P E)^-1 E' P x`` (Bishop, Pattern
        Recognition and Machine Learning, equation 12.48, for one variance a gene): each value is bound
        to its gene's row of E, order does not matter, and more genes make a token surer, not larger.

        Parameters
        ----------
        values : (B, L, M) float
            Deviation of log expression from the section's mean of the gene.
        genes : (B, M) int
            Vocabulary ids.
        precision : (B, M) float
            1 / variance of each gene over the section; 0 for padding.
        """
        with torch.autocast(values.device.type, enabled=False):
            loadings = self._loadings(genes, precision)  # B, M, D
            weighted = loadings * precision.float()[..., None]  # B, M, D
            gram = loadings.transpose(1, 2) @ weighted  # B, D, D
            return _solve(gram, values.float() @ weighted)

    def tokens_of_table(self, weighted_sum: Tensor, genes: Tensor, precision: Tensor) -> Tensor:
        """Return (K, D) tokens of a whole section whose values were summed before, sparsely.

        Parameters
        ----------
        weighted_sum : (K, D) float
            ``values @ (precision * loadings)``, see ``weighted_loadings``.
        genes, precision : (G,)
            As in ``tokens``.
        """
        loadings = self._loadings(genes, precision)
        gram = loadings.T @ (loadings * precision[:, None])
        return _solve(gram, weighted_sum)

    def weighted_loadings(self, genes: Tensor, precision: Tensor) -> Tensor:
        """Return (G, D) ``precision * loadings``, with which values are summed into tokens."""
        return self._loadings(genes, precision) * precision[:, None]

    def encode(self, tokens: Tensor, positions: Tensor, present: Tensor) -> Tensor:
        """Return (B, L, D) latents of visible cells, each having looked at the others.

        Parameters
        ----------
        tokens : (B, L, D) float
            From ``tokens``.
        positions : (B, L, 2) float
            Where the cells lie, in pitches; only their distances are used.
        present : (B, L) bool
            True = a visible cell, False = padding.
        """
        distance = _distance(positions, positions, present)
        bias = self._bias(distance, tokens)
        latents = tokens
        if isinstance(self.query, QueryPlace):
            latents = tokens + self.query.place(_within(positions, positions, present)).to(tokens.dtype)
        for layer in self.encoder:
            latents = layer(latents, latents, bias)
        return latents

    def decode(self, latents: Tensor, positions: Tensor, present: Tensor, queries: Tensor) -> Tensor:
        """Return (B, Q, D) latents at queried places, hidden or visible, from the visible cells.

        Parameters
        ----------
        latents, positions, present
            Visible cells, as ``encode`` took and gave them.
        queries : (B, Q, 2) float
            Places asked for, in pitches.
        """
        distance = _distance(queries, positions, present)
        places = _within(queries, positions, present) if isinstance(self.query, QueryPlace) else distance
        states: Tensor = self.query(latents, places)
        bias = self._bias(distance, latents)
        for layer in self.decoder:
            states = layer(states, latents, bias)
        return states

    def read_out(self, states: Tensor, genes: Tensor) -> Tensor:
        """Return (B, Q, K) expected deviation from the section's mean, for (B, K) genes asked."""
        loadings = self.gene_out(genes).to(states.dtype)  # B, K, D
        deviation: Tensor = states @ loadings.transpose(1, 2)
        return deviation

    def _loadings(self, genes: Tensor, precision: Tensor) -> Tensor:
        """Return (..., M, D) loadings of the genes shown; all the same where genes and values are kept apart."""
        loadings: Tensor = self.gene_in(genes).float()
        if self.config.binding == "bound":
            return loadings
        shown = (precision > 0).float()[..., None]
        mean = (loadings * shown).sum(-2, keepdim=True) / shown.sum(-2, keepdim=True).clamp(min=1)
        return mean.expand_as(loadings)

    def _bias(self, distance: Tensor, like: Tensor) -> Tensor:
        """Return (B, H, Q, L) what attention loses with distance: a slope for each head (ALiBi, in two dimensions).

        With absolute positions only padding is lost.
        """
        if self.config.positions == "absolute":
            distance = torch.where(distance < FAR, 0.0, FAR)
        return (-self.slopes[:, None, None] * distance[:, None]).to(like.dtype)


class QueryStart(nn.Module):
    """What a queried place knows at first: averages of the tokens around it at several length scales."""

    def __init__(self, config: MAEConfig) -> None:
        super().__init__()
        n_scales = len(config.scales)
        self.log_scale = nn.Parameter(torch.tensor(config.scales).log())
        self.mix = nn.Linear(n_scales * config.width, config.width, bias=False)
        self.support = nn.Linear(n_scales, config.width)
        with torch.no_grad():
            self.mix.weight.copy_(torch.eye(config.width).repeat(1, n_scales) / n_scales)
        nn.init.zeros_(self.support.weight)
        nn.init.zeros_(self.support.bias)

    def forward(self, latents: Tensor, distance: Tensor) -> Tensor:
        """Return (B, Q, D) from (B, L, D) latents at (B, Q, L) distances."""
        scores = -distance[:, None] / self.log_scale.exp()[:, None, None]  # B, scales, Q, L
        averages = scores.softmax(-1).to(latents.dtype) @ latents[:, None]  # B, scales, Q, D
        support = scores.logsumexp(-1).clamp(min=-10).movedim(1, -1)  # B, Q, scales: how much tissue is near
        mixed: Tensor = self.mix(averages.movedim(1, 2).flatten(2)) + self.support(support.to(latents.dtype))
        return mixed


class QueryPlace(nn.Module):
    """What a queried place knows at first with absolute positions: a learned token, and its place in the crop."""

    def __init__(self, config: MAEConfig) -> None:
        super().__init__()
        self.width = config.width
        self.token = nn.Parameter(torch.zeros(config.width))

    def forward(self, latents: Tensor, places: Tensor) -> Tensor:
        """Return (B, Q, D) from (B, Q, 2) places; the (B, L, D) latents only tell the type."""
        return (self.token + self.place(places)).to(latents.dtype)

    def place(self, places: Tensor) -> Tensor:
        """Return (B, Q, D) sines and cosines of (row, col) in pitches, half each (Vaswani et al. 2017, section 3.5)."""
        n_waves = math.ceil(self.width / 4)
        waves = torch.logspace(0, -4, n_waves, base=10.0, device=places.device)  # radians in a pitch: 1 to 1e-4
        angles = places[..., None] * waves  # B, Q, 2, waves
        return torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(-2)[..., : self.width]


class Layer(nn.Module):
    """A transformer layer in which states look at a context, nearer cells more readily."""

    def __init__(self, config: MAEConfig) -> None:
        super().__init__()
        self.n_heads = config.n_heads
        self.norm_query = nn.LayerNorm(config.width)
        self.norm_context = nn.LayerNorm(config.width)
        self.to_query = nn.Linear(config.width, config.width)
        self.to_key_value = nn.Linear(config.width, 2 * config.width)
        self.to_out = nn.Linear(config.width, config.width)
        self.norm_mlp = nn.LayerNorm(config.width)
        widen = nn.Linear(config.width, config.mlp_ratio * config.width)
        narrow = nn.Linear(config.mlp_ratio * config.width, config.width)
        self.mlp = nn.Sequential(widen, nn.GELU(), narrow)
        for last in (self.to_out, narrow):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, states: Tensor, context: Tensor, bias: Tensor) -> Tensor:
        """Return (B, Q, D) states that looked at (B, L, D) context cells with (B, H, Q, L) bias of attention."""
        query = _split(self.to_query(self.norm_query(states)), self.n_heads)
        key, value = (
            _split(half, self.n_heads) for half in self.to_key_value(self.norm_context(context)).chunk(2, dim=-1)
        )
        looked = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        states = states + self.to_out(looked.transpose(1, 2).flatten(2))
        result: Tensor = states + self.mlp(self.norm_mlp(states))
        return result


def _distance(queries: Tensor, positions: Tensor, present: Tensor) -> Tensor:
    """Return (B, Q, L) distances in pitches, to padding so far that no attention is left."""
    rows = queries[:, :, None, 0] - positions[:, None, :, 0]  # torch.cdist squares places: 800 pitches away from the
    cols = queries[:, :, None, 1] - positions[:, None, :, 1]  # origin it is half a pitch off
    return torch.hypot(rows, cols).masked_fill(~present[:, None], FAR)


def _within(places: Tensor, positions: Tensor, present: Tensor) -> Tensor:
    """Return (B, Q, 2) places seen from the corner of the visible cells."""
    corner = positions.masked_fill(~present[..., None], FAR).amin(dim=1, keepdim=True)
    return places - corner


def _split(x: Tensor, n_heads: int) -> Tensor:
    """Return (B, H, L, D / H) from (B, L, D)."""
    return x.reshape(*x.shape[:-1], n_heads, x.shape[-1] // n_heads).transpose(1, 2)


def _solve(gram: Tensor, weighted_sum: Tensor) -> Tensor:
    """Return (..., L, D) ``(I + gram)^-1`` applied to each row of (..., L, D)."""
    identity = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    factor = torch.linalg.cholesky_ex(gram + identity)[0]  # of values that are none it makes none, and raises nothing
    return torch.cholesky_solve(weighted_sum.transpose(-1, -2), factor).transpose(-1, -2)
