"""Table 6, "Graph Fusion Network": the paper's own strategy, Eq. 10 to 16."""

from ..gfn_eq10_16 import decide, graph_fusion, init_gfn


def init(rng, modalities, k, N):
    """Parameters of `init_gfn`: 543 k + 2,729 + 51 N scalars for any number of modalities; two need no MLP_3."""
    return init_gfn(rng, k, N)


def fuse(params, x_e, variant="paper"):
    """All of `graph_fusion`, and M: x_e (m, B, k) -> (B, N)."""
    graph = graph_fusion(params, x_e, variant)
    return graph | {"M": decide(params["Dec"], graph["Omega"])}
