"""Typical wrong answers to the exercises of notebook 07.

``WRONG`` is ``{exercise: [(what the hint says, answer), ...]}``.
"""

import numpy as np


def push(z, target, lambda_, half=0.5):
    D = 1 / (1 + np.exp(-z))
    gradient = -lambda_ * (1 - D) + half * D
    gradient[target] = -half * (1 - D[target])
    return gradient / z.shape[1]


def target_called_false(z, target, lambda_):
    D = 1 / (1 + np.exp(-z))
    gradient = -lambda_ * (1 - D) + 0.5 * D
    gradient[target] = 0.5 * D[target]
    return gradient / z.shape[1]


def play(theta, phi, A, lr, steps, fresh, sign=1):
    for _ in range(steps):
        moved = theta - lr * A @ phi
        theta, phi = moved, phi + sign * lr * (moved if fresh else theta) @ A
    return np.concatenate([theta, phi])


def table(**changes):
    updates = {"embedding": ("encoders", "decoders"), "classifier": ("classifier",),
               "fusion": ("gfn",)} | changes
    return {update: groups for update, groups in updates.items() if groups}


WRONG = {
    "7.1": [
        ("mean over the batch is missing", lambda z, t, lam: push(z, t, lam) * z.shape[1]),
        ("0.5 of Eq. 9 is missing", lambda z, t, lam: push(z, t, lam, half=1)),
        ("lambda of Eq. 9 is missing", lambda z, t, lam: push(z, t, 1)),
        ("gradient points up", lambda z, t, lam: -push(z, t, lam)),
        ("target were called false", target_called_false),
        (r"0.333333 times", lambda z, t, lam: push(z, t, lam) / 3),
    ],
    "7.2": [
        ("derivative of tanh is missing", lambda x, W, G: x.T @ G),
        (r"1 - tanh\(x W\)\^2", lambda x, W, G: x.T @ (G * (1 - (x @ W) ** 2))),
        ("losses are added up", lambda x, W, G: x.T @ (G.sum(axis=0) * (1 - np.tanh(x @ W) ** 2))),
        ("mean over the batch", lambda x, W, G: x.T @ (G * (1 - np.tanh(x @ W) ** 2)) / len(x)),
        ("turned", lambda x, W, G: (G * (1 - np.tanh(x @ W) ** 2)).swapaxes(1, 2) @ x),
    ],
    "7.3": [
        ("steps up its slope", lambda *game: play(*game, sign=-1)),
        ("as it was before the step", lambda *game: play(*game[:-1], True)),
        ("has just moved", lambda *game: play(*game[:-1], False)),
        ("returns nothing", lambda *game: None),
    ],
    "7.4": [
        ("nobody needs to move", lambda: (table(discriminator=("discriminator",)), 0)),
        ("L_fal a share", lambda: (table(), 0.001)),
        ("no reconstruction", lambda: (table(), 1)),
        ("classifier moves classifier, encoders",
         lambda: (table(classifier=("encoders", "classifier")), 0)),
        ("fusion moves encoders, gfn", lambda: (table(fusion=("encoders", "gfn")), 0)),
        ("'fusion' is missing", lambda: (table(fusion=()), 0)),
    ],
}
