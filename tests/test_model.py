import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_stimg.lattice import LatticeKind
from napari_stimg.model import MAEConfig, MaskedAutoencoder
from tests.known_slides import activate
from tests.synthetic_lattices import ARRAY_STEPS, HEXAGONAL, REGULAR, array_of

N_GENES = 11
CONFIG = MAEConfig(n_genes=N_GENES, width=8, n_heads=2, n_encoder_layers=1, n_decoder_layers=2)


def small_model(config: MAEConfig = CONFIG) -> MaskedAutoencoder:
    """Return a model all of whose layers take part."""
    torch.manual_seed(0)
    return activate(MaskedAutoencoder(config))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def symmetries(order: int) -> Tensor:
    """Return the (2 * order, 2, 2) rotations and reflections that map a lattice onto itself."""
    rotations = []
    for turn in range(order):
        angle = 2 * math.pi * turn / order
        rotations.append([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    turns = torch.tensor(rotations)
    return torch.cat([turns, turns @ torch.tensor([[1.0, 0.0], [0.0, -1.0]])])


def places(*shape: int, seed: int = 0) -> Tensor:
    """Return (*shape, 2) random places in 10 x 7 pitches."""
    uniform = torch.rand((*shape, 2), generator=torch.Generator().manual_seed(seed))
    return uniform * torch.tensor([10.0, 7.0])


def everywhere(tokens: Tensor) -> Tensor:
    return torch.ones(tokens.shape[:2], dtype=torch.bool)


def answers(model: MaskedAutoencoder, tokens: Tensor, positions: Tensor, queries: Tensor) -> Tensor:
    """Return (B, Q, D) states at the queries."""
    present = everywhere(tokens)
    return model.decode(model.encode(tokens, positions, present), positions, present, queries)


# --- tokens: each value is bound to its gene -----------------------------------------------------------


def test_a_token_is_the_posterior_mean_of_the_factor() -> None:
    model = MaskedAutoencoder(MAEConfig(n_genes=2, width=1, n_heads=1))
    with torch.no_grad():
        model.gene_in.weight.copy_(torch.tensor([[2.0], [-1.0]]))
    token = model.tokens(torch.tensor([[[3.0, 5.0]]]), torch.tensor([[0, 1]]), torch.tensor([[0.5, 4.0]]))
    # (1 + 2 * 0.5 * 2 + 1 * 4 * 1)^-1 (2 * 0.5 * 3 - 1 * 4 * 5) = -17 / 7
    assert token.item() == pytest.approx(-17 / 7)


@pytest.fixture
def shown() -> tuple[Tensor, Tensor, Tensor]:
    """Return values (2, 6, 5), genes (2, 5) and precisions (2, 5): C = 5 channels."""
    genes = torch.tensor([[3, 0, 7, 10, 5], [1, 2, 10, 9, 0]])
    return normal(2, 6, 5), genes, torch.tensor([[1.0, 2.0, 0.5, 3.0, 1.5], [0.7, 4.0, 1.0, 2.0, 0.3]])


def test_swapping_values_between_genes_changes_the_token(shown: tuple[Tensor, Tensor, Tensor]) -> None:
    _, genes, _ = shown
    model, precision = small_model(), torch.ones(2, 5)
    values = torch.tensor([2.0, -1.0, 0.5, 0.0, 3.0]).expand(2, 1, 5)
    swapped = values[..., [1, 0, 2, 3, 4]]
    change = (model.tokens(swapped, genes, precision) - model.tokens(values, genes, precision)).norm(dim=-1)
    assert (change > 0.5).all()


def test_the_order_of_genes_changes_nothing(shown: tuple[Tensor, Tensor, Tensor]) -> None:
    values, genes, precision = shown
    order = [4, 2, 0, 3, 1]
    model = small_model()
    permuted = model.tokens(values[..., order], genes[:, order], precision[:, order])
    torch.testing.assert_close(permuted, model.tokens(values, genes, precision))


def test_genes_of_precision_zero_change_nothing(shown: tuple[Tensor, Tensor, Tensor]) -> None:
    values, genes, precision = shown
    model = small_model()
    padded = model.tokens(
        torch.cat([values, 1e3 * normal(2, 6, 3, seed=1)], dim=-1),
        torch.cat([genes, torch.tensor([[0, 0, 8], [0, 4, 4]])], dim=-1),
        torch.cat([precision, torch.zeros(2, 3)], dim=-1),
    )
    torch.testing.assert_close(padded, model.tokens(values, genes, precision))


def test_the_same_values_of_other_genes_give_another_token(shown: tuple[Tensor, Tensor, Tensor]) -> None:
    values, genes, precision = shown
    model = small_model()
    tokens = torch.stack([model.tokens(values, (genes + shift) % N_GENES, precision) for shift in range(N_GENES)])
    distance = torch.cdist(tokens.flatten(1), tokens.flatten(1)) + 1e9 * torch.eye(N_GENES)
    assert distance.min() > 0.1


@pytest.mark.parametrize("n_genes", [40, 400, 4000])
def test_more_genes_make_a_token_surer_not_larger(n_genes: int) -> None:
    torch.manual_seed(0)
    model = MaskedAutoencoder(MAEConfig(n_genes=4000, width=8, n_heads=2))
    factors, genes = normal(1, 200, 8), torch.arange(n_genes)[None]
    noise = normal(1, 200, n_genes, seed=2)
    values = factors @ model.gene_in(genes).transpose(1, 2) + noise
    with torch.no_grad():
        tokens = model.tokens(values, genes, torch.ones(1, n_genes))
    error = (tokens - factors).square().mean().item()
    assert error < 12 / n_genes
    assert tokens.square().mean().sqrt().item() == pytest.approx(factors.square().mean().sqrt().item(), rel=0.2)


def test_a_section_s_tokens_summed_sparsely_are_those_of_its_dense_values() -> None:
    model = small_model()
    values, genes, precision = normal(13, 5), torch.tensor([3, 0, 7, 10, 5]), torch.tensor([1.0, 2.0, 0.5, 3.0, 1.5])
    summed = model.tokens_of_table(values @ model.weighted_loadings(genes, precision), genes, precision)
    torch.testing.assert_close(summed, model.tokens(values[None], genes[None], precision[None])[0])


# --- places are relative -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", REGULAR)
def test_states_do_not_change_when_the_lattice_is_turned_or_mirrored(kind: LatticeKind) -> None:
    model = small_model()
    lattice = torch.from_numpy(array_of(kind, 5, 4) * ARRAY_STEPS[kind]).float()
    tokens, positions, queries = normal(1, 15, 8), lattice[None, :15], lattice[None, 15:]
    expected = answers(model, tokens, positions, queries)
    for turn in symmetries(order=6 if kind is HEXAGONAL else 4):
        torch.testing.assert_close(
            answers(model, tokens, positions @ turn.T, queries @ turn.T), expected, rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("shift", [(0.3, -20.1), (801.7, 1304.9)])
def test_states_do_not_change_when_the_tissue_is_shifted(shift: tuple[float, float]) -> None:
    model = small_model()
    tokens, positions, queries = normal(2, 40, 8), places(2, 40), places(2, 7, seed=1)
    queries[:, 0] = positions[:, 0]  # a distance of zero is where rounding shows first
    moved = answers(model, tokens, positions + torch.tensor(shift), queries + torch.tensor(shift))
    torch.testing.assert_close(moved, answers(model, tokens, positions, queries), rtol=1e-3, atol=1e-3)


def test_the_order_of_cells_changes_nothing() -> None:
    model = small_model()
    tokens, positions, queries = normal(1, 9, 8), places(1, 9), places(1, 4, seed=1)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        answers(model, tokens[:, order], positions[:, order], queries), answers(model, tokens, positions, queries)
    )


@pytest.mark.parametrize("active", [False, True])
def test_hidden_cells_at_different_places_get_different_states(active: bool) -> None:
    model = small_model() if active else MaskedAutoencoder(CONFIG)
    states = answers(model, normal(1, 20, 8), places(1, 20), places(1, 12, seed=1))[0]
    distance = torch.cdist(states, states) + 1e9 * torch.eye(12)
    assert distance.min() > 0.02


def test_a_query_says_most_of_the_cells_next_to_it() -> None:
    model = MaskedAutoencoder(CONFIG)
    tokens, positions = normal(1, 2, 8), torch.tensor([[[0.0, 0.0], [9.0, 0.0]]])
    state = answers(model, tokens, positions, torch.tensor([[[1.0, 0.0]]]))[0, 0]
    near, far = ((state - token).norm() for token in tokens[0])
    assert near < 0.3 * far


def test_a_new_model_is_a_factor_model_whose_queries_average_their_neighbours() -> None:
    model = MaskedAutoencoder(replace(CONFIG, scales=(2.0,)))
    tokens, positions = normal(1, 2, 8), torch.tensor([[[0.0, 0.0], [0.0, 3.0]]])
    torch.testing.assert_close(model.encode(tokens, positions, everywhere(tokens)), tokens)
    weight = 1 / (1 + np.exp(-(2 - 1) / 2))  # exp(-1 / 2) against exp(-2 / 2)
    state = answers(model, tokens, positions, torch.tensor([[[0.0, 1.0]]]))[0, 0]
    torch.testing.assert_close(state, weight * tokens[0, 0] + (1 - weight) * tokens[0, 1])


def test_places_far_from_all_tissue_get_finite_states() -> None:
    states = answers(small_model(), normal(1, 5, 8), places(1, 5), torch.tensor([[[1e3, -2e3]]]))
    assert states.isfinite().all()


# --- for comparison: places in the crop, and genes apart from values -----------------------------------


ABSOLUTE, APART = replace(CONFIG, positions="absolute"), replace(CONFIG, binding="apart")


def test_absolute_places_are_seen_from_the_corner_of_the_crop() -> None:
    model, shift = small_model(ABSOLUTE), torch.tensor([[30.0, -12.0]])
    tokens, positions, queries = normal(2, 20, 8), places(2, 20), places(2, 7, seed=1)
    moved = answers(model, tokens, positions + shift, queries + shift)
    torch.testing.assert_close(moved, answers(model, tokens, positions, queries), rtol=1e-3, atol=1e-4)


def test_with_absolute_places_a_turned_crop_is_another() -> None:
    tokens, positions, queries = normal(1, 20, 8), places(1, 20), places(1, 7, seed=1)
    turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    relative, absolute = (
        (answers(model, tokens, positions @ turn, queries @ turn) - answers(model, tokens, positions, queries)).norm()
        for model in (small_model(), small_model(ABSOLUTE))
    )
    assert relative < 1e-3
    assert absolute > 0.1


@pytest.mark.parametrize("config", [CONFIG, ABSOLUTE])
def test_swapping_the_places_of_two_cells_changes_what_is_told_of_others(config: MAEConfig) -> None:
    model = small_model(config)
    tokens, positions, queries = normal(1, 9, 8), places(1, 9), places(1, 4, seed=1)
    swapped = positions[:, [1, 0, *range(2, 9)]]
    change = answers(model, tokens, swapped, queries) - answers(model, tokens, positions, queries)
    assert (change.norm(dim=-1) > 1e-3).all()


def test_with_absolute_places_distance_alone_costs_no_attention() -> None:
    model = MaskedAutoencoder(ABSOLUTE)
    distance, tokens = torch.tensor([[[0.5, 30.0, 1e4]]]), normal(1, 3, 8)
    bias = model._bias(distance, tokens)
    assert (bias[..., :2] == 0).all()
    assert (bias[..., 2] < -100).all()


def test_with_absolute_places_queries_start_from_no_neighbour() -> None:
    model = MaskedAutoencoder(ABSOLUTE)  # layers add nothing yet
    positions, queries = places(1, 9), places(1, 4, seed=1)
    one, other = (answers(model, normal(1, 9, 8, seed=seed), positions, queries) for seed in (0, 1))
    assert torch.equal(one, other)
    assert torch.pdist(one[0]).min() > 0.01


@pytest.mark.parametrize("width", [6, 8, 9, 10])
def test_places_fill_any_width(width: int) -> None:
    config = replace(ABSOLUTE, width=width, n_heads=1)
    states = answers(small_model(config), normal(1, 5, width), places(1, 5), places(1, 3, seed=1))
    assert states.shape == (1, 3, width)
    assert states.isfinite().all()


def test_padding_cells_change_nothing_with_absolute_places_either() -> None:
    model = small_model(ABSOLUTE)
    tokens, positions, queries = normal(1, 6, 8), places(1, 6), places(1, 3, seed=1)
    present = torch.tensor([[True] * 6 + [False] * 4])
    padded = torch.cat([tokens, 50 * normal(1, 4, 8, seed=3)], dim=1)
    padded_positions = torch.cat([positions, places(1, 4, seed=4) - 100], dim=1)
    latents = model.encode(padded, padded_positions, present)
    torch.testing.assert_close(
        model.decode(latents, padded_positions, present, queries), answers(model, tokens, positions, queries)
    )


def test_apart_a_token_cannot_tell_which_gene_has_which_value(shown: tuple[Tensor, Tensor, Tensor]) -> None:
    values, genes, _ = shown
    precision, order = torch.ones(2, 5), [3, 1, 4, 0, 2]
    bound, apart = small_model(), small_model(APART)
    torch.testing.assert_close(
        apart.tokens(values[..., order], genes, precision), apart.tokens(values, genes, precision)
    )
    change = bound.tokens(values[..., order], genes, precision) - bound.tokens(values, genes, precision)
    assert (change.norm(dim=-1) > 0.1).all()


def test_apart_other_genes_still_give_another_token(shown: tuple[Tensor, Tensor, Tensor]) -> None:
    values, genes, precision = shown
    model = small_model(APART)
    change = model.tokens(values, (genes + 1) % N_GENES, precision) - model.tokens(values, genes, precision)
    assert (change.norm(dim=-1) > 1e-3).all()


def test_apart_genes_of_precision_zero_change_nothing(shown: tuple[Tensor, Tensor, Tensor]) -> None:
    values, genes, precision = shown
    model = small_model(APART)
    padded = model.tokens(
        torch.cat([values, 1e3 * normal(2, 6, 3, seed=1)], dim=-1),
        torch.cat([genes, torch.tensor([[0, 0, 8], [0, 4, 4]])], dim=-1),
        torch.cat([precision, torch.zeros(2, 3)], dim=-1),
    )
    torch.testing.assert_close(padded, model.tokens(values, genes, precision))


@pytest.mark.parametrize("config", [APART, ABSOLUTE])
def test_a_section_s_tokens_summed_sparsely_are_those_of_its_dense_values_in_every_model(config: MAEConfig) -> None:
    model = small_model(config)
    values, genes, precision = normal(13, 5), torch.tensor([3, 0, 7, 10, 5]), torch.tensor([1.0, 2.0, 0.5, 0.0, 1.5])
    summed = model.tokens_of_table(values @ model.weighted_loadings(genes, precision), genes, precision)
    torch.testing.assert_close(summed, model.tokens(values[None], genes[None], precision[None])[0])


# --- any shape -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_crops", "n_visible", "n_queries", "n_genes"), [(1, 1, 1, 1), (3, 1, 5, 2), (2, 35, 1, 5), (1, 7, 0, 11)]
)
def test_any_number_of_crops_cells_and_genes_works(n_crops: int, n_visible: int, n_queries: int, n_genes: int) -> None:
    model = small_model()
    genes = torch.arange(n_genes).expand(n_crops, -1)
    tokens = model.tokens(normal(n_crops, n_visible, n_genes), genes, torch.ones(n_crops, n_genes))
    states = answers(model, tokens, places(n_crops, n_visible), places(n_crops, n_queries, seed=1))
    assert states.shape == (n_crops, n_queries, 8)
    assert model.read_out(states, genes).shape == (n_crops, n_queries, n_genes)
    assert states.isfinite().all()


def test_padding_cells_change_nothing() -> None:
    model = small_model()
    tokens, positions, queries = normal(1, 6, 8), places(1, 6), places(1, 3, seed=1)
    present = torch.tensor([[True] * 6 + [False] * 4])
    padded = torch.cat([tokens, 50 * normal(1, 4, 8, seed=3)], dim=1)
    padded_positions = torch.cat([positions, places(1, 4, seed=4)], dim=1)
    latents = model.encode(padded, padded_positions, present)
    torch.testing.assert_close(latents[:, :6], model.encode(tokens, positions, everywhere(tokens)))
    torch.testing.assert_close(
        model.decode(latents, padded_positions, present, queries), answers(model, tokens, positions, queries)
    )


def test_crops_of_a_batch_do_not_see_each_other() -> None:
    model = small_model()
    tokens, positions, queries = normal(3, 6, 8), places(3, 6), places(3, 4, seed=1)
    together = answers(model, tokens, positions, queries)
    alone = answers(model, tokens[1:2], positions[1:2], queries[1:2])
    torch.testing.assert_close(together[1:2], alone)


def test_gradients_are_finite_though_most_of_a_batch_is_padding() -> None:
    model = small_model()
    values, genes, precision = normal(2, 9, 5), torch.tensor([[3, 0, 7, 10, 5], [1, 0, 0, 0, 0]]), torch.ones(2, 5)
    precision[1, 1:], values[1, 1:] = 0, 0
    present = torch.tensor([[True] * 9, [True] + [False] * 8])
    positions = places(2, 9)
    positions[1, 1:] = 0
    latents = model.encode(model.tokens(values, genes, precision), positions, present)
    states = model.decode(latents, positions, present, places(2, 4, seed=1))
    model.read_out(states, genes).square().sum().backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.abs().max() > 0, name


# --- reading out ---------------------------------------------------------------------------------------


def test_different_genes_read_out_differently() -> None:
    read = small_model().read_out(normal(1, 20, 8), torch.arange(N_GENES)[None])[0]
    distance = torch.cdist(read.T, read.T) + 1e9 * torch.eye(N_GENES)
    assert distance.min() > 0.5


def test_a_gene_reads_the_same_whatever_else_is_asked() -> None:
    model, states = small_model(), normal(1, 6, 8)
    everything = model.read_out(states, torch.arange(N_GENES)[None])
    torch.testing.assert_close(model.read_out(states, torch.tensor([[9, 2]])), everything[..., [9, 2]])


# --- learning, precision, compilation ------------------------------------------------------------------


def predict(model: MaskedAutoencoder, batch: dict[str, Tensor]) -> Tensor:
    tokens = model.tokens(batch["values"], batch["genes"], batch["precision"])
    return model.read_out(answers(model, tokens, batch["positions"], batch["queries"]), batch["genes"])


@pytest.fixture
def batch() -> dict[str, Tensor]:
    return {
        "values": normal(2, 12, 5),
        "genes": torch.tensor([[3, 0, 7, 10, 5], [1, 2, 10, 9, 0]]),
        "precision": torch.ones(2, 5),
        "positions": places(2, 12),
        "queries": places(2, 4, seed=1),
    }


def test_a_model_overfits_one_batch(batch: dict[str, Tensor]) -> None:
    torch.manual_seed(0)
    model = MaskedAutoencoder(replace(CONFIG, width=16))
    hidden = normal(2, 4, 5, seed=9)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(250):
        loss = (predict(model, batch) - hidden).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.01 * hidden.square().mean().item()


def test_bfloat16_autocast_comes_close_to_float32(batch: dict[str, Tensor]) -> None:
    model = small_model()
    with torch.no_grad():
        exact = predict(model, batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = predict(model, batch)
    assert rounded.dtype == torch.bfloat16
    assert (rounded - exact).norm() < 0.02 * exact.norm()


def test_bfloat16_autocast_trains(batch: dict[str, Tensor]) -> None:
    exact, rounded = small_model(), small_model()
    predict(exact, batch).square().mean().backward()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = predict(rounded, batch).float().square().mean()
    loss.backward()
    for weight, same in zip(exact.parameters(), rounded.parameters(), strict=True):
        assert (weight.grad - same.grad).norm() < 0.06 * weight.grad.norm() + 1e-3


def test_the_model_compiles_without_graph_breaks_and_for_other_shapes(batch: dict[str, Tensor]) -> None:
    model = small_model()

    def states_of(tokens: Tensor, positions: Tensor, present: Tensor, queries: Tensor) -> Tensor:
        return model.decode(model.encode(tokens, positions, present), positions, present, queries)

    compiled = torch.compile(states_of, fullgraph=True, backend="eager", dynamic=True)
    for n_visible in (12, 7):
        tokens, positions, queries = normal(2, n_visible, 8), places(2, n_visible), places(2, 5, seed=1)
        torch.testing.assert_close(
            compiled(tokens, positions, everywhere(tokens), queries), answers(model, tokens, positions, queries)
        )


def test_the_whole_forward_and_backward_pass_compiles(batch: dict[str, Tensor]) -> None:
    model, same = small_model(), small_model()
    compiled = torch.compile(predict, fullgraph=True, backend="aot_eager")
    expected, found = predict(model, batch), compiled(same, batch)
    torch.testing.assert_close(found, expected)
    expected.square().sum().backward()
    found.square().sum().backward()
    for weight, compiled_weight in zip(model.parameters(), same.parameters(), strict=True):
        torch.testing.assert_close(compiled_weight.grad, weight.grad, rtol=1e-4, atol=1e-5)


# --- every size in the configuration counts ------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"width": 16},
        {"n_heads": 4},
        {"n_encoder_layers": 2},
        {"n_decoder_layers": 1},
        {"mlp_ratio": 3},
        {"scales": (1.0, 2.0)},
        {"scales": (0.7, 1.5, 3.0, 7.0)},
        {"n_genes": 12},
        {"positions": "absolute"},
        {"binding": "apart"},
    ],
    ids=lambda change: str(change),
)
def test_every_size_of_the_configuration_changes_the_model(change: dict[str, object], batch: dict[str, Tensor]) -> None:
    assert not torch.allclose(predict(small_model(replace(CONFIG, **change)), batch), predict(small_model(), batch))
