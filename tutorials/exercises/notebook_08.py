"""Exercises of notebook 08, graph fusion I."""

import numpy as np

from argf_np import nn
from argf_np.paper.graph_fusion_eq10_16 import fuse, similarity, unimodal_dynamics, vertex_scores, vertex_weights, weighted_sum
from argf_np.nn import ops

from . import compare, exercise, require

n, B, k = 4, 5, 7


@exercise("8.1", 12)
def all_similarities(answer, rng):
    """S (B, n, n) of each two of the vertices V (n, B, k)."""
    V = rng.standard_normal((n, B, k))

    def S(V_tilde):
        return np.stack([similarity(V_tilde, V_tilde[[i]])[..., 0].T for i in range(n)], axis=-1)  # (B, n, n)

    unit = V / np.linalg.norm(V, axis=-1, keepdims=True)
    compare(answer, (V,), S(ops.softmax(V)), {
        "it looks like V without the softmax: Eq. 12 takes the inner product of the normalised vectors": S(V),
        "it looks like the softmax over the wrong axis, the n vertices: each vector is normalised along its k entries":
            S(ops.softmax(V, axis=0)),
        "it looks like the softmax over the batch: each vector is normalised along its k entries":
            S(ops.softmax(V, axis=1)),
        "it looks like the cosine: Eq. 12 normalises with the softmax, not with the length": S(unit),
        "it looks like a transposed similarity: the sum runs over the k entries, and n vertices meet n vertices":
            np.einsum("nbi,nbj->bij", ops.softmax(V), ops.softmax(V)),
        "the right numbers in the wrong order of axes: expected (B, n, n)": S(ops.softmax(V)).transpose(1, 2, 0),
    })


@exercise("8.2", 13, 14, 15)
def bimodal_dynamics(answer, rng):
    """B (B, k) from alpha_1, alpha_2, S (n, B, 1) and the vertices V (n, B, k)."""
    alpha_1, alpha_2, S = rng.random((3, n, B, 1))
    V = rng.uniform(-1, 1, (n, B, k))
    alpha_hat = vertex_scores(alpha_1, alpha_2, S)
    right = weighted_sum(vertex_weights(alpha_hat), V)
    compare(answer, (alpha_1, alpha_2, S, V), right, {
        "the 0.5 is missing in the denominator of Eq. 13 (Eq. 14 does not see one that is added behind the fraction)":
            weighted_sum(vertex_weights((alpha_1 + alpha_2) / S), V),
        "the softmax of Eq. 14 is missing": weighted_sum(alpha_hat, V),
        "it looks like the softmax over the batch: the weights of the n vertices of one utterance sum to 1":
            weighted_sum(ops.softmax(alpha_hat, axis=1), V),
        "it looks like the softmax along the last axis, which has one entry: every weight is then 1": V.sum(axis=0),
        "the weighted vectors are averaged: Eq. 15 adds them up, the weights sum to 1 already": right / n,
    })


@exercise("8.3", 10)
def gradient_of_the_weights(answer, rng):
    """The gradient by alpha (n, B, 1) of a loss whose gradient by U (B, k) is g."""
    g, V = rng.standard_normal((B, k)), rng.uniform(-1, 1, (3, B, k))
    _, pull = nn.vjp(lambda p: unimodal_dynamics(p["alpha"], V), {"alpha": rng.random((3, B, 1))})
    right = pull(g)["alpha"]
    compare(answer, (g, V), right, {
        "the 1/3 of Eq. 10 is missing": 3 * right,
        "it looks like one number an entry: alpha_m scales all k entries of V_m, and their parts add up": g * V / 3,
        "it looks like the mean over the k entries: their parts add up": right / k,
        "the right numbers without the last axis: expected (3, B, 1)": right[..., 0],
        "it looks like the sum over the batch: each utterance has weights of its own": (g * V).sum(axis=1) / 3,
    })


@exercise("8.4", 11)
def xor_by_hand(answer, rng):
    """MLP parameters for k = 1 whose vertex has the sign of V_1 V_2."""
    params = answer()
    for path, expected in ((("dense_1", "W"), (2, None)), (("dense_2", "W"), (None, 1))):
        shape = np.shape(params[path[0]][path[1]])
        require(len(shape) == 2 and all(e in (None, s) for e, s in zip(expected, shape, strict=True)),
                f"{'/'.join(path)} has shape {shape}; V_1 and V_2 together have 2 entries, the vertex has 1")
    signs = np.repeat([[-1, -1, 1, 1], [-1, 1, -1, 1]], 25, axis=1)[:, None, :, None]  # (2, 1, 100, 1)
    V_1, V_2 = signs * rng.uniform(0.3, 1, signs.shape)
    V = fuse(params, V_1, V_2)
    right = np.mean(np.sign(V) == signs[0] * signs[1])
    require(right > 0, "the vertex has the wrong sign everywhere: turn the second layer over")
    require(right == 1, f"the vertex has the right sign for {right:.0%} of the points. A function of V_1 plus one "
            "of V_2 never gets all four corners: look for hidden units that are large when the signs agree")
