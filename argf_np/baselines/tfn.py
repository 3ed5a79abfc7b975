"""TFN, the tensor fusion network (Zadeh et al. 2017, EMNLP), on the UCLN features.

`fusions_table6.tensor_fusion` without the joint embedding space, trained like ARGF, so that the
protocol of the settings applies. At d = 50 and N = 2 it has Table 4's 4,245,986 parameters.

    paper       two hidden layers of 32 ReLU, which is what Table 4 counts.
    released    the class of ARGF's authors (D21): two of 50, and dropout 0.5 of the tensor.

TFN's own code (A2Zadeh/TensorFusionNetwork) is another model around the same tensor. It embeds the
raw features by networks of its own, drops 0.2 of the tensor, and predicts the strength of the
sentiment, which it trains with Adamax on the mean absolute error.
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
    return replace(settings, without="embedding", fusion="tensor")
