"""Exercises of notebook 00, the whole paper."""

import numpy as np

from argf_np import nn
from argf_np.paper.joint_embedding_eq1_9 import init_encoders

from . import compare, exercise


@exercise("0.1")
def labels_of(answer, rng):
    """The labels (n,) of signs (n, 3): the product of what is said, 0 where all are silent."""
    signs = rng.integers(-1, 2, (60, 3))
    signs[7] = 0
    speaks = signs != 0
    product = np.where(speaks, signs, 1).prod(axis=1)
    right = np.where(speaks.any(axis=1), product, 0)
    compare(answer, (signs,), right, {
        "a silent modality makes your product 0: multiply only what is said": signs.prod(axis=1),
        "where nobody speaks, the label should be 0: a product of nothing is 1": product,
        "it looks like the sign of the sum: the label is the product": np.sign(signs.sum(axis=1)),
        "it looks like the sum: the label is the product": signs.sum(axis=1),
        "it looks like language alone: all three may speak": signs[:, 1],
        "it looks like the product over the utterances: multiply along each row":
            np.where(speaks, signs, 1).prod(axis=0),
        "it looks like class numbers, 0 and 1: the labels are -1, 0 and 1": (right + 1) // 2,
    })
    return "and no weighted sum of the signs can do this: a network must learn to multiply"


@exercise("0.2")
def accuracy(answer, rng):
    """The share of the decisions M (n, N) that are the labels (n,)."""
    n, N = 40, 3
    M, labels = rng.dirichlet(np.ones(N), n), rng.integers(N, size=n)
    right = M.argmax(axis=1) == labels
    of_truth = M[np.arange(n), labels].mean()
    compare(answer, (M, labels), np.mean(right), {
        "this is the number of right decisions: divide it by n": np.sum(right),
        "this is the share of the wrong ones": np.mean(~right),
        "this is in percent: a share lies between 0 and 1": 100 * np.mean(right),
        "it looks like the mean probability of the true class: only the largest counts": of_truth,
        "one entry per utterance: what share of them is True?": right,
        "it looks like the least probable class: argmax, not argmin":
            np.mean(M.argmin(axis=1) == labels),
    })
    return "but an accuracy means little until you know what a constant guess would reach"


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
        "the biases b are missing": np.array(W + norm),
        "the batch norms are missing": np.array(W + b),
        "it looks like the weights alone: there are biases and batch norms too": np.array(W),
        "each batch norm has two parameters for each of its numbers": np.array(W + b + norm // 2),
        "there is no batch norm after the last layer": np.array(W + b + norm + 2 * k),
        "this is for all three encoders": np.array(3 * (W + b + norm)),
    })
    return "and the second layer, from 10 d to 10 k, holds most of them"
