"""Evaluation statistics of batch norm, without state that training would have to carry along."""

import numpy as np

from .trees import map_leaves


def freeze(params, forward, batches):
    """Copy of ``params`` in which every batch norm holds the statistics of given data, so that `batch_norm` uses them.

    Where PyTorch keeps a running average during training, here the parameters as they are now go once over the data:
    nothing hidden, and right for averaged parameters too ("precise" batch norm, Wu and Johnson 2021, arXiv:2105.07576).

    Arguments
        params: parameter tree; a layer with ``gamma`` has batch norm.
        forward: ``forward(params, batch)`` runs all layers in training mode, without dropout.
        batches: batches of the training data. Statistics are averages over batches, weighted by size.
    """
    copy = map_leaves(np.copy, params)
    layers = [*_batch_norms(copy)]
    for layer in layers:
        layer.pop("mean", None)
        layer.pop("var", None)
        layer["record"] = []
    sizes = []
    for batch in batches if layers else ():
        forward(copy, batch)
        sizes.append(len(batch))
    for layer in layers:
        means, variances = zip(*layer.pop("record"), strict=True)
        layer["mean"] = np.average(means, axis=0, weights=sizes).astype(means[0].dtype)
        layer["var"] = np.average(variances, axis=0, weights=sizes).astype(means[0].dtype)
    return copy


def _batch_norms(tree):
    if "gamma" in tree:
        yield tree
    for child in tree.values():
        if isinstance(child, dict):
            yield from _batch_norms(child)
