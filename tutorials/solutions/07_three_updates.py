"""Solutions of notebook 07. Run it in tutorials/ with: python -m solutions.07_three_updates"""

import numpy as np

from exercises import check


def gradient_by_the_logits(z, target, lambda_):
    D = 1 / (1 + np.exp(-z))  # (3, B, 1)
    gradient = -lambda_ * (1 - D) + 0.5 * D  # sources: L_fal and L_tal
    gradient[target] = -0.5 * (1 - D[target])  # target: L_tal alone
    return gradient / z.shape[1]  # each loss is a mean over the batch


check("7.1", gradient_by_the_logits)


def pull_back(x, W, G):
    x_e = np.tanh(x @ W)  # (B, k), the one pass
    return x.T @ (G * (1 - x_e ** 2))  # (d, B) @ (n, B, k) = (n, d, k)


check("7.2", pull_back)


def game(theta, phi, A, lr, steps, fresh):
    for _ in range(steps):
        seen = theta
        theta = theta - lr * (A @ phi)  # down its slope
        phi = phi + lr * ((theta if fresh else seen) @ A)  # up its slope
    return np.concatenate([theta, phi])


check("7.3", game)


def without_adversary():
    # lambda = 0 leaves L_rl alone in the first update. No update trains a discriminator.
    table = {"embedding": ("encoders", "decoders"), "classifier": ("classifier",),
             "fusion": ("fusion",)}
    return table, 0.0


check("7.4", without_adversary)

# The experiment of section 7: about 230 seeds. The half width of 0.0105 is 2.57 standard errors of
# six seeds, so the standard deviation is 0.0105 / 2.57 * sqrt(6) = 0.0100. We want 1.96 standard
# errors to be at most 1 % of 0.1293: n = (1.96 * 0.0100 / 0.001293)^2.
