"""Typical wrong answers to the exercises of notebook 11.

``WRONG`` is ``{exercise: [(what the hint says, answer), ...]}``.
"""

import numpy as np


def perplexity(p, sign=-1, axis=1, log=np.log):
    logs = np.zeros_like(p)
    logs[p > 0] = log(p[p > 0])
    return np.exp(sign * np.sum(p * logs, axis=axis))


def gap(x_e, units=True, power=1, centre=1, pairs=None):
    means = x_e.mean(axis=1)
    apart = np.linalg.norm(means[:, None] - means, axis=-1)
    apart = apart if pairs else apart[np.triu_indices(3, 1)]
    spread = np.linalg.norm(x_e - x_e.mean(axis=centre, keepdims=True), axis=-1)
    return np.mean(apart ** power) / (np.mean(spread ** power) if units else 1)


def removed(alpha, V, vertex, value):
    parts = alpha * V
    parts[vertex] = value
    return parts.sum(axis=0)


def order(witness):
    return np.argsort(np.argsort(witness))


def ranked(witness, speaks, first=1, share=True, rank=order):
    n_1 = speaks.sum()
    wins = (rank(witness)[speaks] + first).sum() - n_1 * (n_1 + 1) / 2
    return wins / (n_1 * (~speaks).sum()) if share else wins


WRONG = {
    "11.1": [
        ("this is the entropy", lambda p: np.log(perplexity(p))),
        ("base 2", lambda p: perplexity(p, log=np.log2)),
        ("minus sign", lambda p: perplexity(p, sign=1)),
        ("sums of the columns", lambda p: perplexity(p, axis=0)),
        ("one number for all", lambda p: perplexity(p, axis=None)),
        ("NaN", lambda p: perplexity(p) * np.nan),
    ],
    "11.2": [
        ("is no pair", lambda x_e: gap(x_e, pairs="all")),
        ("units are missing", lambda x_e: gap(x_e, units=False)),
        ("squared distances", lambda x_e: gap(x_e, power=2)),
        ("each modality has its own", lambda x_e: gap(x_e, centre=(0, 1))),
    ],
    "11.3": [
        ("no usual value", lambda alpha, V, i: removed(alpha, V, i, 0)),
        ("scaled to sum to 1", lambda alpha, V, i: removed(alpha, V, i, 0) / (1 - alpha[i])),
        ("that of V", lambda alpha, V, i: removed(alpha, V, i, alpha[i] * V[i].mean(axis=0))),
        ("over the entries", lambda alpha, V, i:
            removed(alpha, V, i, (alpha[i] * V[i]).mean(axis=1, keepdims=True))),
        ("nothing was removed", lambda alpha, V, i: (alpha * V).sum(axis=0)),
    ],
    "11.4": [
        ("silent ones win", lambda witness, speaks: 1 - ranked(witness, speaks)),
        ("number of pairs", lambda witness, speaks: ranked(witness, speaks, share=False)),
        ("begin with 1", lambda witness, speaks: ranked(witness, speaks, first=0)),
        ("square of n",
         lambda witness, speaks: ranked(witness, speaks, share=False) / len(witness) ** 2),
        ("not the ranks", lambda witness, speaks: ranked(witness, speaks, rank=np.argsort)),
    ],
}
