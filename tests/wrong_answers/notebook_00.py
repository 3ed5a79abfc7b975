"""Typical wrong answers to notebook 00: ``{exercise: [(what the hint says, answer), ...]}``."""

import numpy as np


def weights(d, k):
    return d * 10 * d + 10 * d * 10 * k + 10 * k * k + k * k


def shifts(d, k):
    return 10 * d + 10 * k + k + k


def norms(d, k):
    return 2 * (10 * d + 10 * k + k)


WRONG = {
    "0.1": [
        ("divide it by n", lambda M, labels: np.sum(M.argmax(axis=1) == labels)),
        ("share of the wrong", lambda M, labels: np.mean(M.argmax(axis=1) != labels)),
        ("mean probability of the true class",
         lambda M, labels: M[np.arange(len(M)), labels].mean()),
        ("one entry per utterance", lambda M, labels: M.argmax(axis=1) == labels),
        ("not argmin", lambda M, labels: np.mean(M.argmin(axis=1) == labels)),
    ],
    "0.2": [
        ("peeking", lambda train, test, N: np.mean(test == np.bincount(test).argmax())),
        ("share of the training", lambda train, test, N: np.bincount(train).max() / len(train)),
        ("share of class 1", lambda train, test, N: np.mean(test == 1)),
        ("share of class 1", lambda train, test, N: np.mean(test == np.median(train))),
        ("number of the class", lambda train, test, N: np.bincount(train).argmax()),
        ("guessing", lambda train, test, N: 1 / N),
    ],
    "0.3": [
        ("shifts b are missing", lambda d, k: weights(d, k) + norms(d, k)),
        ("batch norms are missing", lambda d, k: weights(d, k) + shifts(d, k)),
        ("weights alone", lambda d, k: weights(d, k)),
        ("two parameters", lambda d, k: weights(d, k) + shifts(d, k) + norms(d, k) // 2),
        ("after the last layer",
         lambda d, k: weights(d, k) + shifts(d, k) + norms(d, k) + 2 * k),
        ("all three", lambda d, k: 3 * (weights(d, k) + shifts(d, k) + norms(d, k))),
    ],
}
