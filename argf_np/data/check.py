"""What a data set holds, and whether it can be trained on and its validation split be trusted."""

import numpy as np

from ..errors import DataError
from .corpus import SPLITS, chunks
from .standardisation import standardise

RIDGE = 0.1  # penalty on the weights of the linear model, per training utterance


def require_trainable(corpus, splits=("train", "test")):
    """Refuse a corpus that a model cannot be trained on with a DataError: one of `obstacles`.

    `splits` are those that are needed: "train", "test" to be evaluated, "validation" to choose.
    """
    reasons = obstacles(corpus, splits)
    if reasons:
        raise DataError(f"{corpus.name}: cannot be trained on: {reasons[0]}")


def obstacles(corpus, splits=("train", "test")):
    """Why a corpus cannot be trained on: a list of texts, empty if it can.

    Nothing is labelled, there is one class only, a split is empty, or no training utterance has
    some modality or some class, so no model could learn it. Validation and test may lack both.
    """
    if not corpus.classes:
        return ["nothing is labelled"]
    if len(corpus.classes) == 1:
        return [f"all labels are {corpus.classes[0]!r:.60}, expected two classes or more"]
    reasons = [f"no video is in the split {split}" for split in splits
               if len(corpus.split[split]) == 0]
    train = corpus.utterances("train")
    if len(train):
        for c, name in enumerate(corpus.classes):
            if c not in corpus.labels[train]:
                reasons.append(f"no training utterance has the class {name!r:.60}, "
                               "so no model could learn it")
        for m, x in corpus.features.items():
            if _count_missing(x, train) == len(train):
                reasons.append(f"no training utterance has the modality {m}")
    return reasons


def _count_missing(x, utterances):
    """How many of some utterances lack a modality with features x (n, d)."""
    return sum(int(np.isnan(rows[:, 0]).sum()) for _, rows in chunks(x, utterances))


def report(corpus):
    """What `python -m argf_np.data check` prints: tables and warnings."""
    N, V = len(corpus.classes), len(corpus.video_ids)
    title = (f"{corpus.name}, {corpus.source} data: {V} videos of up to {corpus.lengths.max()} "
             f"utterances, {N or 'no'} class{'' if N == 1 else 'es'}")
    if corpus.contextual:
        title += ", features are outputs of a UCLN"
    utterances = {split: corpus.utterances(split) for split in SPLITS}
    lines = [title, "", _line("", "videos", "utterances", *corpus.classes)]
    for split, index in utterances.items():
        shares = [_percent(share) for share in _shares(corpus, index)]
        lines.append(_line(split, len(corpus.split[split]), len(index), *shares))
    lines += ["", _line("modality", "width", *(f"not in {split}" for split in SPLITS))]
    for m, x in corpus.features.items():
        missing = [_count_missing(x, index) for index in utterances.values()]
        lines.append(_line(m, x.shape[1], *missing))
    lines.append("")
    reasons = obstacles(corpus)
    if reasons:
        lines += [f"not for training: {reason}" for reason in reasons]
    elif len(utterances["validation"]) == 0:
        lines.append("no video is in the split validation, so nothing can be chosen by it")
    else:
        lines += _linear_models(corpus, utterances)
    return "\n".join(lines)


def _linear_models(corpus, utterances):
    """A table of the accuracy of linear models, and warnings of what cannot be trusted."""
    n_validation, n_test = len(utterances["validation"]), len(utterances["test"])
    # Three standard errors of the difference of two shares, but five points at least.
    margin = max(0.05, 3 * np.sqrt(0.25 / n_validation + 0.25 / n_test))
    lines, warnings = [_line("linear model", *SPLITS, "test shift")], []
    for m, z in standardise(corpus).features.items():
        accuracy = linear_accuracy(z, corpus.labels, utterances)
        shift = sum(rows.sum(axis=0) for _, rows in chunks(z, utterances["test"])) / n_test
        percent = {split: _percent(share) for split, share in accuracy.items()}
        lines.append(_line(m, *percent.values(), f"{np.abs(shift).mean():.2f}"))
        if accuracy["validation"] - accuracy["test"] > margin:
            warnings.append(
                f"warning: a linear model of {m} is right on {percent['validation']} of "
                f"validation and on {percent['test']} of test: the features may know the "
                "validation labels, so choose nothing by validation accuracy")
    moved = np.abs(_shares(corpus, utterances["train"]) - _shares(corpus, utterances["test"]))
    return [*lines, "", "test shift: distance of a column's mean in test from that in train, in "
            "standard deviations, on average; the share of a class moves by up to "
            f"{100 * moved.max():.1f} points", *warnings]


def linear_accuracy(z, labels, utterances):
    """Accuracy on each split of ridge regression from features to the one-hot training labels.

    Arguments: standardised features z (n, d); labels (n,); `{split: indices of its utterances}`.
    """
    train = utterances["train"]
    y = np.eye(labels.max() + 1)[labels[train]]  # (n_train, N)
    bias = y.mean(axis=0)
    gram, moment = RIDGE * len(train) * np.eye(z.shape[1]), 0
    for start, x in chunks(z, train):
        gram += x.T @ x
        moment = moment + x.T @ (y[start:start + len(x)] - bias)
    W = np.linalg.solve(gram, moment)  # (d, N)
    accuracy = {}
    for split, index in utterances.items():
        predicted = [(x @ W + bias).argmax(axis=1) for _, x in chunks(z, index)]
        accuracy[split] = np.mean(np.concatenate(predicted) == labels[index])
    return accuracy


def _shares(corpus, utterances):
    """Share of each class (N,) among some utterances; zeros if there are none."""
    if not corpus.classes:
        return np.zeros(0)
    counts = np.bincount(corpus.labels[utterances], minlength=len(corpus.classes))
    return counts / max(len(utterances), 1)


def _percent(share):
    return f"{100 * share:.1f} %"


def _line(first, *cells):
    """A row of a table."""
    return f"{first:<14}" + "".join(f" {cell:>17}" for cell in cells)
