"""Methods of other people that are compared, in the order in which they are computed."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Method:
    """One that ``python -m benchmarks.peers`` knows.

    Parameters
    ----------
    name : str
        What that calls it, and the folder of its embeddings.
    title : str
        What the page calls it.
    environment : str
        Its environment, and its file in ``benchmarks/peers/requirements``.
    is_told_n_domains : bool
        Whether it has to know, while it trains, how many domains there are.
    """

    name: str
    title: str
    environment: str
    is_told_n_domains: bool = False


METHODS = (
    Method(name="banksy", title="BANKSY", environment="banksy"),
    Method(name="banksy-log1p", title="BANKSY of log1p counts", environment="banksy"),
    Method(name="spagcn", title="SpaGCN", environment="spagcn", is_told_n_domains=True),
    Method(name="graphst", title="GraphST", environment="graphst"),
    Method(name="novae", title="Novae, trained on the section alone", environment="novae"),
    Method(name="stagate", title="STAGATE", environment="stagate"),
)
"""Those that take seconds come first."""

TITLES = {method.name: method.title for method in METHODS}
