"""The methods, by the name of their folder of embeddings."""

from benchmarks.peers import banksy, graphst, novae, pca, spagcn, stagate
from benchmarks.peers.peer import Peer

METHODS = {
    "pca": Peer(distribution="scipy", embed=pca.embed),
    "banksy": Peer(distribution="pybanksy", embed=banksy.embed_plain),
    "banksy-log1p": Peer(distribution="pybanksy", embed=banksy.embed_log),
    "graphst": Peer(distribution="GraphST", embed=graphst.embed, options=frozenset({"epochs"})),
    "stagate": Peer(distribution="stagate-modern", embed=stagate.embed, options=frozenset({"epochs"})),
    "spagcn": Peer(distribution="SpaGCN", embed=spagcn.embed, options=frozenset({"epochs", "n_domains"})),
    "novae": Peer(distribution="novae", embed=novae.embed, options=frozenset({"epochs"})),
}
