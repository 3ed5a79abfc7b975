"""Table 6, "Multiplication + FC" (Figure 4): the entry-wise product of the embeddings, and dense layers."""

from functools import reduce
from operator import mul

from ..gfn_eq10_16 import decide, init_dec


def init(rng, modalities, k, N):
    """Parameters: Dec of k entries: 52 k + 2,600 + 51 N scalars."""
    return {"Dec": init_dec(rng, k, N)}


def fuse(params, x_e, variant="paper"):
    r"""$$ M = Dec(x_a^e \odot x_l^e \odot x_v^e) $$ x_e (m, B, k) -> M (B, N)."""
    return {"M": decide(params["Dec"], reduce(mul, x_e))}
