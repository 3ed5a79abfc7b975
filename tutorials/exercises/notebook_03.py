"""Exercises of notebook 03, the data."""

import numpy as np

from argf_np import nn
from argf_np.nn import ops
from argf_np.paper.ucln import pad

from . import compare, exercise, require


@exercise("3.1")
def standardised(answer, rng):
    """z (n, d) by mean and deviation of the rows `train`; one column is constant there."""
    scale, shift = [1, 5, 0.1, 2], [3, 0, -2, 1]
    x = rng.standard_normal((11, 4)) * scale + shift
    train = np.array([9, 0, 4, 7, 2, 5])
    x[train, 2] = 0.5

    def z(rows, scale=np.std):
        deviation = scale(rows, axis=0)
        varies = rows.max(axis=0) > rows.min(axis=0)
        return (x - rows.mean(axis=0)) / np.where(varies, deviation, 1)

    def unbiased(rows, axis):
        return rows.std(axis=axis, ddof=1)

    result = answer(x.copy(), train)
    if np.shape(result) == x.shape:
        require(np.isfinite(result).all(), "not all finite: a column that is constant in training "
                "has deviation 0; it is only shifted")
        require(np.abs(result[:, 2]).max() < 100, "the column that is constant in training is "
                "divided by a tiny number, or by 0; it is only shifted")
    compare(answer, (x, train), z(x[train]), {
        "it looks like the statistics of all rows: validation and test must not have a say": z(x),
        "it looks like the variance: divide by its root": z(x[train], np.var),
        "it looks like one mean and deviation for all columns: each has its own":
            (x - x[train].mean()) / x[train].std(),
        "it looks like a division by n - 1 in the variance: here it is n": z(x[train], unbiased),
    })
    return "and validation and test had no say in it"


@exercise("3.2")
def mask_of(answer, rng):
    """The mask (V, u) of lengths (V,)."""
    lengths = np.array([4, 7, 1, 3, 6])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    _, mask = pad(np.zeros(lengths.sum()), starts, np.arange(5))
    result = answer(lengths.copy())
    require(result is None or np.asarray(result).dtype == bool, "a mask is bool, yours is "
            f"{np.asarray(result).dtype}: x[mask] would take rows 0 and 1 instead of some entries")
    compare(answer, (lengths,), mask, {
        "True and False the wrong way round: True is a real utterance": ~mask,
        "one step too many is True: steps are counted from 0": np.arange(7) <= lengths[:, None],
        "the padding stands in front: it belongs behind the last utterance": mask[:, ::-1],
        "transposed: a row is a video": mask.T,
        "one column too many: the mask is as wide as the longest video has utterances":
            np.arange(8) < lengths[:, None],
        "one column is missing: the last place is `lengths.max() - 1`, and belongs to the mask":
            np.arange(6) < lengths[:, None],
    })
    return "and one comparison has replaced two loops"


@exercise("3.3")
def gradient_of_the_logits(answer, rng):
    """The gradient with respect to z (V, u, N) of the mean cross-entropy of real utterances."""
    V, u, N = 3, 5, 4
    z = rng.standard_normal((V, u, N))
    y = np.eye(N)[rng.integers(N, size=(V, u))]
    mask = np.arange(u) < [[5], [2], [4]]  # 11 real utterances

    def loss(params):
        return -(ops.log_softmax(params["z"]) * y * mask[..., None]).sum() / 11

    _, gradient = nn.value_and_grad(loss, {"z": z})
    right, unmasked = gradient["z"], (ops.softmax(z) - y) / 11
    lengths = mask.sum(axis=1)[:, None, None]
    compare(answer, (z, y, mask), right, {
        "padding has a gradient: the mask is missing": unmasked,
        "padding has a gradient, and counts in the mean: the mask is missing":
            unmasked * 11 / (V * u),
        "padding has a gradient: the mask must be on y too":
            (ops.softmax(z) * mask[..., None] - y) / 11,
        "it looks divided by all places, padding included: the real utterances count":
            right * 11 / (V * u),
        "it looks like a mean over each video: all real utterances weigh the same":
            right * 11 / lengths / V,
        "the sign is wrong: the loss falls where the probability of the true class rises": -right,
    })
    return "and padding has no gradient at all"


@exercise("3.4")
def errors_apart(answer, rng):
    """How many standard errors of p_1 - p_2 the difference is."""
    p_1, n_1, p_2, n_2 = 0.9, 300, 0.7, 750
    one, two = p_1 * (1 - p_1) / n_1, p_2 * (1 - p_2) / n_2
    pooled = (p_1 * n_1 + p_2 * n_2) / (n_1 + n_2)
    of_pooled = pooled * (1 - pooled) * (1 / n_1 + 1 / n_2)
    difference = np.array(p_1 - p_2)
    compare(answer, (p_1, n_1, p_2, n_2), difference / np.sqrt(one + two), {
        "it looks divided by a variance: the standard error is its root": difference / (one + two),
        "it looks like standard errors added up: the variances add up":
            difference / (np.sqrt(one) + np.sqrt(two)),
        "it looks like one accuracy for both: each has a variance of its own":
            difference / np.sqrt(of_pooled),
        "it looks like the standard error of the first alone: both vary": difference / np.sqrt(one),
        "it looks like the standard error of the second alone: both vary":
            difference / np.sqrt(two),
        "the sign is wrong: positive if the first is larger": -difference / np.sqrt(one + two),
    })
    return "and section 6 does the same with the bootstrap's errors"
