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
    of_truth = M[np.arange(n), labels].mean()
    compare(answer, (M, labels), np.mean(right), {
        "this is the number of right decisions: divide it by n": np.sum(right),
        "this is the share of the wrong ones": np.mean(~right),
        "it looks like the mean probability of the true class: only the largest counts": of_truth,
        "one entry per utterance: what share of them is True?": right,
        "it looks like the least probable class: argmax, not argmin":
            np.mean(M.argmin(axis=1) == labels),
    })


@exercise("0.2")
def always_the_same(answer, rng):
    """The share of the test labels that are the most frequent training label, here 0."""
    train = rng.permutation(np.repeat([0, 1, 2, 3], [15, 7, 11, 3]))
    test, N = np.repeat([0, 1, 2, 3], [5, 3, 9, 4]), 4
    compare(answer, (train, test, N), np.mean(test == 0), {
        "the class is chosen by the test labels: that is peeking": np.mean(test == 2),
        "it looks like the share of class 1: the most frequent training label is another one":
            np.mean(test == 1),
        "this is its share of the training utterances: which share of the test labels is it?":
            np.mean(train == 0),
        "this is the number of the class": np.array(0),
        "this is what guessing gives, 1 / N": np.array(1 / N),
    })


@exercise("0.3", 1)
def encoder_parameters(answer, rng):
    """The number of parameters of one encoder d -> 10d -> 10k -> k -> k."""
    d, k = 7, 5
    encoder = init_encoders(rng, 1, d, k)
    size = {"W": 0, "b": 0, "gamma": 0, "beta": 0}
    for path, array in nn.leaves(encoder):
        size[path[-1]] += array.size
    W, b, norm = size["W"], size["b"], size["gamma"] + size["beta"]
    compare(answer, (d, k), np.array(nn.count(encoder)), {
        "the shifts b are missing": np.array(W + norm),
        "the batch norms are missing": np.array(W + b),
        "it looks like the weights alone: there are shifts and batch norms too": np.array(W),
        "each batch norm has two parameters for each of its numbers": np.array(W + b + norm // 2),
        "there is no batch norm after the last layer": np.array(W + b + norm + 2 * k),
        "this is for all three encoders": np.array(3 * (W + b + norm)),
    })
