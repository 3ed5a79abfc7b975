"""LMF, low-rank multimodal fusion (Liu et al. 2018, ACL), on the UCLN features.

`fusions_table6.low_rank_fusion` without the joint embedding space, trained like ARGF, so that the
protocol of the settings applies.
"""

from dataclasses import replace

from . import argf

epochs = argf.epochs


def train(corpus, x, settings, on_epoch=None, on_checkpoint=None, resume=None):
    """See `paper.protocols.train`."""
    return argf.train(corpus, x, _settings(settings), on_epoch, on_checkpoint, resume)


def predict_proba(params, corpus, x, settings):
    """Class probabilities (n, N) of the UCLN features x (m, n, d)."""
    return argf.predict_proba(params, corpus, x, _settings(settings))


def _settings(settings):
    return replace(settings, without="embedding", fusion="low_rank")
