"""Table 6, "Dynamic Fusion Graph", DFG (Zadeh et al. 2018c, ACL): a vertex for every subset of the modalities."""

from itertools import combinations

import autograd.numpy as np

from .. import nn
from ..gfn_eq10_16 import decide, init_dec
from ..nn import ops


def subsets(modalities):
    """All sets of modalities, by size: {0}, {1}, ..., {0, 1}, ..."""
    return [set(some) for size in range(1, modalities + 1) for some in combinations(range(modalities), size)]


def sources(modalities):
    """For each vertex of two modalities or more, and then for the output, the row numbers of what flows into it."""
    every = subsets(modalities)
    inner = [[row for row, other in enumerate(every) if other < some] for some in every if len(some) > 1]
    return [*inner, [*range(len(every))]]


def init(rng, modalities, k, N):
    """Parameters: the efficacies' network, m k -> one for each edge; of each inner vertex, k x sources -> k; Dec.

    With three modalities there are 6 + 6 + 7 = 19 edges: 19 (3k + 1) + 3 (2k + 1) k + (6k + 1) k + 52 * 7k + 2,600 +
    51 N scalars.
    """
    *inner, output = sources(modalities)
    return {
        "efficacies": nn.init_dense(rng, modalities * k, sum(map(len, inner)) + len(output)),
        "vertices": {f"vertex_{number}": nn.init_dense(rng, len(edges) * k, k) for number, edges in enumerate(inner)},
        "Dec": init_dec(rng, len(output) * k, N),
    }


def fuse(params, x_e, variant="paper"):
    r"""Values flow from each set of modalities to every larger one and to the output, each times its edge's efficacy.

    $$ \alpha = sigmoid(D_\alpha(x_a^e \oplus x_l^e \oplus x_v^e)), \quad
       V_s = \tanh(D_s(\bigoplus_{r \subset s} \alpha_{rs} V_r)), \quad
       M = Dec(\bigoplus_s \alpha_{s \tau} V_s) $$

    $V_{\{m\}} = x_m^e$; every D is a dense layer. x_e (m, B, k) -> M (B, N), ``efficacies`` (B, edges).
    """
    alpha = ops.dense_layer(params["efficacies"], np.concatenate(x_e, axis=-1), "sigmoid")  # (B, edges)
    V, used = [*x_e], 0
    *inner, output = sources(len(x_e))

    def flow(edges, used):
        """What the edges carry, side by side: (B, len(edges) k)."""
        return np.concatenate([alpha[:, used + i:used + i + 1] * V[row] for i, row in enumerate(edges)], axis=-1)

    for edges, D in zip(inner, params["vertices"].values(), strict=True):
        V.append(ops.dense_layer(D, flow(edges, used), "tanh"))  # (B, k)
        used += len(edges)
    return {"efficacies": alpha, "M": decide(params["Dec"], flow(output, used))}
