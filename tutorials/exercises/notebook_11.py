"""Exercises of notebook 11, seeing it."""

import numpy as np

from . import compare, exercise

n, B, k = 6, 5, 7


@exercise("11.1")
def perplexity_of_rows(answer, rng):
    """The perplexity (n,) of each row of p_{j|i}."""
    p = rng.dirichlet(np.full(n - 1, 0.5), n)
    p = np.stack([np.insert(row, i, 0) for i, row in enumerate(p)])  # the diagonal is 0
    p[0] = np.eye(n)[1]  # one neighbour only: 0 log 0 off the diagonal too
    entropy = -np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1)
    columns = -np.sum(p * np.log(np.where(p > 0, p, 1)), axis=0)
    compare(answer, (p,), np.exp(entropy), {
        "this is the entropy; the perplexity is e to its power": entropy,
        "it looks like logarithms to the base 2 and then e to the power: take 2 to the power, or "
        "natural logarithms": np.exp(entropy / np.log(2)),
        "the minus sign is missing: a perplexity is at least 1": np.exp(-entropy),
        "it looks like the sums of the columns: row i has the neighbours of i": np.exp(columns),
        "it looks like one number for all: every row has its own perplexity":
            np.asarray(np.exp(entropy.sum())),
        "this is the number of neighbours that are not 0; the perplexity weighs them":
            np.sum(p > 0, axis=1),
    })
    return "and t-SNE chooses each beta so that this is the same for all points"


@exercise("11.2")
def gap(answer, rng):
    """The distance of the means in units of the spread, a number."""
    x_e = rng.standard_normal((3, B, k)) + rng.standard_normal((3, 1, k))
    means = x_e.mean(axis=1)
    apart = np.linalg.norm(means[[0, 0, 1]] - means[[1, 2, 2]], axis=-1)
    spread = np.linalg.norm(x_e - means[:, None], axis=-1)
    around_all = np.linalg.norm(x_e - x_e.mean(axis=(0, 1)), axis=-1)
    compare(answer, (x_e,), apart.mean() / spread.mean(), {
        "the distance of a mean from itself, 0, is no pair": apart.sum() * 2 / 9 / spread.mean(),
        "the units are missing: divide by the mean distance of a vector from the mean of its "
        "modality": apart.mean(),
        "the spread is the mean of the distances, not the root of the mean of their squares":
            apart.mean() / np.sqrt(np.mean(spread ** 2)),
        "these are squared distances": np.mean(apart ** 2) / np.mean(spread ** 2),
        "the spread is around the mean of all: each modality has its own":
            apart.mean() / around_all.mean(),
        "it looks like the sum over the pairs, not their mean": apart.sum() / spread.mean(),
    })
    return "and this number is of all dimensions, while a picture has two"


@exercise("11.3")
def without_vertex(answer, rng):
    """The output of a layer (B, k) with one vertex's contribution replaced by its mean."""
    alpha, V, vertex = rng.dirichlet(np.ones(n), B).T[..., None], rng.standard_normal((n, B, k)), 2
    parts = alpha * V
    others = np.delete(parts, vertex, axis=0).sum(axis=0)  # (B, k)
    compare(answer, (alpha, V, vertex), others + parts[vertex].mean(axis=0), {
        "the vertex is replaced by 0, which is no usual value: by its mean": others,
        "the other weights were scaled to sum to 1: they stay": others / (1 - alpha[vertex]),
        "the mean is that of V: the contribution is alpha V":
            others + alpha[vertex] * V[vertex].mean(axis=0),
        "the mean over the entries of each utterance: it is over the utterances":
            others + parts[vertex].mean(axis=1, keepdims=True),
        "it looks like the mean of all entries: it is over the utterances, entry by entry":
            others + parts[vertex].mean(),
        "nothing was removed": parts.sum(axis=0),
    })
    return "and the change of the decision is the effect of the vertex"


@exercise("11.4")
def auc_by_ranks(answer, rng):
    """The AUC of a witness, a number."""
    witness, speaks = rng.standard_normal(17), np.arange(17) % 3 == 0
    wins = np.sum(witness[speaks][:, None] > witness[~speaks])
    n_1, n_0 = speaks.sum(), (~speaks).sum()
    order = np.argsort(witness) + 1
    compare(answer, (witness, speaks), wins / (n_1 * n_0), {
        "this is how often the silent ones win": 1 - wins / (n_1 * n_0),
        "this is a number of pairs, not a share": np.asarray(wins),
        "the ranks begin with 1, not 0": (wins - n_1) / (n_1 * n_0),
        "divided by the square of n: a pair is one that speaks and one that is silent":
            wins / 17 ** 2,
        "argsort gives the order, not the ranks":
            (order[speaks].sum() - n_1 * (n_1 + 1) / 2) / (n_1 * n_0),
    })
    return "and it costs one sort instead of a comparison per pair"
