"""What the pickled formats share: checking values, and making a `Corpus` of two parts."""

import numpy as np

from ...errors import DataError
from ..corpus import from_videos, notice
from ..published import DATASETS


def numbers(path, what, value, *ndim):
    """An array, or a list, of numbers with one of some numbers of dimensions, as an array.

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


def assemble(path, name, lengths, labels, features, video_ids=None, words=None, contextual=False):
    """A `Corpus` of training and test videos; the last training videos are for validation.

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
    n_train = DATASETS[name].videos[0]
    if not (len(train) > n_train and len(test) and min(train + test) > 0):
        raise DataError(f"{path}: {len(train)} training and {len(test)} test videos, "
                        f"expected more than {n_train} and some, none of them empty")
    labels, classes = to_classes(path, name, labels)
    if video_ids is None:
        video_ids = [f"train_{i}" for i in range(len(train))]
        video_ids += [f"test_{i}" for i in range(len(test))]
    lengths = {"train": train[:n_train], "validation": train[n_train:], "test": test}
    return from_videos(name, clean(path, features), lengths, labels, classes, video_ids,
                       words=words, contextual=contextual)


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


def to_classes(path, name, labels):
    """Labels as indices of classes (n,), and the names of the classes.

    They come from such indices (n,), from one-hot rows (n, N), or, for MOSEI, from real numbers
    (n,), whose signs are the classes.
    """
    classes = DATASETS[name].classes
    if labels.ndim == 2:
        if not ((labels.sum(axis=1) == 1) & (labels.max(axis=1) == 1)).all():
            raise DataError(f"{path}: labels that are not one-hot")
        N = labels.shape[1]
        if N != len(classes):
            classes = tuple(f"class {c}" for c in range(N))
        return labels.argmax(axis=1), classes
    codes = np.sign(labels) + 1 if name == "mosei" else labels
    for label in labels[~np.isin(codes, range(len(classes)))]:
        expected = "a number" if name == "mosei" else ", ".join(classes)
        raise DataError(f"{path}: label {label:g}, expected {expected}")
    return codes.astype(int), classes
