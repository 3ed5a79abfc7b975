r"""The graph fusion network (Figure 2): three layers of vertices, Eq. 10 to 15; decision, Eq. 16.

    layer 1  unimodal   a, l, v            -> U     Eq. 10
    layer 2  bimodal    al, vl, av         -> B     Eq. 11 to 15
    layer 3  trimodal   six vertices       -> T     Eq. 11 to 15 again
    decision            U, B, T side by side        Eq. 16

`vertices` says which vertices each layer fuses. The vectors of the n vertices of a layer are one
array (n, B, k), their weights one array (n, B, 1). `interaction` computes layer 2 and layer 3.
"""

import autograd.numpy as np

from .. import nn
from ..nn import ops
from .vertices import source_indices


def init_gfn(rng, modalities, k, N, variant="paper"):
    """Parameters of the graph for any number of modalities: 543 k + 2,729 + 51 N scalars.

    MAN: k -> 1. The MLPs of layers 2 and 3: each 2k -> 64 -> k. Dec: see `init_dec`.
    """
    return {
        "MAN": nn.init_dense(rng, k, 1),
        "MLP_2": init_mlp(rng, k),
        "MLP_3": init_mlp(rng, k),
        "Dec": init_dec(rng, 3 * k, N),
    }


def modality_attention(params, V):
    r"""First part of Eq. 10: $\alpha_m = MAN(V_m; \Theta_{MAN})$. Layers: dense, sigmoid.

    Arguments
        - params: the dense layer MAN.
        - V (m, B, k): the unimodal vertices, $V_m = x_m^e$.
    Returns $\alpha_m$ (m, B, 1).
    """
    return ops.dense_layer(params, V, "sigmoid")


def unimodal_dynamics(alpha, V):
    r"""Eq. 10: the weighted average of the unimodal vertices.

    $$ \alpha_m = MAN(V_m; \Theta_{MAN}), \quad U = \frac{1}{3} \sum_m \alpha_m V_m,
       \quad m \in \{a, v, l\} $$

    Arguments
        - alpha (m, B, 1): output of `modality_attention`; the weights need not sum to 1.
        - V (m, B, k): the unimodal vertices.
    Returns U (B, k).
    """
    return np.sum(alpha * V, axis=0) / len(V)


def init_mlp(rng, k):
    """Parameters of the MLP of one layer of the graph: 2k -> 64 -> k."""
    return {"dense_1": nn.init_dense(rng, 2 * k, 64), "dense_2": nn.init_dense(rng, 64, k)}


def fuse(params, V_1, V_2):
    r"""Eq. 11: fuse two vertices into one of the next layer.

    $$ V_{m_1 m_2} = MLP(V_{m_1} \oplus V_{m_2}; \Theta_{MLP}),
       \quad m_1, m_2 \in \{a, v, l\}, m_1 \neq m_2 $$

    $\oplus$ is concatenation. Layers of the MLP: dense, leaky ReLU 0.2; dense, tanh.

    Arguments
        - params: of `init_mlp`.
        - V_1, V_2 (n, B, k): the first and the second source of n new vertices.
    Returns the new vertices (n, B, k), each entry in (-1, 1).
    """
    both = np.concatenate([V_1, V_2], axis=-1)  # (n, B, 2k)
    h = ops.dense_layer(params["dense_1"], both, "leaky_relu_0.2")  # (n, B, 64)
    return ops.dense_layer(params["dense_2"], h, "tanh")  # (n, B, k)


def similarity(V_1, V_2):
    r"""Eq. 12: how similar two vertices are, between 0 and 1.

    $$ S_{m_1 m_2} = \tilde V_{m_1}^T \tilde V_{m_2}, \quad \tilde V = softmax(V) $$

    Arguments
        - V_1, V_2 (n, B, k): the vertices after a softmax along k.
    Returns S (n, B, 1).
    """
    return np.sum(V_1 * V_2, axis=-1, keepdims=True)


def vertex_scores(alpha_1, alpha_2, S):
    r"""Eq. 13: the score of a vertex, the sum of the weights of the two edges that lead to it.

    $$ \hat\alpha_{m_1 m_2} = \frac{\alpha_{m_1} + \alpha_{m_2}}{S_{m_1 m_2} + 0.5} $$

    The less similar its two sources are, the higher the score.

    Arguments
        - alpha_1, alpha_2 (n, B, 1): the weights of the first and of the second sources.
        - S (n, B, 1): output of `similarity`.
    Returns $\hat\alpha$ (n, B, 1).
    """
    return edge_weight(alpha_1 + alpha_2, S)


def edge_weight(alpha, S):
    r"""Weight of the edge from $m_1$ to $m_1 m_2$, $\alpha_{m_1} / (S_{m_1 m_2} + 0.5)$.

    Arguments: alpha and S of one shape, (n, B, 1) in the graph. Returns that shape.
    """
    return alpha / (S + 0.5)


def vertex_weights(alpha_hat):
    r"""Eq. 14: the scores of a layer, normalised over its vertices by a softmax.

    $$ \alpha_{m_1 m_2} = \frac{e^{\hat\alpha_{m_1 m_2}}}{\sum_{m_i \neq m_j}
       e^{\hat\alpha_{m_i m_j}}} $$

    Argument: alpha_hat (n, B, 1). Returns $\alpha$ (n, B, 1), which sums to 1 over n.
    """
    return ops.softmax(alpha_hat, axis=0)


def weighted_sum(alpha, V):
    r"""Eq. 15: the output of layer 2; T is the same sum over layer 3.

    $$ B = \sum \alpha_{m_1 m_2} V_{m_1 m_2} $$

    Arguments: alpha (n, B, 1), V (n, B, k). Returns (B, k).
    """
    return np.sum(alpha * V, axis=0)


def interaction(params, V, V_tilde, alpha, sources, variant="paper"):
    r"""One layer of the graph, Eq. 11 to 15.

    Layer 2 fuses the unimodal vertices, layer 3 the unimodal and the bimodal ones.

    Arguments
        - params: the MLP of this layer.
        - V (n, B, k): the vertices of the layers below.
        - V_tilde (n, B, k): their softmax, for Eq. 12.
        - alpha (n, B, 1): their weights.
        - sources: two lists of indices into V, see `vertices.source_indices`.
        - variant: "released" adds up ELU(alpha V) instead of alpha V (D9, D12).
    Returns a dict
        - V (new, B, k): the new vertices; their S, alpha_hat and alpha (new, B, 1).
        - sum (B, k): the output of the layer.
        - onward (new, B, k): the vectors that the next layer fuses.
    """
    first, second = sources
    new = fuse(params, ops.take_rows(V, first), ops.take_rows(V, second))
    S = similarity(ops.take_rows(V_tilde, first), ops.take_rows(V_tilde, second))
    alpha_hat = vertex_scores(ops.take_rows(alpha, first), ops.take_rows(alpha, second), S)
    alpha = vertex_weights(alpha_hat)
    if variant == "released":
        onward = ops.elu(alpha * new)
        output = np.sum(onward, axis=0)
    else:
        onward = new
        output = weighted_sum(alpha, new)
    return {"V": new, "S": S, "alpha_hat": alpha_hat, "alpha": alpha, "onward": onward,
            "sum": output}


def graph_fusion(params, x_e, variant="paper", rng=None):
    r"""The whole graph (Figure 2), Eq. 10 to 16.

    Arguments
        - params: of `init_gfn`.
        - x_e (m, B, k): the unimodal vertices.
    Returns a dict of every named intermediate
        - layer 1: alpha_m (m, B, 1), U (B, k).
        - layer 2: V_2 (n, B, k); S_2, alpha_hat_2, alpha_2 (n, B, 1); B (B, k).
        - layer 3, for three modalities or more: V_3, S_3, alpha_hat_3, alpha_3.
        - T (B, k), which is 0 for two modalities.
        - Omega (B, 3k), which is $U \oplus B \oplus T$, and the decision M (B, N).
    """
    layer_2, layer_3 = source_indices(len(x_e))
    alpha_m = modality_attention(params["MAN"], x_e)
    U = unimodal_dynamics(alpha_m, x_e)
    V_tilde = ops.softmax(x_e)
    two = interaction(params["MLP_2"], x_e, V_tilde, alpha_m, layer_2, variant)
    out = {"alpha_m": alpha_m, "U": U, "B": two["sum"]}
    out |= _named(two, 2)
    if len(x_e) == 2:
        out["T"] = np.zeros_like(U)
    else:
        # D10: the released code gives layer 3 the scores of Eq. 13 instead of Eq. 14's weights.
        alpha_2 = two["alpha_hat"] if variant == "released" else two["alpha"]
        V = np.concatenate([x_e, two["onward"]])  # (m + n, B, k)
        V_tilde = np.concatenate([V_tilde, ops.softmax(two["V"])])
        alpha = np.concatenate([alpha_m, alpha_2])
        three = interaction(params["MLP_3"], V, V_tilde, alpha, layer_3, variant)
        out["T"] = three["sum"]
        out |= _named(three, 3)
    out["Omega"] = np.concatenate([U, out["B"], out["T"]], axis=-1)  # (B, 3k)
    out["M"] = decide(params["Dec"], out["Omega"])
    return out


def _named(layer, number):
    return {f"{name}_{number}": layer[name] for name in ("V", "S", "alpha_hat", "alpha")}


def init_dec(rng, width, N):
    """Parameters of the decision network Dec: batch norm, width -> 50 -> 50 -> N."""
    return {
        "norm": nn.init_batch_norm(width),
        "dense_1": nn.init_dense(rng, width, 50),
        "dense_2": nn.init_dense(rng, 50, 50),
        "dense_3": nn.init_dense(rng, 50, N),
    }


def decide(params, Omega):
    r"""Eq. 16: the decision.

    $$ M = Dec(\Omega; \Theta_{Dec}) $$

    Layers of Dec: batch norm; dense, tanh; dense, tanh; dense, softmax.

    Arguments: params of `init_dec`; Omega (B, 3k). Returns M (B, N), probabilities of the classes.
    """
    h = ops.batch_norm(params["norm"], Omega)  # (B, 3k)
    h = ops.dense_layer(params["dense_1"], h, "tanh")  # (B, 50)
    h = ops.dense_layer(params["dense_2"], h, "tanh")  # (B, 50)
    return ops.dense_layer(params["dense_3"], h, "softmax")  # (B, N)


def fusion_loss(M, y, variant="paper"):
    r"""Loss of the decision ("Experimental details"): mean square error between M and the label.

    $$ \frac{1}{B N} \sum_{b, n} (M_{bn} - y_{bn})^2 $$

    Arguments: M (B, N), y (B, N) one-hot. Released: the sum of absolute errors (D7).
    """
    error = M - y  # (B, N)
    if variant == "released":
        return np.sum(np.abs(error))
    return ops.mean(error * error)
