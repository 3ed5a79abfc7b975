"""Solutions of notebook 00. Run it in tutorials/ with: python -m solutions.00_the_whole_paper"""

import numpy as np

from exercises import check


def labels_of(signs):
    said = np.where(signs == 0, 1, signs)  # a 1 changes no product
    speaks = np.any(signs != 0, axis=1)
    return np.where(speaks, said.prod(axis=1), 0)


check("0.1", labels_of)


def accuracy(M, labels):
    return np.mean(M.argmax(axis=1) == labels)


check("0.2", accuracy)


def encoder_parameters(d, k):
    def dense(p, q):
        return p * q + q

    layers = dense(d, 10 * d) + dense(10 * d, 10 * k) + dense(10 * k, k) + dense(k, k)
    norms = 2 * (10 * d + 10 * k + k)
    return layers + norms


check("0.3", encoder_parameters)

# The experiment. After 3 epochs the decision is right in 100 % where only language speaks, and in
# 49 % where several modalities do. After 10 epochs it is 99 % and 72 %. So the network first learns
# what one modality tells alone, and products later.
