"""LMF, low-rank multimodal fusion (Liu et al. 2018, ACL), on the UCLN features."""

from dataclasses import replace

from . import argf


def fit(corpus, x, settings, report=lambda row: None):
    """`fusion.low_rank` without the joint embedding space, trained like ARGF: the settings' protocol applies."""
    return argf.fit(corpus, x, replace(settings, without="embedding", fusion="low_rank"), report)
