import numpy as np
import pytest
import torch

from napari_stimg.errors import InputError
from napari_stimg.expression import GeneMoments, log_expression
from napari_stimg.lattice import find_lattice
from napari_stimg.model import MAEConfig, MaskedAutoencoder
from napari_stimg.tokens import MIN_VARIANCE, precision_of, token_table
from napari_stimg.vocabulary import Vocabulary
from tests.known_slides import slide_of

COUNTS = np.random.default_rng(0).poisson(2.0, (13, 6))
VOCABULARY = Vocabulary(symbols=("OTHER", "GENE4", "GENE1", "GENE2"), aliases={})


def test_precision_is_one_over_the_variance_with_a_floor() -> None:
    variance = np.array([4.0, 0.5, 0.0], dtype=np.float32)
    precision = precision_of(GeneMoments(mean=np.zeros(3, dtype=np.float32), variance=variance))
    np.testing.assert_allclose(precision, [0.25, 2.0, 1 / MIN_VARIANCE])


def test_a_table_holds_the_known_genes_of_a_slide() -> None:
    slide = slide_of(COUNTS)
    lattice = find_lattice(slide)
    table = token_table(slide, lattice, VOCABULARY)
    expression = log_expression(slide.counts).toarray()[:, [1, 2, 4]]  # library sizes are those of all genes
    np.testing.assert_array_equal(table.ids, [2, 3, 1])
    np.testing.assert_allclose(table.expression.toarray(), expression, rtol=1e-6)
    np.testing.assert_allclose(table.mean, expression.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(table.precision, 1 / expression.var(axis=0), rtol=1e-4)
    np.testing.assert_array_equal(table.positions, lattice.token_positions)


def test_spots_that_share_a_cell_are_one_token_of_their_summed_counts() -> None:
    rng = np.random.default_rng(0)
    slide = slide_of(rng.poisson(2.0, (150, 6)), places=rng.uniform(0, 12, (150, 2)), array_indices=None)
    lattice = find_lattice(slide)
    table = token_table(slide, lattice, VOCABULARY)
    assert len(lattice.occupied) < slide.n_spots
    assert table.expression.shape == (len(lattice.occupied), 3)
    shared = int(np.bincount(lattice.token_of_spot).argmax())
    summed = slide.counts.toarray()[lattice.token_of_spot == shared].sum(axis=0)
    expected = np.log1p(1e4 * summed / summed.sum())[[1, 2, 4]]
    np.testing.assert_allclose(table.expression.toarray()[shared], expected, rtol=1e-5)


def test_a_slide_s_tokens_are_those_of_its_dense_centred_values() -> None:
    slide = slide_of(COUNTS)
    table = token_table(slide, find_lattice(slide), VOCABULARY)
    torch.manual_seed(0)
    model = MaskedAutoencoder(MAEConfig(n_genes=len(VOCABULARY), width=8, n_heads=2))
    ids, precision, mean = (torch.from_numpy(array) for array in (table.ids, table.precision, table.mean))
    with torch.no_grad():
        weighted = model.weighted_loadings(ids, precision).numpy()
        summed = torch.from_numpy(table.expression @ weighted - table.mean @ weighted)
        sparse = model.tokens_of_table(summed, ids, precision)
        values = torch.from_numpy(table.expression.toarray()) - mean
        dense = model.tokens(values[None], ids[None], precision[None])[0]
    torch.testing.assert_close(sparse, dense, rtol=1e-4, atol=1e-5)


def test_a_slide_of_unknown_genes_is_refused() -> None:
    slide = slide_of(COUNTS[:, :2], gene_names=np.array(["YAL001C", "YAL002W"]))
    message = (
        "known: expected genes that the model knows .human or mouse symbols such as OTHER, or Ensembl ids., "
        "found none among 2 .such as YAL001C.; rename the genes or use a checkpoint"
    )
    with pytest.raises(InputError, match=message):
        token_table(slide, find_lattice(slide), VOCABULARY)
