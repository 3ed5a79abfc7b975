"""What the pickled formats share: checking values, and making a `Corpus` of two parts."""

import numpy as np

from ...errors import DataError
from ..corpus import from_videos, notice
from ..published import DATASETS


def numbers(path, what, value, *ndim):
    """The value, an array or list of numbers, as an array with one of the given dimensions.

    DataError if the value, called `what` in the file `path`, is something else.
    """
    if isinstance(value, list) and all(isinstance(item, int | float) for item in value):
        value = np.array(value, float)
    found = type(value).__name__
    if isinstance(value, np.ndarray):
        if value.ndim in ndim and value.dtype.kind in "biuf":
            return np.asarray(value)
        found = f"{value.dtype} of shape {value.shape}"
    raise DataError(f"{path}: {what} is {found}, "
                    f"expected numbers in {' or '.join(map(str, ndim))} dimensions")


def texts(path, what, value):
    """A list, or an array, of texts, as a list; DataError if the value is something else."""
    items = value.tolist() if isinstance(value, np.ndarray) else value
    if not (isinstance(items, list) and all(isinstance(item, str) for item in items)):
        raise DataError(f"{path}: {what}, expected a list of texts")
    return items


def assemble(path, name, lengths, labels, features, dataset=None, video_ids=None, words=None,
             contextual=False):
    """A `Corpus` of training and test videos; the last training videos are for validation.

    The numbers of videos say whether it is a data set of the paper, or `dataset` does. Other data
    is called `name`, and a fifth of the training videos are for validation.

    Parameters
    ----------
    lengths : pair of lists of int
        Number of utterances of each training and of each test video. In what follows, the
        utterances are in this order.
    labels : array (n,) or (n, N)
        See `to_classes`.
    features : dict of modality to array (n, d_m)
    """
    train, test = lengths
    if not (train and test and min(train + test) > 0):
        raise DataError(f"{path}: {len(train)} training and {len(test)} test videos, "
                        "expected some of both, none of them empty")
    counts = len(train), len(test)
    known = {(sum(published.videos[:2]), published.videos[2]): name
             for name, published in DATASETS.items()}
    n_train = DATASETS[known[counts]].videos[0] if counts in known else -(-4 * len(train) // 5)
    dataset = known.get(counts, dataset)
    if dataset is None:
        notice(f"{path}: {counts[0]} training and {counts[1]} test videos are none of the paper's "
               f"data sets; the last {counts[0] - n_train} training videos are for validation")
    labels, classes = to_classes(path, dataset, labels)
    if dataset and classes != DATASETS[dataset].classes:
        dataset = None
    if video_ids is None:
        video_ids = [f"train_{i}" for i in range(len(train))]
        video_ids += [f"test_{i}" for i in range(len(test))]
    lengths = {"train": train[:n_train], "validation": train[n_train:], "test": test}
    return from_videos(dataset or name, clean(path, features), lengths, labels, classes, video_ids,
                       words=words, contextual=contextual, published=dataset,
                       integer_classes=classes[0].lstrip("-").isdigit())


def clean(path, features):
    """Features with 0 for each infinite or NaN value; a notice counts them.

    A row of NaN stays: the utterance lacks the modality.
    """
    cleaned, broken = {}, 0
    for m, x in features.items():
        wrong = ~np.isfinite(x) & ~np.isnan(x).all(axis=1, keepdims=True)
        cleaned[m] = np.where(wrong, 0, x)
        broken += int(wrong.sum())
    if broken:
        notice(f"{path}: {broken} infinite or NaN values of the features set to 0")
    return cleaned


def to_classes(path, dataset, labels):
    """Labels as indices of classes (n,), and the names of the classes.

    The labels of a data set of the paper are such indices (n,), one-hot rows (n, N), or, for MOSEI,
    real numbers (n,), whose signs are the classes. For other data, they are one-hot rows, whole
    numbers, which are the names of the classes, or real numbers, whose signs are the classes.
    """
    if labels.ndim == 2:
        if not ((labels.sum(axis=1) == 1) & (labels.max(axis=1) == 1)).all():
            raise DataError(f"{path}: labels that are not one-hot")
        N = labels.shape[1]
        classes = tuple(f"class {c}" for c in range(N))
        if dataset and N == len(DATASETS[dataset].classes):
            classes = DATASETS[dataset].classes
        return labels.argmax(axis=1), classes
    if not np.isfinite(labels).all():
        raise DataError(f"{path}: a label that is not a finite number")
    if dataset is None:
        whole = (labels == np.rint(labels)).all()
        values, codes = np.unique(labels if whole else np.sign(labels), return_inverse=True)
        names = {-1: "negative", 0: "neutral", 1: "positive"}
        return codes, tuple(f"{x + 0:.0f}" if whole else names[x] for x in values)
    classes = DATASETS[dataset].classes
    codes = np.sign(labels) + 1 if dataset == "mosei" else labels
    for label in labels[~np.isin(codes, range(len(classes)))]:
        raise DataError(f"{path}: label {label:g}, expected {', '.join(classes)}")
    return codes.astype(int), classes
