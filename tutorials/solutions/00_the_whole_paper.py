"""Solutions of notebook 00. Run it in tutorials/ with: python -m solutions.00_the_whole_paper"""

import numpy as np

from exercises import check


def accuracy(M, labels):
    return np.mean(M.argmax(axis=1) == labels)


check("0.1", accuracy)


def always_the_same(train_labels, test_labels, N):
    most_frequent = np.bincount(train_labels, minlength=N).argmax()
    return np.mean(test_labels == most_frequent)


check("0.2", always_the_same)


def encoder_parameters(d, k):
    def dense(p, q):
        return p * q + q

    layers = dense(d, 10 * d) + dense(10 * d, 10 * k) + dense(10 * k, k) + dense(k, k)
    norms = 2 * (10 * d + 10 * k + k)
    return layers + norms


check("0.3", encoder_parameters)
