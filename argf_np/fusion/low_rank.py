"""Table 6, "Low-rank Modality Fusion", LMF (Liu et al. 2018, ACL): tensor fusion whose weight tensor is of low rank."""

from functools import reduce
from operator import mul

import autograd.numpy as np

from .. import nn
from ..gfn_eq10_16 import decide, init_dec
from ..nn import ops

RANK = 4


def init(rng, modalities, k, N):
    """Parameters: factors (m * 4, k + 1, k), weights (4, 1, 1); Dec of k entries.

    4 m k (k + 1) + 4 + 52 k + 2,600 + 51 N scalars.
    """
    return {
        "factors": nn.init_dense(rng, k, k, bank=(modalities * RANK,)),
        "weights": np.full((RANK, 1, 1), 1 / RANK),
        "Dec": init_dec(rng, k, N),
    }


def fuse(params, x_e, variant="paper"):
    r"""A dense layer on the tensor Z of tensor fusion, computed without Z.

    $$ h = \sum_{r=1}^4 w_r \bigodot_m [x_m^e; 1] W_m^{(r)}, \quad M = Dec(h) $$

    The last row of each factor W, which meets the 1, is its bias. LMF adds one more to h, which the batch norm of Dec
    would take away again. x_e (m, B, k) -> M (B, N).
    """
    projected = ops.dense_layer(params["factors"], np.repeat(x_e, RANK, axis=0), "identity")  # (4 m, B, k)
    by_modality = np.reshape(projected, (len(x_e), RANK, *x_e.shape[1:]))  # (m, 4, B, k)
    h = np.sum(params["weights"] * reduce(mul, by_modality), axis=0)  # (B, k)
    return {"M": decide(params["Dec"], h)}
