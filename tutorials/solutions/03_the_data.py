"""Solutions of notebook 03. Run it in tutorials/ with: python -m solutions.03_the_data"""

import numpy as np

from argf_np.nn import ops
from exercises import check


def standardised(x, train):
    deviation = x[train].std(axis=0)
    constant = (x[train] == x[train[0]]).all(axis=0)  # rounding can make its deviation tiny, not 0
    return (x - x[train].mean(axis=0)) / np.where(constant, 1, deviation)


check("3.1", standardised)


def mask_of(lengths):
    return np.arange(lengths.max()) < lengths[:, None]  # (u,) meets (V, 1)


check("3.2", mask_of)


def gradient_of_the_logits(o, y, mask):
    # One utterance: the probabilities minus the one-hot label. The mean gives each real one the
    # factor 1 / sum of M.
    return (ops.softmax(o) - y) * mask[:, :, None] / mask.sum()


check("3.3", gradient_of_the_logits)


def errors_apart(p_1, n_1, p_2, n_2):
    return (p_1 - p_2) / np.sqrt(p_1 * (1 - p_1) / n_1 + p_2 * (1 - p_2) / n_2)


check("3.4", errors_apart)

# The experiment. From r = 200 on: the distance is 1.3 standard errors for r = 0, then 1.9, 2.5, 5.6
# and 33.1.
#
# The question. Train the network that makes the features twice: once with the labels of all 62
# videos, once without those of some videos. Then compare the probe's accuracy on these videos. If
# it is far higher with the first features, their labels have leaked.
