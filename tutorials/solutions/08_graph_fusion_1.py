"""Solutions of notebook 08. Run it in tutorials/ with: python -m solutions.08_graph_fusion_1"""

import numpy as np

from argf_np.nn import ops
from exercises import check


def gradient_of_the_weights(g, V):
    # U_j is 1/3 of the sum over m of alpha_m V_mj, so dU_j / dalpha_m = V_mj / 3. The chain rule
    # multiplies it by g_j and adds up over j.
    return (g * V).sum(axis=-1, keepdims=True) / 3  # (3, n, 1)


check("8.1", gradient_of_the_weights)


def all_similarities(V):
    V_tilde = ops.softmax(V, axis=-1).swapaxes(0, 1)  # (n, vertices, k)
    return V_tilde @ V_tilde.swapaxes(1, 2)  # (n, vertices, vertices)


check("8.2", all_similarities)


def bimodal_dynamics(alpha_first, alpha_second, S, V):
    alpha_hat = (alpha_first + alpha_second) / (S + 0.5)  # (pairs, n, 1), Eq. 13
    alpha = np.exp(alpha_hat) / np.exp(alpha_hat).sum(axis=0)  # (pairs, n, 1), Eq. 14
    return (alpha * V).sum(axis=0)  # (n, k), Eq. 15


check("8.3", bimodal_dynamics)


def xor_by_hand():
    # With leaky ReLU r of slope 0.2, r(z) + r(-z) = 0.8 |z|: two hidden units give |V_1 + V_2|.
    # Where the signs agree it is more than 0.6. Where they differ it is up to 0.7, so we subtract
    # |V_1 - V_2|, which two other units give. |V_1 + V_2| - |V_1 - V_2| has the sign of V_1 V_2.
    W_1 = np.array([[1.0, -1.0, 1.0, -1.0],   # z and -z of the sum,
                    [1.0, -1.0, -1.0, 1.0]])  # z and -z of the difference
    W_2 = np.array([[1.0], [1.0], [-1.0], [-1.0]])
    return {"dense_1": {"W": W_1, "b": np.zeros((1, 4))},
            "dense_2": {"W": W_2, "b": np.zeros((1, 1))}}


check("8.4", xor_by_hand)

# The experiment of section 5: 81 %.
