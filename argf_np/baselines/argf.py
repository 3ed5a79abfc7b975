"""ARGF, the model of the paper."""

import numpy as np

from ..paper import model, protocols


def epochs(corpus, settings):
    """Number of epochs, at most."""
    return settings.epochs


def train(corpus, x, settings, on_epoch=None, on_checkpoint=None, resume=None):
    """See `paper.protocols.train`, which is given the labels and splits of the corpus."""
    y = np.eye(len(corpus.classes))[corpus.labels]  # (n, N)
    rows = {split: corpus.utterances(split) for split in corpus.split}
    return protocols.train(x, y, rows, settings, on_epoch, on_checkpoint, resume)


def predict_proba(params, corpus, x, settings):
    """Class probabilities (n, N) of the UCLN features x (m, n, d), in evaluation mode."""
    x = x.astype(settings.dtype, copy=False)
    return model.predict_in_chunks(params, x, settings.variant, settings.fusion)
