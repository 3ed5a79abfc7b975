"""Fusion strategies (Table 6): how the embeddings of the modalities become a decision.

A strategy is a module with two functions, and a line here:

    init(rng, modalities, k, N)     its parameters: a tree of arrays
    fuse(params, x_e, variant)      x_e (modalities, B, k) -> a dict: the decision "M" (B, N), and what it has besides

All but tensor fusion end in the paper's decision network, Dec (Eq. 16), so that they differ in nothing else.
"""

from . import (
    concatenation,
    dynamic_graph,
    graph,
    low_rank,
    multiplication,
    tensor,
    weighted_average,
)

FUSIONS = {
    "gfn": graph,
    "concatenation": concatenation,
    "multiplication": multiplication,
    "weighted_average": weighted_average,
    "tensor": tensor,
    "low_rank": low_rank,
    "dynamic_graph": dynamic_graph,
}


def fuse(params, x_e, variant="paper"):
    """The decision of whichever strategy has its parameters in ``params``, a dict of groups: see `FUSIONS`."""
    name = next(name for name in FUSIONS if name in params)
    return FUSIONS[name].fuse(params[name], x_e, variant)
