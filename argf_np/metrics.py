"""Accuracy and F1 from the confusion matrix, and warnings about runs that are worthless."""

import numpy as np

ONE_CLASS = 0.98  # share of the predictions from which on a model is said to give one class
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
    for m, (ucln, linear) in (train_accuracy or {}).items():
        if ucln < linear - BELOW_LINEAR:
            found.append(f"the UCLN of {m} is right on {100 * ucln:.1f} % of its own training "
                         f"utterances, a linear model on {100 * linear:.1f} %: it has learnt "
                         "little; see --ucln-epochs and --ucln-drop-rate")
    return found
