"""Typical wrong answers to notebook 00: ``{exercise: [(what the hint says, answer), ...]}``."""

import numpy as np


def weights(d, k):
    return d * 10 * d + 10 * d * 10 * k + 10 * k * k + k * k


def shifts(d, k):
    return 10 * d + 10 * k + k + k


def norms(d, k):
    return 2 * (10 * d + 10 * k + k)


def product(signs, axis=1):
    return np.where(signs == 0, 1, signs).prod(axis=axis)


WRONG = {
    "0.1": [
        ("multiply only what is said", lambda signs: signs.prod(axis=1)),
        ("a product of nothing is 1", product),
        ("sign of the sum", lambda signs: np.sign(signs.sum(axis=1))),
        ("like the sum", lambda signs: signs.sum(axis=1)),
        ("language alone", lambda signs: signs[:, 1]),
        ("along each row", lambda signs: product(signs, axis=0)),
        ("class numbers", lambda signs: (np.where(signs.any(axis=1), product(signs), 0) + 1) // 2),
        ("dtype bool", lambda signs: product(signs) > 0),
    ],
    "0.2": [
        ("divide it by n", lambda M, labels: np.sum(M.argmax(axis=1) == labels)),
        ("in percent", lambda M, labels: 100 * np.mean(M.argmax(axis=1) == labels)),
        ("share of the wrong", lambda M, labels: np.mean(M.argmax(axis=1) != labels)),
        ("mean probability of the true class",
         lambda M, labels: M[np.arange(len(M)), labels].mean()),
        ("one entry per utterance", lambda M, labels: M.argmax(axis=1) == labels),
        ("not argmin", lambda M, labels: np.mean(M.argmin(axis=1) == labels)),
    ],
    "0.3": [
        ("biases b are missing", lambda d, k: weights(d, k) + norms(d, k)),
        ("batch norms are missing", lambda d, k: weights(d, k) + shifts(d, k)),
        ("weights alone", lambda d, k: weights(d, k)),
        ("two parameters", lambda d, k: weights(d, k) + shifts(d, k) + norms(d, k) // 2),
        ("after the last layer",
         lambda d, k: weights(d, k) + shifts(d, k) + norms(d, k) + 2 * k),
        ("all three", lambda d, k: 3 * (weights(d, k) + shifts(d, k) + norms(d, k))),
    ],
}
