"""Table 6, "Concatenation + FC" (Figure 4): the embeddings side by side, and dense layers."""

import autograd.numpy as np

from ..gfn_eq10_16 import decide, init_dec


def init(rng, modalities, k, N):
    """Parameters: Dec of a vector as wide as all m modalities: 52 m k + 2,600 + 51 N scalars."""
    return {"Dec": init_dec(rng, modalities * k, N)}


def fuse(params, x_e, variant="paper"):
    r"""$$ M = Dec(x_a^e \oplus x_l^e \oplus x_v^e) $$ x_e (m, B, k) -> M (B, N)."""
    return {"M": decide(params["Dec"], np.concatenate(x_e, axis=-1))}
