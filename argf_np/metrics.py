"""Accuracy and F1, from the confusion matrix."""

import numpy as np


def confusion(truth, prediction, N):
    """Counts (N, N): row = true class, column = predicted class. Arguments: class numbers (n,)."""
    counts = np.zeros((N, N), int)
    np.add.at(counts, (truth, prediction), 1)
    return counts


def scores(truth, prediction, classes):
    """Accuracy, F1 and the same for each class, as a plain dict.

    Arguments: truth, prediction (n,) class numbers; classes, the names.
    ``accuracy`` = correct / n. ``f1_weighted`` = mean of the F1 of the classes, weighted by support. In
    ``per_class[name]``: ``accuracy`` = correct among the utterances of the class (its recall, which the paper's Table 2
    reports); ``f1`` = 2 precision recall / (precision + recall), 0 where undefined; ``support`` = its utterances.
    All but support are fractions of 1.
    """
    counts = confusion(truth, prediction, len(classes))
    correct, support, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    f1 = 2 * correct / np.maximum(support + predicted, 1)
    recall = correct / np.maximum(support, 1)
    return {
        "accuracy": float(correct.sum() / len(truth)),
        "f1_weighted": float(np.sum(f1 * support) / len(truth)),
        "per_class": {name: {"accuracy": float(recall[c]), "f1": float(f1[c]), "support": int(support[c])}
                      for c, name in enumerate(classes)},
    }
