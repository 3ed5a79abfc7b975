"""Batch-norm statistics for evaluation, computed from the training set after training.

PyTorch keeps running averages during training instead. Here the network runs once over the data
with its final parameters. Training carries no hidden state, and the statistics are also right for
parameters averaged over epochs ("precise" batch norm, Wu and Johnson 2021, arXiv:2105.07576).
"""

import numpy as np

from .trees import map_leaves


def batch_norm_statistics(params, forward, batches):
    """Copy of ``params`` in which each batch norm also holds ``mean`` and ``var`` for evaluation.

    - params: parameter tree. A layer that has ``gamma`` is a batch norm; statistics that it
      already holds are replaced.
    - forward: ``forward(params, batch)`` runs all layers once, in training mode, without dropout.
    - batches: batches of the training data. The statistics are averages over the batches, weighted
      by ``len(batch)``.
    """
    copy = map_leaves(np.copy, params)
    layers = list(_batch_norms(copy))
    for layer in layers:
        layer.pop("mean", None)
        layer.pop("var", None)
        layer["record"] = []  # to which `ops.batch_norm` appends (mean, var) of each batch
    sizes = []
    for batch in batches if layers else ():
        forward(copy, batch)
        sizes.append(len(batch))
    for layer in layers:
        means, variances = zip(*layer.pop("record"), strict=True)
        uses = len(means) // len(sizes)  # a layer may be used several times per pass
        weights = np.repeat(sizes, uses)
        dtype = layer["gamma"].dtype
        layer["mean"] = np.average(means, axis=0, weights=weights).astype(dtype)
        layer["var"] = np.average(variances, axis=0, weights=weights).astype(dtype)
    return copy


def _batch_norms(tree):
    if "gamma" in tree:
        yield tree
    for child in tree.values():
        if isinstance(child, dict):
            yield from _batch_norms(child)
