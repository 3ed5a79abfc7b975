"""LMF, low-rank multimodal fusion (Liu et al. 2018, ACL), on the UCLN features.

`fusions_table6.low_rank_fusion` without the joint embedding space, trained like ARGF, so that the
protocol of the settings applies.

    paper       the factors map to d entries, and Dec decides, as for every strategy of Table 6.
    released    the factors map straight to the N outputs, 3 * 4 (d + 1) N + 4 + N parameters. So do
                LMF's own code (Justin1904/Low-rank-Multimodal-Fusion) and the class of ARGF's
                authors (D21). Theirs never initialises the factors, which may be why the paper's
                figures of LMF are low; ours does.

LMF's authors search the rank among 1, 4, 8 and 16; ours is 4. They give the factors a learning rate
of their own, and embed the raw features by networks of their own.
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
