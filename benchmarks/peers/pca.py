"""Principal components: no peer, but a method that needs no package, to try the script and the evaluation on."""

import numpy as np
import scipy.sparse as sp
from anndata import AnnData
from scipy.sparse.linalg import svds

from benchmarks.peers.peer import Choices, Embedding

TARGET_SUM = 1e4
N_GENES = 2000
N_COMPONENTS = 20


def embed(section: AnnData, choices: Choices) -> Embedding:
    """Return principal components of the log expression of the genes in which it varies most."""
    counts = section.X
    totals = np.maximum(np.asarray(counts.sum(axis=1)), 1)
    expression = sp.csr_matrix(counts.multiply(TARGET_SUM / totals)).log1p()
    mean = np.asarray(expression.mean(axis=0)).ravel()
    variance = np.asarray(expression.multiply(expression).mean(axis=0)).ravel() - mean**2
    chosen = np.argsort(-variance, kind="stable")[:N_GENES]
    deviations = expression[:, chosen].toarray() - mean[chosen]
    n_components = min(N_COMPONENTS, *(size - 1 for size in deviations.shape))
    start = np.random.default_rng(choices.seed).standard_normal(min(deviations.shape))
    left, lengths, _ = svds(deviations, n_components, v0=start)
    order = np.argsort(-lengths)
    return Embedding(
        values=(left * lengths)[:, order],
        parameters={"target_sum": TARGET_SUM, "n_genes": len(chosen), "n_components": n_components},
    )
