r"""Table 6: other ways to fuse the embedded modalities, in place of the graph.

A strategy is a pair of functions, and a line in `STRATEGIES`:

    init(rng, modalities, k, N, variant)    its parameters, a tree of arrays
    decide(params, x_e, variant, rng)       x_e (m, B, k) -> a dict: M (B, N), and intermediates

In the paper's variant all but tensor fusion end in the decision network Dec (Eq. 16), so that the
strategies differ in nothing else. "released" computes what the authors' classes compute (D21);
concatenation is the same in both. ARGF's authors have no dynamic fusion graph, so its
released variant is that of its own authors. Few strategies use all arguments: ``rng`` is for
dropout, and None means no dropout.
"""

from collections.abc import Callable
from functools import reduce
from itertools import combinations
from operator import mul
from typing import NamedTuple

import autograd.numpy as np

from .. import nn
from ..nn import ops
from .graph_fusion_eq10_16 import (
    decide,
    graph_fusion,
    init_dec,
    init_gfn,
    modality_attention,
    unimodal_dynamics,
)

HIDDEN = {"paper": 32, "released": 50}  # of tensor fusion; 32 is what Table 4 counts
TENSOR_DROP_RATE = 0.5  # released: of the tensor itself
RANK = 4  # of low-rank fusion


def init_concatenation(rng, modalities, k, N, variant="paper"):
    """Parameters: Dec with an input of m k entries, 52 m k + 2,600 + 51 N scalars."""
    return {"Dec": init_dec(rng, modalities * k, N)}


def concatenation(params, x_e, variant="paper", rng=None):
    r"""Concatenation + FC (Figure 4): $M = Dec(x_a^e \oplus x_l^e \oplus x_v^e)$.

    x_e (m, B, k) -> M (B, N).
    """
    return {"M": decide(params["Dec"], np.concatenate(x_e, axis=-1))}


def init_multiplication(rng, modalities, k, N, variant="paper"):
    """Parameters: Dec with an input of k entries, 52 k + 2,600 + 51 N scalars."""
    return {"Dec": init_dec(rng, k, N)}


def multiplication(params, x_e, variant="paper", rng=None):
    r"""Multiplication + FC (Figure 4): $M = Dec(x_a^e \odot x_l^e \odot x_v^e)$.

    $\odot$ is the entry-wise product. Released: $Dec(x_l^e \odot x_v^e)$, since the class
    replaces the product that has $x_a^e$ in it. x_e (m, B, k) -> M (B, N).
    """
    factors = x_e
    if variant == "released" and len(x_e) == 3:
        factors = x_e[1:]
    return {"M": decide(params["Dec"], reduce(mul, factors))}


def init_weighted_average(rng, modalities, k, N, variant="paper"):
    """Parameters: MAN, k + 1 scalars, and Dec with an input of k, 52 k + 2,600 + 51 N scalars."""
    return {"MAN": nn.init_dense(rng, k, 1), "Dec": init_dec(rng, k, N)}


def weighted_average(params, x_e, variant="paper", rng=None):
    r"""Weighted Average (Figure 4): the first layer of the graph alone, $M = Dec(U)$ of Eq. 10.

    Released: the weights are a softmax over the modalities of tanh scores, and the vectors that are
    scored and averaged have passed the batch norm that Dec begins with.
    x_e (m, B, k) -> M (B, N), alpha_m (m, B, 1).
    """
    if variant == "released":
        norm = params["Dec"]["norm"]
        x_e = np.stack([ops.batch_norm(norm, x) for x in x_e])  # (m, B, k)
        scores = ops.dense_layer(params["MAN"], x_e, "tanh")  # (m, B, 1)
        alpha_m = ops.softmax(scores, axis=0)
        average = np.sum(alpha_m * x_e, axis=0)  # (B, k)
    else:
        alpha_m = modality_attention(params["MAN"], x_e)
        average = unimodal_dynamics(alpha_m, x_e)
    return {"alpha_m": alpha_m, "M": decide(params["Dec"], average)}


def init_tensor_fusion(rng, modalities, k, N, variant="paper"):
    """Parameters: dense (k + 1)^m -> 32 -> 32 -> N, 32 (k + 1)^m + 1,088 + 33 N scalars.

    Released: 50 in place of 32.
    """
    hidden = HIDDEN[variant]
    return {
        "dense_1": nn.init_dense(rng, (k + 1) ** modalities, hidden),
        "dense_2": nn.init_dense(rng, hidden, hidden),
        "dense_3": nn.init_dense(rng, hidden, N),
    }


def outer_product(x_e):
    r"""All products of one entry per modality; the appended 1 adds those of fewer modalities.

    $$ Z = [x_a^e; 1] \otimes [x_l^e; 1] \otimes [x_v^e; 1] $$ x_e (m, B, k) -> (B, (k + 1)^m).
    """
    m, B, _ = x_e.shape
    ones = np.ones((m, B, 1), x_e.dtype)
    Z, *others = np.concatenate([x_e, ones], axis=-1)  # each (B, k + 1)
    for x in others:
        products = Z[:, :, None] * x[:, None, :]  # (B, k + 1, k + 1), then (B, (k + 1)^2, k + 1)
        width = Z.shape[1] * x.shape[1]
        Z = np.reshape(products, (len(x), width))
    return Z


def tensor_fusion(params, x_e, variant="paper", rng=None):
    r"""Tensor Fusion (Zadeh et al. 2017, EMNLP): $M = FC(Z)$ of `outer_product`.

    Layers of FC: dense, ReLU; dense, ReLU; dense, softmax. Released: dropout 0.5 of Z before them.
    x_e (m, B, k) -> M (B, N).
    """
    Z = outer_product(x_e)  # (B, (k + 1)^m)
    if variant == "released":
        Z = ops.dropout(Z, TENSOR_DROP_RATE, rng)
    h = ops.dense_layer(params["dense_1"], Z, "relu")  # (B, hidden)
    h = ops.dense_layer(params["dense_2"], h, "relu")  # (B, hidden)
    return {"M": ops.dense_layer(params["dense_3"], h, "softmax")}


def init_low_rank_fusion(rng, modalities, k, N, variant="paper"):
    """Parameters: factors, a bank of 4 m dense layers k -> k; weights (4, 1, 1); Dec, input k.

    4 m k (k + 1) + 4 + 52 k + 2,600 + 51 N scalars. Released: factors k -> N and a bias (1, N) in
    place of Dec, 4 m (k + 1) N + 4 + N scalars.
    """
    bank = (modalities * RANK,)
    weights = np.full((RANK, 1, 1), 1 / RANK)
    if variant == "released":
        factors = nn.init_dense(rng, k, N, bank=bank)
        return {"factors": factors, "weights": weights, "bias": np.zeros((1, N))}
    factors = nn.init_dense(rng, k, k, bank=bank)
    return {"factors": factors, "weights": weights, "Dec": init_dec(rng, k, N)}


def low_rank_fusion(params, x_e, variant="paper", rng=None):
    r"""Low-rank Modality Fusion, LMF (Liu et al. 2018, ACL): a dense layer on Z, without Z.

    $$ h = \sum_{r=1}^4 w_r \bigodot_m [x_m^e; 1] W_m^{(r)}, \quad M = Dec(h) $$

    The last row of each matrix W, which meets the 1, is the bias ``b`` of a dense layer. LMF adds
    one more bias to h, which the batch norm of Dec would take away again. Released: factors k -> N
    map straight to the outputs, $M = h + b$, which are no probabilities. (The authors' class never
    initialises them.) x_e (m, B, k) -> M (B, N).
    """
    m, B, _ = x_e.shape
    repeated = np.repeat(x_e, RANK, axis=0)  # (4 m, B, k)
    projected = ops.dense_layer(params["factors"], repeated, "identity")  # (4 m, B, width)
    width = projected.shape[-1]
    by_modality = np.reshape(projected, (m, RANK, B, width))
    h = np.sum(params["weights"] * reduce(mul, by_modality), axis=0)  # (B, width)
    if variant == "released":
        return {"M": h + params["bias"]}
    return {"M": decide(params["Dec"], h)}


def subsets(modalities):
    """All non-empty sets of the modalities 0, 1, ..., the smaller ones first."""
    every = []
    for size in range(1, modalities + 1):
        every += [set(some) for some in combinations(range(modalities), size)]
    return every


def sources_of_subsets(modalities):
    """What flows into each vertex of two modalities or more: indices into `subsets`, one list each.

    The last list is that of the output, which all vertices flow into.
    """
    every = subsets(modalities)
    flows = []
    for vertex in every:
        if len(vertex) > 1:
            sources = [i for i, other in enumerate(every) if other < vertex]
            flows.append(sources)
    return [*flows, [*range(len(every))]]


def init_dynamic_fusion_graph(rng, modalities, k, N, variant="paper"):
    """Parameters: a network of the efficacies, m k -> one per edge; a dense layer per vertex; Dec.

    With three modalities there are 6 + 6 + 7 = 19 edges: 19 (3k + 1) + 3 (2k + 1) k + (6k + 1) k +
    52 * 7k + 2,600 + 51 N scalars.
    """
    *inner, output = sources_of_subsets(modalities)
    edges = sum(map(len, inner)) + len(output)
    efficacies = nn.init_dense(rng, modalities * k, edges)
    vertices = {}
    for number, sources in enumerate(inner):
        vertices[f"vertex_{number}"] = nn.init_dense(rng, len(sources) * k, k)
    Dec = init_dec(rng, len(output) * k, N)
    return {"efficacies": efficacies, "vertices": vertices, "Dec": Dec}


def dynamic_fusion_graph(params, x_e, variant="paper", rng=None):
    r"""Dynamic Fusion Graph, DFG (Zadeh et al. 2018c, ACL): a vertex for every set of modalities.

    Values flow from each set to every set that contains it and to the output, times the efficacy of
    the edge.

    $$ \alpha = sigmoid(D_\alpha(x_a^e \oplus x_l^e \oplus x_v^e)), \quad
       V_s = \tanh(D_s(\bigoplus_{r \subset s} \alpha_{rs} V_r)), \quad
       M = Dec(\bigoplus_s \alpha_{s \tau} V_s) $$

    $V_{\{m\}} = x_m^e$; every D is a dense layer. Released: efficacies without the sigmoid, as in
    the code of DFG's authors, CMU-MultimodalSDK. There, the networks of the vertices and of the
    output are the caller's choice.
    x_e (m, B, k) -> M (B, N), efficacies (B, edges).
    """
    together = np.concatenate(x_e, axis=-1)  # (B, m k)
    activation = "identity" if variant == "released" else "sigmoid"
    alpha = ops.dense_layer(params["efficacies"], together, activation)  # (B, edges)
    V = [*x_e]  # each (B, k)
    *inner, output = sources_of_subsets(len(x_e))
    used = 0  # edges so far
    for sources, D in zip(inner, params["vertices"].values(), strict=True):
        V.append(ops.dense_layer(D, _flow(alpha, used, V, sources), "tanh"))
        used += len(sources)
    return {"efficacies": alpha, "M": decide(params["Dec"], _flow(alpha, used, V, output))}


def _flow(alpha, first_edge, V, sources):
    """What some consecutive edges carry, side by side: (B, len(sources) k)."""
    carried = []
    for edge, source in enumerate(sources, first_edge):
        efficacy = alpha[:, edge:edge + 1]  # (B, 1)
        carried.append(efficacy * V[source])  # (B, k)
    return np.concatenate(carried, axis=-1)


class Strategy(NamedTuple):
    """How to fuse: `init` makes the parameters, `decide` uses them."""

    init: Callable
    decide: Callable


STRATEGIES = {
    "gfn": Strategy(init_gfn, graph_fusion),
    "concatenation": Strategy(init_concatenation, concatenation),
    "multiplication": Strategy(init_multiplication, multiplication),
    "weighted_average": Strategy(init_weighted_average, weighted_average),
    "tensor": Strategy(init_tensor_fusion, tensor_fusion),
    "low_rank": Strategy(init_low_rank_fusion, low_rank_fusion),
    "dynamic_graph": Strategy(init_dynamic_fusion_graph, dynamic_fusion_graph),
}
