"""Exercises of notebook 08, graph fusion I."""

import numpy as np

from argf_np import nn
from argf_np.nn import ops
from argf_np.paper.graph_fusion_eq10_16 import (
    fuse,
    similarity,
    unimodal_dynamics,
    vertex_scores,
    vertex_weights,
    weighted_sum,
)

from . import compare, exercise, require

m, n, k = 4, 5, 7  # vertices, utterances, width


@exercise("8.1", 10)
def gradient_of_the_weights(answer, rng):
    """The gradient with respect to alpha (3, n, 1), given that with respect to U (n, k)."""
    g, V = rng.standard_normal((n, k)), rng.uniform(-1, 1, (3, n, k))

    def U(p):
        return unimodal_dynamics(p["alpha"], V)

    _, pull = nn.vjp(U, {"alpha": rng.random((3, n, 1))})
    right = pull(g)["alpha"]
    compare(answer, (g, V), right, {
        "the 1/3 of Eq. 10 is missing": 3 * right,
        "it looks like one number per entry: alpha_m scales all k entries of V_m, so their parts "
        "add up": g * V / 3,
        "it looks like the mean over the k entries: their parts add up": right / k,
        "the sign is wrong: U grows with alpha_m where V_m is positive": -right,
        "the right numbers without the last axis: expected (3, n, 1)": right[..., 0],
        "it looks like the sum over the batch: each utterance has weights of its own":
            (g * V).sum(axis=1) / 3,
        "g is missing: the chain rule multiplies dU/dalpha by the gradient that comes in":
            np.sum(V, axis=-1, keepdims=True) / 3,
    })
    return "and a vertex that is short hardly moves its weight"


@exercise("8.2", 12)
def all_similarities(answer, rng):
    """S (n, m, m) of every vertex with every vertex, of V (m, n, k)."""
    V = rng.standard_normal((m, n, k))

    def S(V_tilde):
        columns = []
        for i in range(m):
            columns.append(similarity(V_tilde, V_tilde[[i]])[..., 0].T)  # (n, m)
        return np.stack(columns, axis=-1)  # (n, m, m)

    V_tilde = ops.softmax(V)
    unit = V / np.linalg.norm(V, axis=-1, keepdims=True)
    e = np.exp(V)
    compare(answer, (V,), S(V_tilde), {
        "it looks like V without the softmax: Eq. 12 takes the inner product of the normalised "
        "vectors": S(V),
        "it looks like exp(V): the sum in the denominator of the softmax is missing": S(e),
        "it looks like V divided by its sum: the softmax takes the exponential first":
            S(V / V.sum(axis=-1, keepdims=True)),
        "it looks like the softmax over the wrong axis, the vertices: each vector is normalised "
        "along its k entries": S(ops.softmax(V, axis=0)),
        "it looks like the softmax over the batch: each vector is normalised along its k entries":
            S(ops.softmax(V, axis=1)),
        "it looks like the softmax over all entries at once: each vector has a sum of its own":
            S(e / e.sum()),
        "it looks like the cosine: Eq. 12 normalises with the softmax, not with the length":
            S(unit),
        "it looks like a transposed similarity: the sum runs over the k entries, so that m vertices"
        " meet m vertices": np.einsum("nbi,nbj->bij", V_tilde, V_tilde),
        "the right numbers in the wrong order of axes: the utterance comes first":
            S(V_tilde).transpose(1, 2, 0),
    })
    return "and even that of a vertex with itself is not 1"


@exercise("8.3", 13, 14, 15)
def bimodal_dynamics(answer, rng):
    """B (n, k) from alpha_first, alpha_second, S (m, n, 1) and the vertices V (m, n, k)."""
    alpha_first, alpha_second, S = rng.random((3, m, n, 1))
    V = rng.uniform(-1, 1, (m, n, k))
    alpha_hat = vertex_scores(alpha_first, alpha_second, S)
    right = weighted_sum(vertex_weights(alpha_hat), V)
    e = np.exp(alpha_hat)
    compare(answer, (alpha_first, alpha_second, S, V), right, {
        "the 0.5 is missing in the denominator of Eq. 13 (one that is added after the fraction has "
        "no effect on Eq. 14)": weighted_sum(vertex_weights((alpha_first + alpha_second) / S), V),
        "the brackets are missing in Eq. 13: the whole sum is divided":
            weighted_sum(vertex_weights(alpha_first + alpha_second / (S + 0.5)), V),
        "the softmax of Eq. 14 is missing": weighted_sum(alpha_hat, V),
        "it looks like scores divided by their sum: Eq. 14 takes the exponential first":
            weighted_sum(alpha_hat / alpha_hat.sum(axis=0), V),
        "it looks like the softmax over the batch: the weights of one utterance sum to 1":
            weighted_sum(ops.softmax(alpha_hat, axis=1), V),
        "it looks like the softmax over all entries at once: the weights of one utterance sum to 1":
            weighted_sum(e / e.sum(), V),
        "it looks like the softmax along the last axis, of one entry: every weight is then 1":
            V.sum(axis=0),
        "the weighted vectors are averaged: Eq. 15 adds them up, and the weights sum to 1 already":
            right / m,
    })
    return "and this is a layer of the graph, but for the MLP"


@exercise("8.4", 11)
def xor_by_hand(answer, rng):
    """Parameters of an MLP for k = 1 with four hidden units or fewer: the sign of V_1 V_2."""
    params = nn.map_leaves(np.asarray, answer())
    for name, inputs, outputs in (("dense_1", 2, None), ("dense_2", None, 1)):
        shape = params[name]["W"].shape
        fits = len(shape) == 2 and inputs in (None, shape[0]) and outputs in (None, shape[1])
        require(fits, f"{name}/W has shape {shape}; V_1 and V_2 together have 2 entries, "
                "the vertex has 1")
    units = params["dense_1"]["W"].shape[1]
    require(len(params["dense_2"]["W"]) == units,
            f"dense_1 has {units} hidden units, dense_2 expects {len(params['dense_2']['W'])}")
    signs = np.repeat([[-1, -1, 1, 1], [-1, 1, -1, 1]], 25, axis=1)[:, None, :, None]
    V_1, V_2 = signs * rng.uniform(0.3, 1, signs.shape)  # (1, 100, 1)
    vertex = fuse(params, V_1, V_2)
    require(np.isfinite(vertex).all(), "the vertex is NaN or infinite at some points")
    require(vertex.any(), "the vertex is 0 everywhere, which is no sign: is a layer all zeros, or "
            "do the hidden units cancel each other?")
    require(np.ptp(vertex) > 0, "the vertex is the same everywhere: it does not depend on V_1, V_2")
    right = np.sign(vertex) == signs[0] * signs[1]
    share = right.mean()
    require(share > 0, "the vertex has the wrong sign everywhere: negate the second layer")
    require(share > 0.75, f"the vertex has the right sign for {share:.0%} of the points. A "
            "function of V_1 plus one of V_2 never gets all four corners: look for hidden units "
            "that are large when the signs agree")
    wrong = np.argmin(right)
    require(share == 1, f"the vertex has the right sign for {share:.0%} of the points, but not at "
            f"V_1 = {V_1.flat[wrong]:.2f}, V_2 = {V_2.flat[wrong]:.2f}")
    require(units <= 4, f"the vertex has the right sign everywhere, with {units} hidden units. "
            "Four are enough, and three are the fewest that we know of")
    return f"with {units} hidden units; three are the fewest that we know of"
