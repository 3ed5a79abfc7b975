"""Typical wrong answers of notebook 07: ``{exercise: [(what the hint says, answer), ...]}``."""

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


def target_without_half(z, target, lambda_):
    gradient = push(z, target, lambda_)
    gradient[target] *= 2
    return gradient


def all_as_sources(z, target, lambda_):
    D = 1 / (1 + np.exp(-z))
    return (-lambda_ * (1 - D) + 0.5 * D) / z.shape[1]


def target_in_both(z, target, lambda_):
    D = 1 / (1 + np.exp(-z))
    gradient = push(z, target, lambda_)
    gradient[target] -= lambda_ * (1 - D[target]) / z.shape[1]
    return gradient


def phi_first(theta, phi, A, lr, steps, fresh):
    for _ in range(steps):
        phi = phi + lr * theta @ A
        theta = theta - lr * A @ phi
    return np.concatenate([theta, phi])


def play(theta, phi, A, lr, steps, fresh, sign=1):
    for _ in range(steps):
        moved = theta - lr * A @ phi
        theta, phi = moved, phi + sign * lr * (moved if fresh else theta) @ A
    return np.concatenate([theta, phi])


def table(**changes):
    right = {"embedding": ("encoders", "decoders"), "classifier": ("classifier",),
             "fusion": ("fusion",)}
    return {update: groups for update, groups in (right | changes).items() if groups}


WRONG = {
    "7.1": [
        ("mean over the batch is missing", lambda z, t, lam: push(z, t, lam) * z.shape[1]),
        ("0.5 of Eq. 9 is missing", lambda z, t, lam: push(z, t, lam, half=1)),
        ("lambda of Eq. 9 is missing", lambda z, t, lam: push(z, t, 1)),
        ("missing in the row of the target", target_without_half),
        ("it is an argument", lambda z, t, lam: push(z, 1, lam)),
        ("gradient points up", lambda z, t, lam: -push(z, t, lam)),
        ("target were called false", target_called_false),
        ("mean over all logits", lambda z, t, lam: push(z, t, lam) / 3),
        ("treated like a source", all_as_sources),
        ("no lambda in its row", target_in_both),
    ],
    "7.2": [
        ("derivative of tanh is missing", lambda x, W, G: x.T @ G),
        (r"1 - tanh\(x W\)\^2", lambda x, W, G: x.T @ (G * (1 - (x @ W) ** 2))),
        ("losses are added up", lambda x, W, G: x.T @ (G.sum(axis=0) * (1 - np.tanh(x @ W) ** 2))),
        ("mean over the batch", lambda x, W, G: x.T @ (G * (1 - np.tanh(x @ W) ** 2)) / len(x)),
        ("it looks like 1 - tanh:", lambda x, W, G: x.T @ (G * (1 - np.tanh(x @ W)))),
        ("square belongs", lambda x, W, G: x.T @ (G * (1 - np.tanh(x @ W)) ** 2)),
        ("transposed", lambda x, W, G: (G * (1 - np.tanh(x @ W) ** 2)).swapaxes(1, 2) @ x),
    ],
    "7.3": [
        ("steps up its slope", lambda *game: play(*game, sign=-1)),
        ("as it was before the step", lambda *game: play(*game[:-1], True)),
        ("theta steps first", phi_first),
        ("has just changed", lambda *game: play(*game[:-1], False)),
        ("returns nothing", lambda *game: None),
    ],
    "7.4": [
        ("no update trains a discriminator", lambda: (table(discriminator=("discriminator",)), 0)),
        ("L_fal a share", lambda: (table(), 0.001)),
        ("no reconstruction", lambda: (table(), 1)),
        ("classifier trains classifier, encoders",
         lambda: (table(classifier=("encoders", "classifier")), 0)),
        ("fusion trains encoders, fusion", lambda: (table(fusion=("encoders", "fusion")), 0)),
        ("classifier trains encoders", lambda: (table(classifier="encoders"), 0)),
        ("'fusion' is missing", lambda: (table(fusion=()), 0)),
    ],
}
