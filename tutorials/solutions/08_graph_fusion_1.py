"""Solutions of notebook 08. Run it in tutorials/ with: python -m solutions.08_graph_fusion_1"""

import numpy as np

from argf_np.nn import ops
from exercises import check


def all_similarities(V):
    V_tilde = ops.softmax(V, axis=-1).swapaxes(0, 1)  # (B, n, k)
    return V_tilde @ V_tilde.swapaxes(1, 2)  # (B, n, n)


check("8.1", all_similarities)


def bimodal_dynamics(alpha_1, alpha_2, S, V):
    alpha_hat = (alpha_1 + alpha_2) / (S + 0.5)  # (n, B, 1), Eq. 13
    alpha = np.exp(alpha_hat) / np.exp(alpha_hat).sum(axis=0)  # (n, B, 1), Eq. 14: over the vertices
    return (alpha * V).sum(axis=0)  # (B, k), Eq. 15


check("8.2", bimodal_dynamics)


def gradient_of_the_weights(g, V):
    # U_j = 1/3 sum over m of alpha_m V_mj, so dU_j / dalpha_m = V_mj / 3, and the chain rule adds up over j.
    return (g * V).sum(axis=-1, keepdims=True) / 3  # (3, B, 1)


check("8.3", gradient_of_the_weights)


def xor_by_hand():
    # Two hidden units give |V_1 + V_2|, up to the slope: large where the signs agree, near 0 where they differ.
    # With leaky ReLU r, r(z) + r(-z) = 0.8 |z|. Where the signs agree |V_1 + V_2| > 0.6, but where they differ it can
    # be up to 0.7, so |V_1 - V_2| is taken off: |V_1 + V_2| - |V_1 - V_2| has the sign of V_1 V_2 everywhere.
    W_1 = np.array([[1.0, -1.0, 1.0, -1.0], [1.0, -1.0, -1.0, 1.0]])  # z, -z of the sum; z, -z of the difference
    W_2 = np.array([[1.0], [1.0], [-1.0], [-1.0]])
    return {"dense_1": {"W": W_1, "b": np.zeros((1, 4))}, "dense_2": {"W": W_2, "b": np.zeros((1, 1))}}


check("8.4", xor_by_hand)
