"""What a data set holds, whether it can be trained on, and whether its validation split can be
trusted.
"""

import numpy as np

from ..errors import DataError
from .corpus import SPLITS, chunks, short
from .published import DATASETS
from .standardisation import standardise

RIDGE = 0.1  # penalty on the weights of the linear model, per training utterance
FEWEST = 30  # validation utterances: with fewer, each moves the accuracy by over three points
LESS_SURE = 0.75  # suspicious if the model's confidence on test / on validation is below this


def require_trainable(corpus, splits=("train", "test")):
    """Raise a DataError, one of `obstacles`, for a corpus that no model can be trained on.

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
    if len(corpus.split["test"]) == len(corpus.video_ids) and "train" in splits:
        return ["all videos are in the split test, which is the default: give a split"]
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
    classes = [short(name, 17) for name in corpus.classes]
    lines = [title, "", _line("", "videos", "utterances", *classes)]
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
        return "\n".join(lines)
    try:
        standardised = standardise(corpus)
    except DataError as error:
        return "\n".join([*lines, f"warning: training will refuse this: {error}"])
    if len(utterances["validation"]) == 0:
        lines.append("no video is in the split validation, so nothing can be chosen by it")
    else:
        lines += _linear_models(standardised, utterances)
        reason = reason_for_distrust(corpus)
        lines.append(f"warning: choose nothing by validation accuracy: {reason}" if reason else
                     "nothing that can be seen without test labels speaks against choosing by "
                     "validation accuracy")
    return "\n".join(lines)


def _linear_models(corpus, utterances):
    """A table of the accuracy of linear models, and warnings of what cannot be trusted."""
    n_validation, n_test = len(utterances["validation"]), len(utterances["test"])
    # Three standard errors of the difference of two shares, but five points at least.
    margin = max(0.05, 3 * np.sqrt(0.25 / n_validation + 0.25 / n_test))
    lines, warnings = [_line("linear model", *SPLITS, "test shift")], []
    for m, z in corpus.features.items():
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
    scores = linear_scores(z, labels, utterances)
    return {split: np.mean(scores[split].argmax(axis=1) == labels[index])
            for split, index in utterances.items()}


def linear_scores(z, labels, utterances):
    """Scores (n_split, N) of the classes by this model; the same arguments.

    Of the labels, only those of the training utterances are used.
    """
    train = utterances["train"]
    y = np.eye(labels.max() + 1)[labels[train]]  # (n_train, N)
    bias = y.mean(axis=0)
    penalty, n = RIDGE * len(train), len(train)
    if z.shape[1] > n:  # the same weights by a smaller system
        x = z[train]  # (n, d)
        W = x.T @ np.linalg.solve(x @ x.T + penalty * np.eye(n), y - bias)  # (d, N)
    else:
        gram, moment = penalty * np.eye(z.shape[1]), 0
        for start, x in chunks(z, train):
            gram += x.T @ x
            moment = moment + x.T @ (y[start:start + len(x)] - bias)
        W = np.linalg.solve(gram, moment)  # (d, N)
    scores = {}
    for split, index in utterances.items():
        parts = [x @ W + bias for _, x in chunks(z, index)]
        scores[split] = np.concatenate([np.zeros((0, len(bias))), *parts])
    return scores


def reason_for_distrust(corpus):
    """Why nothing should be chosen by the validation split: a text, or None. No test label is used.

    There are too few validation utterances, or the features know their labels. That is a stored
    fact for the features of MOSI that Poria et al. (2017) published: they were made with the labels
    of training and validation alike, so no comparison of these two splits can show it.

    For other data, the confidence of a linear model is compared between validation and test, which
    needs no test labels. It is fitted to the training utterances, with all modalities, and its
    confidence is how far its best score is above the second. If labels were used to make features,
    it is surer of the utterances whose labels were used. The limit is a quarter, and three standard
    errors over videos (compare the difference of confidences of Guillory et al. 2021, "Predicting
    with Confidence on Unseen Distributions"). So None is no proof, least of all where there are no
    test videos to compare with.
    """
    utterances = {split: corpus.utterances(split) for split in SPLITS}
    if len(utterances["validation"]) < FEWEST:
        return f"it has {len(utterances['validation'])} utterances, fewer than {FEWEST}"
    if corpus.published == "mosi" and corpus.source == "real" and _are_porias(corpus):
        return "these features of MOSI were made with the labels of training and validation"
    if len(utterances["test"]) == 0 or obstacles(corpus):
        return None
    z = _Side(*standardise(corpus).features.values())
    scores = linear_scores(z, corpus.labels, utterances)
    margin, error = {}, {}
    for split in ("validation", "test"):
        ranked = np.sort(scores[split], axis=1)
        lengths = corpus.lengths[corpus.split[split]]
        by_video = np.add.reduceat(ranked[:, -1] - ranked[:, -2], np.cumsum(lengths) - lengths)
        margin[split] = by_video.sum() / lengths.sum()
        residuals = by_video - margin[split] * lengths
        error[split] = np.sqrt((residuals**2).sum()) / lengths.sum()
    drop = margin["validation"] - margin["test"]
    clear = drop > 3 * np.hypot(error["validation"], error["test"])
    if margin["test"] < LESS_SURE * margin["validation"] and clear:
        less = 100 * drop / margin["validation"]
        return (f"a linear model is {less:.0f} % less sure of test than of validation, so the "
                "features may know the validation labels, or the test videos are of another kind")
    return None


def _are_porias(corpus):
    """Whether these are the published features of MOSI, or outputs of UCLNs on them."""
    widths = {m: x.shape[1] for m, x in corpus.features.items()}
    return corpus.contextual or widths.items() <= DATASETS["mosi"].widths.items()


class _Side:
    """Features (n, d) side by side, computed when rows are taken."""

    def __init__(self, *features):
        self.features = features
        self.shape = len(features[0]), sum(x.shape[1] for x in features)

    def __getitem__(self, rows):
        return np.concatenate([x[rows] for x in self.features], axis=1)


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
