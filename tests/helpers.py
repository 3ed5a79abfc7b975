"""What the tests share: sizes, the layers of Figure 3 in plain Python numbers, and a gradient check that checks itself.

The plain layers are written from the papers, one number at a time, for one network and lists of floats. Nothing of
`argf_np` computes in them.
"""

import math

import numpy as np
import pytest

from argf_np import nn
from argf_np.nn import ops

# Utterances of a batch, widths of features and embedding, classes. With the 3 modalities and the sizes of Figure 3
# (10d, 10k, 2k, 3k, 16, 50, 64, 512) all dimensions differ, so that no transposition goes unseen.
B, d, k, N = 5, 2, 4, 7


def shaken(params, rng):
    """The parameters with every leaf moved a little, so that no bias is 0 and no scale is 1."""
    return nn.map_leaves(lambda leaf: leaf + 0.1 * rng.standard_normal(leaf.shape), params)


def weigh(y):
    """A scalar in which every entry of y counts differently: the sum of y times fixed random numbers."""
    return (y * np.random.default_rng(9).standard_normal(y.shape)).sum()


def assert_gradient(function, params, rng, step=1e-5):
    """The gradient of ``function`` passes `nn.check_gradient`; with any one leaf 0.1 % off it does not.

    The step is small, so that no kink of a leaky ReLU lies between the points of the finite difference.
    """
    gradient = nn.value_and_grad(function, params)[1]
    nn.check_gradient(function, params, rng, gradient, step=step)
    for path, _ in nn.leaves(gradient):
        wrong = nn.build([(p, g * 1.001 if p == path else g) for p, g in nn.leaves(gradient)])
        with pytest.raises(AssertionError, match=f"{'/'.join(path)}: gradient"):
            nn.check_gradient(function, params, rng, wrong, step=step)


def refused(capsys, command, *arguments):
    """What a command says of arguments that it refuses, which is one line and code 2."""
    try:
        code = command.main([*map(str, arguments)])
    except SystemExit as end:  # of argparse
        code = end.code
    error = capsys.readouterr().err
    assert code == 2
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error.removeprefix("error: ").rstrip()


def with_each_implementation(compute):
    """``(compute(), compute())``, once with the readable and once with the fast operations."""
    previous = nn.use("readable")
    try:
        readable = compute()
        nn.use("fast")
        return readable, compute()
    finally:
        nn.use(previous)


def member(bank, m):
    """The network of modality m out of a bank."""
    return nn.map_leaves(lambda leaf: leaf[m], bank)


def dropout_masks(seed, drop_rate, *shapes):
    """The masks that dropout draws, one after the other, from a generator of this seed: dropout of ones."""
    rng = np.random.default_rng(seed)
    return [ops.dropout(np.ones(shape), drop_rate, rng) for shape in shapes]


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def leaky_relu(z, slope):
    return z if z > 0 else slope * z


def softmax(z):
    return [math.exp(z_i) / sum(math.exp(z_j) for z_j in z) for z_i in z]


def dense(p, x):
    """x W + b, for one vector x."""
    W, b = p["W"].tolist(), p["b"].ravel().tolist()
    return [sum(x[i] * W[i][j] for i in range(len(x))) + b[j] for j in range(len(b))]


def batch_norm(p, batch):
    """Every column of a batch: minus its mean, over the root of its variance + 1e-5, scaled and shifted."""
    gamma, beta = p["gamma"].ravel().tolist(), p["beta"].ravel().tolist()
    columns = []
    for j in range(len(gamma)):
        column = [row[j] for row in batch]
        mean = sum(column) / len(column)
        variance = sum((value - mean) ** 2 for value in column) / len(column)
        columns.append([gamma[j] * (value - mean) / math.sqrt(variance + 1e-5) + beta[j] for value in column])
    return [list(row) for row in zip(*columns, strict=True)]


def times(mask, batch):
    """Every number of a batch times the number of the mask in its place."""
    return [[a * b for a, b in zip(*rows, strict=True)] for rows in zip(mask.tolist(), batch, strict=True)]
