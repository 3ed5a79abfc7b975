"""Table 6, "Weighted Average" (Figure 4): the first layer of the graph alone, and dense layers."""

from .. import nn
from ..gfn_eq10_16 import decide, init_dec, modality_attention, unimodal_dynamics


def init(rng, modalities, k, N):
    """Parameters: MAN, k + 1 scalars, and Dec of k entries, 52 k + 2,600 + 51 N."""
    return {"MAN": nn.init_dense(rng, k, 1), "Dec": init_dec(rng, k, N)}


def fuse(params, x_e, variant="paper"):
    r"""$$ M = Dec(U) $$ with U and the weights of Eq. 10. x_e (m, B, k) -> M (B, N), ``alpha_m`` (m, B, 1)."""
    alpha_m = modality_attention(params["MAN"], x_e)
    return {"alpha_m": alpha_m, "M": decide(params["Dec"], unimodal_dynamics(alpha_m, x_e))}
