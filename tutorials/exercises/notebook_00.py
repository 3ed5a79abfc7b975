"""Exercises of notebook 00, the whole paper."""

import numpy as np

from argf_np import nn
from argf_np.paper.joint_embedding_eq1_9 import init_encoders

from . import compare, exercise


@exercise("0.1")
def accuracy(answer, rng):
    """The share of the decisions M (n, N) that are the labels (n,)."""
    n, N = 40, 3
    M, labels = rng.dirichlet(np.ones(N), n), rng.integers(N, size=n)
    right = M.argmax(axis=1) == labels
    compare(answer, (M, labels), np.mean(right), {
        "this is the number of right decisions: divide it by n": np.sum(right),
        "this is the share of the wrong ones": np.mean(~right),
        "it looks like the mean probability of the true class: only the most probable class counts":
            M[np.arange(n), labels].mean(),
        "one entry an utterance: what share of them is True?": right,
        "it looks like the least probable class: argmax, not argmin": np.mean(M.argmin(axis=1) == labels),
    })


@exercise("0.2")
def always_the_same(answer, rng):
    """The share of the test labels that are the most frequent training label."""
    train, test, N = rng.permutation(np.repeat([0, 1, 2], [7, 15, 11])), np.repeat([0, 1, 2], [5, 3, 9]), 3
    compare(answer, (train, test, N), np.mean(test == 1), {
        "the class is chosen by the test labels: that is peeking": np.mean(test == 2),
        "this is its share of the training utterances: it is to be right on the others": np.mean(train == 1),
        "this is the number of the class": np.array(1),
        "this is what guessing gives, 1 / N": np.array(1 / N),
    })


@exercise("0.3", 1)
def encoder_parameters(answer, rng):
    """The number of parameters of one encoder d -> 10d -> 10k -> k -> k."""
    d, k = 7, 5
    encoder = init_encoders(rng, 1, d, k)
    size = {name: sum(array.size for path, array in nn.leaves(encoder) if path[-1] in name)
            for name in (("W",), ("b",), ("gamma", "beta"))}
    W, b, norm = size.values()
    compare(answer, (d, k), np.array(nn.count(encoder)), {
        "the shifts b are missing": W + np.array(norm),
        "the batch norms are missing": W + np.array(b),
        "it looks like the weights alone: there are shifts and batch norms too": np.array(W),
        "each batch norm has two parameters for each of its numbers": W + b + np.array(norm // 2),
        "there is no batch norm after the last layer": W + b + norm + np.array(2 * k),
        "this is for all three encoders": np.array(3 * (W + b + norm)),
    })
