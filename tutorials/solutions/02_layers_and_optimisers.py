"""Solutions of notebook 02.

Run it in tutorials/ with: python -m solutions.02_layers_and_optimisers
"""

import numpy as np

from exercises import check


def dropout(x, drop_rate, u):
    return np.where(u < drop_rate, 0, x / (1 - drop_rate))


check("2.1", dropout)


def batch_norm_back(g, x, gamma):
    s = np.sqrt(x.var(axis=0) + 1e-5)  # (width,)
    x_hat = (x - x.mean(axis=0)) / s  # (B, width)
    G = gamma * g  # the gradient with respect to x_hat = (x - mu) / s
    # 1. Directly: G / s.
    # 2. Through mu, which is in each x_hat_c with -1 / s, and dmu/dx_b = 1 / B: -mean(G) / s.
    # 3. Through s, with dx_hat_c/ds = -x_hat_c / s and ds/dx_b = x_hat_b / B:
    #    -x_hat mean(G x_hat) / s.
    return (G - G.mean(axis=0) - x_hat * (G * x_hat).mean(axis=0)) / s


check("2.2", batch_norm_back)


def adam_step(theta, g, m, v, t, lr, beta_1, beta_2):
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g ** 2
    m_hat, v_hat = m / (1 - beta_1 ** t), v / (1 - beta_2 ** t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + 1e-8)


check("2.3", adam_step)


def limit_for_leaky_relu(fan_in, slope):
    # Half of the inputs pass as they are, half are multiplied by the slope: the mean square is
    # (1 + slope^2) / 2 times the variance. So fan_in Var(W) (1 + slope^2) / 2 has to be 1, and
    # Var(W) = c^2 / 3.
    return np.sqrt(3 * 2 / ((1 + slope ** 2) * fan_in))


check("2.4", limit_for_leaky_relu)

# The experiments. theta_1 shoots over by 0.08 with beta_1 = 0.9, and not at all with 0.5 and 0.
# With Adam the loss is below 0.1 after 55, 32 and 163 steps, with gradient descent after 196 and
# 1900.
