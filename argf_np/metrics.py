"""Accuracy and F1, how far groups of vectors lie apart, and warnings about worthless runs."""

from itertools import combinations

import numpy as np

ONE_CLASS = 0.98  # a model with at least this share of its predictions in one class has collapsed
CONSTANT = 0.01  # deviation below which probabilities or weights are said to be constant
BELOW_LINEAR = 0.03  # how far a UCLN may be below a linear model on its own training data


def confusion(truth, prediction, N):
    """Counts (N, N): row = true class, column = predicted class. Arguments: indices (n,)."""
    counts = np.zeros((N, N), int)
    np.add.at(counts, (truth, prediction), 1)
    return counts


def scores(truth, prediction, classes):
    """Accuracy, F1 and the same for each class, as a plain dict.

    Arguments
        - truth, prediction (n,): indices of classes.
        - classes: their names.
    Returns fractions of 1
        - accuracy: correct / n.
        - f1_weighted: mean of the F1 of the classes, weighted by support.
        - per_class[name]: accuracy, which is the recall and what the paper's Table 2 reports; f1 =
          2 precision recall / (precision + recall), 0 where undefined; support, a number of
          utterances.
    """
    counts = confusion(truth, prediction, len(classes))
    correct, support, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    f1 = 2 * correct / np.maximum(support + predicted, 1)
    recall = correct / np.maximum(support, 1)
    per_class = {}
    for c, name in enumerate(classes):
        per_class[name] = {"accuracy": float(recall[c]), "f1": float(f1[c]),
                           "support": int(support[c])}
    return {
        "accuracy": float(correct.sum() / len(truth)),
        "f1_weighted": float(np.sum(f1 * support) / len(truth)),
        "per_class": per_class,
    }


def most_frequent(labels):
    """The most frequent of some labels, at least one, for each of them: (n,).

    It is the best constant answer. Only somebody who knows the labels can give it.
    """
    return np.full_like(labels, np.bincount(labels).argmax())


def modality_gap(train, test):
    """How far the modalities lie apart: `separation` of vectors (m, n, k) by their modality."""
    m, _, k = train.shape
    groups = [np.repeat(np.arange(m), x.shape[1]) for x in (train, test)]
    return separation(train.reshape(-1, k), groups[0], test.reshape(-1, k), groups[1])


def class_separation(train, test, train_labels, test_labels):
    """How far the classes lie apart: `separation` of the modalities side by side, (n, m k)."""
    train, test = np.concatenate(train, axis=1), np.concatenate(test, axis=1)
    return separation(train, train_labels, test, test_labels)


def separation(train, train_groups, test, test_groups):
    """How far groups of vectors lie apart.

    - train, test (n, k): vectors of training and of test utterances.
    - train_groups, test_groups (n,): the group of each, from 0.

    Returns

    - the accuracy on the test vectors of a linear probe of the group: least squares on one-hot
      targets, fitted to the training vectors.
    - the first distance of `distances`, divided by the second, on the test vectors.
    """
    train = np.concatenate([train, np.ones((len(train), 1))], axis=1)
    W = np.linalg.lstsq(train, np.eye(train_groups.max() + 1)[train_groups], rcond=None)[0]
    probe = np.concatenate([test, np.ones((len(test), 1))], axis=1) @ W  # (n, groups)
    apart, spread = distances(test, test_groups)
    return np.mean(probe.argmax(axis=1) == test_groups), apart / spread


def distances(x, groups):
    """Mean distance between two group means, and mean distance of a vector from its group's.

    Arguments: x (n, k), vectors; groups (n,), the group of each. The first is NaN for one group.
    """
    names, place = np.unique(groups, return_inverse=True)
    centres = np.array([x[groups == name].mean(axis=0) for name in names])
    apart = [np.linalg.norm(one - other) for one, other in combinations(centres, 2)]
    return np.mean(apart) if apart else np.nan, np.linalg.norm(x - centres[place], axis=1).mean()


def warnings_of(probabilities, classes, alpha_m=None, train_accuracy=None):
    """What makes a trained network worthless: a list of texts, empty if nothing is wrong.

    Arguments
        - probabilities (n, N): of the test utterances.
        - classes: their names.
        - alpha_m (m, n, 1): weights of the unimodal vertices, if the model has them.
        - train_accuracy: ``{modality: (of its UCLN, of a linear model)}`` on the training data.
    """
    found = []
    counts = np.bincount(probabilities.argmax(axis=1), minlength=len(classes))
    share, largest = counts.max() / counts.sum(), classes[int(counts.argmax())]
    if share >= ONE_CLASS and len(probabilities) > 1:
        found.append(f"the model gives {largest!r} to {100 * share:.0f} % of the test utterances: "
                     "it has collapsed; look at the weight decay, the learning rate and the "
                     "training losses")
    elif probabilities.std(axis=0).max() < CONSTANT and len(probabilities) > 1:
        found.append("the probabilities hardly vary from utterance to utterance: the model has "
                     "learnt next to nothing; look at the weight decay and the training losses")
    if alpha_m is not None and alpha_m.shape[1] > 1:
        deviation = alpha_m[..., 0].std(axis=1)  # (m,)
        if deviation.max() < CONSTANT:
            found.append("the weights of the unimodal vertices hardly vary from utterance to "
                         "utterance, so Figure 6 shows constants; look at the weight decay")
    return [*found, *ucln_warnings(train_accuracy or {}).values()]


def ucln_warnings(train_accuracy):
    """``{modality: text}`` of the UCLNs that are below a linear model on their training data.

    - train_accuracy: see `warnings_of`.
    """
    found = {}
    for m, (ucln, linear) in train_accuracy.items():
        if ucln < linear - BELOW_LINEAR:
            found[m] = (f"the UCLN of {m} is right on {100 * ucln:.1f} % of its own training "
                        f"utterances, a linear model on {100 * linear:.1f} %: it has learnt "
                        "little; see --ucln-epochs and --ucln-drop-rate")
    return found
