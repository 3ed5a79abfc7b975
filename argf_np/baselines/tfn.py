"""TFN, the tensor fusion network (Zadeh et al. 2017, EMNLP), on the UCLN features."""

from dataclasses import replace

from . import argf


def fit(corpus, x, settings, report=lambda row: None):
    """`fusion.tensor` without the joint embedding space, trained like ARGF: the settings' protocol applies.

    At d = 50 and N = 2 it has Table 4's 4,245,986 parameters.
    """
    return argf.fit(corpus, x, replace(settings, without="embedding", fusion="tensor"), report)
