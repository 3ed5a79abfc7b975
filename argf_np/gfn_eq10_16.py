r"""The graph fusion network (Figure 2): three layers of vertices, Eq. 10 to 15, and the decision, Eq. 16.

    layer 1  unimodal   a, l, v            -> U     Eq. 10
    layer 2  bimodal    al, vl, av         -> B     Eq. 11 to 15
    layer 3  trimodal   six pairs, see `trimodal`   Eq. 11 to 15 again
    decision            U + B + T (side by side)    Eq. 16

A vertex is a row: the vectors of a layer are one array (n, B, k) and their weights one array (n, B, 1), for n vertices
and a batch of B utterances. One function, `interaction`, serves layers 2 and 3. The paper has three modalities; the
graph of two or of more follows the same rule, and one of two has no third layer, T = 0.
"""

from functools import cache
from itertools import combinations

import autograd.numpy as np

from . import nn
from .equations import equation
from .nn import ops

UNIMODAL = ("a", "l", "v")


def bimodal(modalities):
    """Layer 2: every two modalities, as ``{vertex: the two that it fuses}``; of three in the paper's order."""
    pairs = combinations(modalities, 2)
    if len(modalities) == 3:
        a, l, v = modalities
        pairs = (a, l), (v, l), (a, v)
    separator = "" if all(len(m) == 1 for m in modalities) else "*"
    return {separator.join(pair): pair for pair in pairs}


def trimodal(modalities):
    """Layer 3: each two of the bimodal vertices, then each bimodal one with the modalities it lacks (D11)."""
    two = bimodal(modalities)
    pairs = [*combinations(two, 2), *((vertex, m) for vertex, pair in two.items() for m in modalities if m not in pair)]
    return {"+".join(pair): pair for pair in pairs}


@cache
def layer_rows(n):
    """What layers 2 and 3 fuse, of n modalities: row numbers of the first and of the second vertex of each pair."""
    one = tuple(map(str, range(n)))
    below = (*one, *bimodal(one))  # what layer 3 can fuse
    return [[[below.index(pair[side]) for pair in layer(one).values()] for side in (0, 1)]
            for layer in (bimodal, trimodal)]


BIMODAL, TRIMODAL = bimodal(UNIMODAL), trimodal(UNIMODAL)
VERTICES = (*UNIMODAL, *BIMODAL, *TRIMODAL)  # the 12 columns of Figure 6
BIMODAL_ROWS, TRIMODAL_ROWS = layer_rows(3)


def init_gfn(rng, k, N):
    """Parameters: MAN k -> 1; the MLPs of layers 2 and 3, each 2k -> 64 -> k; Dec 3k -> 50 -> 50 -> N."""
    mlp = lambda: {"dense_1": nn.init_dense(rng, 2 * k, 64), "dense_2": nn.init_dense(rng, 64, k)}  # noqa: E731
    return {"MAN": nn.init_dense(rng, k, 1), "MLP_2": mlp(), "MLP_3": mlp(), "Dec": init_dec(rng, 3 * k, N)}


def init_dec(rng, width, N):
    """Parameters of the decision network Dec: batch norm, width -> 50 -> 50 -> N."""
    return {
        "norm": nn.init_batch_norm(width),
        "dense_1": nn.init_dense(rng, width, 50),
        "dense_2": nn.init_dense(rng, 50, 50),
        "dense_3": nn.init_dense(rng, 50, N),
    }


def modality_attention(params, V):
    r"""First line of Eq. 10: $\alpha_m = MAN(V_m; \Theta_{MAN})$: dense, sigmoid. (3, B, k) -> (3, B, 1)."""
    return ops.dense_layer(params, V, "sigmoid")


@equation(10)
def unimodal_dynamics(alpha, V):
    r"""Eq. 10: the weighted average of the unimodal vertices.

    $$ \alpha_m = MAN(V_m; \Theta_{MAN}), \quad U = \frac{1}{3} \sum_m \alpha_m V_m, \quad m \in \{a, v, l\} $$

    Arguments: alpha (3, B, 1) of `modality_attention`; V (3, B, k), the encoded representations.
    Returns U (B, k). The weights need not sum to 1.
    """
    return np.sum(alpha * V, axis=0) / len(V)


@equation(11)
def fuse(params, V_1, V_2):
    r"""Eq. 11: fuse two vertices into one of the next layer.

    $$ V_{m_1 m_2} = MLP(V_{m_1} \oplus V_{m_2}; \Theta_{MLP}), \quad m_1, m_2 \in \{a, v, l\}, m_1 \neq m_2 $$

    MLP: dense, leaky ReLU 0.2; dense, tanh. Arguments: V_1, V_2 (n, B, k). Returns (n, B, k), each entry in (-1, 1).
    """
    h = ops.dense_layer(params["dense_1"], np.concatenate([V_1, V_2], axis=-1), "leaky_relu_0.2")  # (n, B, 64)
    return ops.dense_layer(params["dense_2"], h, "tanh")  # (n, B, k)


@equation(12)
def similarity(V_1, V_2):
    r"""Eq. 12: how alike two vertices are, between 0 and 1.

    $$ S_{m_1 m_2} = \tilde V_{m_1}^T \tilde V_{m_2}, \quad \tilde V = softmax(V) $$

    Arguments: V_1, V_2 (n, B, k), already softmax-normalised along k. Returns (n, B, 1).
    """
    return np.sum(V_1 * V_2, axis=-1, keepdims=True)


@equation(13)
def vertex_scores(alpha_1, alpha_2, S):
    r"""Eq. 13: the two edges into a vertex, added up. The less alike its sources are, the more it counts.

    $$ \hat\alpha_{m_1 m_2} = \frac{\alpha_{m_1} + \alpha_{m_2}}{S_{m_1 m_2} + 0.5} $$

    Arguments: alpha_1, alpha_2, S (n, B, 1). Returns (n, B, 1).
    """
    return edge_weight(alpha_1 + alpha_2, S)


def edge_weight(alpha, S):
    r"""Weight of the edge from vertex $m_1$ to vertex $m_1 m_2$: $\alpha_{m_1} / (S_{m_1 m_2} + 0.5)$. (n, B, 1)"""
    return alpha / (S + 0.5)


@equation(14)
def vertex_weights(alpha_hat):
    r"""Eq. 14: the scores of a layer, normalised over its vertices.

    $$ \alpha_{m_1 m_2} = \frac{e^{\hat\alpha_{m_1 m_2}}}{\sum_{m_i \neq m_j} e^{\hat\alpha_{m_i m_j}}} $$

    Argument (n, B, 1), returns (n, B, 1) with sum 1 over n.
    """
    return ops.softmax(alpha_hat, axis=0)


@equation(15)
def weighted_sum(alpha, V):
    r"""Eq. 15: the output of a layer.

    $$ B = \sum \alpha_{m_1 m_2} V_{m_1 m_2} $$

    Arguments: alpha (n, B, 1), V (n, B, k). Returns (B, k). The trimodal T is the same sum over layer 3.
    """
    return np.sum(alpha * V, axis=0)


def interaction(params, V, V_tilde, alpha, rows, variant="paper"):
    r"""One layer of interactions, Eq. 11 to 15: layer 2 fuses unimodal vertices, layer 3 those and the bimodal ones.

    Arguments
        params: the MLP of this layer.
        V: (n, B, k) vectors that are fused; V_tilde (n, B, k) their softmax, for Eq. 12.
        alpha: (n, B, 1) weights of these vertices.
        rows: row numbers of the first and of the second vertex of each new vertex.
        variant: "released" gives ELU(alpha * V) instead of alpha * V to the sum (D9, D12).
    Returns a dict: ``V`` (new, B, k) the new vertices; their ``S``, ``alpha_hat``, ``alpha`` (new, B, 1); ``sum``
    (B, k) the output of the layer; ``onward`` (new, B, k) the vectors that the next layer fuses.
    """
    first, second = rows
    new = fuse(params, ops.take_rows(V, first), ops.take_rows(V, second))
    S = similarity(ops.take_rows(V_tilde, first), ops.take_rows(V_tilde, second))
    alpha_hat = vertex_scores(ops.take_rows(alpha, first), ops.take_rows(alpha, second), S)
    alpha = vertex_weights(alpha_hat)
    if variant == "released":
        onward = ops.elu(alpha * new)
        output = np.sum(onward, axis=0)
    else:
        onward, output = new, weighted_sum(alpha, new)
    return {"V": new, "S": S, "alpha_hat": alpha_hat, "alpha": alpha, "onward": onward, "sum": output}


def graph_fusion(params, x_e, variant="paper"):
    r"""The three layers of the graph, up to $\Omega = U \oplus B \oplus T$.

    Arguments: params of `init_gfn`; x_e (3, B, k).
    Returns a dict of every named intermediate: ``alpha_m`` (3, B, 1), ``U`` (B, k); for layer 2 ``V_2``, ``S_2``,
    ``alpha_hat_2``, ``alpha_2``, ``B``; for layer 3 ``V_3``, ``S_3``, ``alpha_hat_3``, ``alpha_3``, ``T``; and
    ``Omega`` (B, 3k).
    """
    bimodal_rows, trimodal_rows = layer_rows(len(x_e))
    alpha_m = modality_attention(params["MAN"], x_e)
    U = unimodal_dynamics(alpha_m, x_e)
    V_tilde = ops.softmax(x_e)
    two = interaction(params["MLP_2"], x_e, V_tilde, alpha_m, bimodal_rows, variant)
    # D9, D10: the released code passes the weighted vertices on, with the scores of Eq. 13 for weights
    alpha_onward = two["alpha_hat"] if variant == "released" else two["alpha"]
    three = {"sum": np.zeros_like(U)} if len(x_e) == 2 else interaction(
        params["MLP_3"],
        np.concatenate([x_e, two["onward"]]),  # (6, B, k)
        np.concatenate([V_tilde, ops.softmax(two["V"])]),
        np.concatenate([alpha_m, alpha_onward]),
        trimodal_rows, variant)
    Omega = np.concatenate([U, two["sum"], three["sum"]], axis=-1)  # (B, 3k)
    layers = {f"{name}_{number}": values[name] for number, values in ((2, two), (3, three))
              for name in ("V", "S", "alpha_hat", "alpha") if name in values}
    return {"alpha_m": alpha_m, "U": U, "B": two["sum"], "T": three["sum"], "Omega": Omega, **layers}


@equation(16)
def decide(params, Omega):
    r"""Eq. 16: the decision.

    $$ M = Dec(\Omega; \Theta_{Dec}) $$

    Dec: batch norm; dense, tanh; dense, tanh; dense, softmax. (B, 3k) -> (B, N), probabilities of the classes.
    """
    h = ops.dense_layer(params["dense_1"], ops.batch_norm(params["norm"], Omega), "tanh")  # (B, 50)
    h = ops.dense_layer(params["dense_2"], h, "tanh")  # (B, 50)
    return ops.dense_layer(params["dense_3"], h, "softmax")  # (B, N)
