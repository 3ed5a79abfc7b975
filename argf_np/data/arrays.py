"""A `Corpus` of your own arrays, columns of a data frame, or anything that NumPy reads as such."""

import re
from collections.abc import Mapping

import numpy as np

from ..errors import DataError
from .corpus import from_rows, notice

SPLIT_NAMES = {"train": "train", "validation": "validation", "valid": "validation",
               "val": "validation", "dev": "validation", "test": "test"}
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
WHOLE = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII)  # as Python writes it, so that "01" stays a text


def from_arrays(features, videos, labels=None, order=None, split=None, words=None, name="arrays"):
    """A `Corpus` of arrays with one row, or one value, per utterance.

    Columns of a pandas data frame, or of anything else that NumPy makes arrays of, will do.

    Parameters
    ----------
    features : dict of modality to array (n, d_m)
        Two modalities or more, named by letters, digits, "_", "-" and "."; they are sorted by name.
        A row of NaN says that an utterance lacks the modality.
    videos : n texts or numbers
        The video, dialogue or speaker of each utterance: its context.
    labels : n texts, whole numbers or truth values, optional
        None for videos to predict.
    order : n numbers, optional
        They grow with time within a video. Default: rows of a video are in this order already.
    split : n texts, or one for all, optional
        train, validation (or valid, val, dev) or test, the same for a whole video. Default: test.
    words : n texts, optional

    Raises
    ------
    DataError
        One line that names what was found and what was expected.
    """
    videos = _texts("video_id", _column("video_id", videos))
    n = len(videos)
    if n == 0:
        raise DataError("video_id is empty, expected one value per utterance")
    if isinstance(split, str) or split is None:
        split = [split or "test"] * n
    columns = {"label": labels, "order": order, "split": split, "words": words}
    for key, values in columns.items():
        if values is not None:
            columns[key] = _column(key, values, n)
    if not isinstance(features, Mapping):
        raise DataError(f"features are {type(features).__name__}, "
                        "expected a dict of modality to array (n, width)")
    features = {m: _matrix(m, x, n) for m, x in features.items()}
    order = np.array(_running(videos) if order is None else _numbers(columns["order"]))
    classes, labels, whole = (), np.full(n, -1), False
    if columns["label"] is not None:
        classes, labels, whole = _classes(columns["label"])
    if words is not None:  # a missing text is NaN, the one value unequal to itself
        words = [str(value) if value == value else "" for value in columns["words"]]
    return from_rows(name, {m: features[m] for m in sorted(features)}, videos, order,
                     _splits(columns["split"]), labels, classes, words,
                     integer_classes=whole)


def _column(name, values, n=None):
    """A list of n texts, numbers and truth values."""
    if not isinstance(values, list):
        x = _array(name, values)
        if x.ndim != 1 or x.dtype.kind not in "biufUO":
            advice = "try .astype(str)"
            if x.ndim == 2 and x.shape[1] == 1:
                advice = "try .ravel()"
            elif x.ndim == 2 and name == "label":
                advice = "one-hot rows become one by .argmax(axis=1)"
            raise DataError(f"{name} is {x.dtype} of shape {x.shape}, "
                            f"expected a column of texts or numbers; {advice}")
        values = x.tolist()
    if n is not None and len(values) != n:
        raise DataError(f"{name} has {len(values)} values, expected {n}: one per utterance")
    values = [value.item() if isinstance(value, np.generic) else value for value in values]
    for value in values:
        if not isinstance(value, str | bool | int | float):
            raise DataError(f"{name} has the value {value!r:.60}, "
                            "expected texts or numbers; try .astype(str)")
    return values


def _array(name, values):
    """Anything that NumPy can turn into an array, as an array."""
    try:
        return np.asarray(values)
    except ValueError:
        raise DataError(f"{name}: expected rows of one length") from None


def _texts(name, values):
    """Values as texts, none of them empty, without white space around them."""
    found = [str(value) for value in values]
    texts = [text.strip() for text in found]
    if texts != found:
        example = next(text for text in found if text != text.strip())
        notice(f"{name}: white space around texts is removed, as of {example!r:.60}")
    for row, text in enumerate(texts):
        if text.lower() in ("", "nan", "<na>"):
            raise DataError(f"{name} of row {row} (from 0) is {text!r}, which stands for a missing "
                            "one; leave such utterances out")
    return texts


def _matrix(m, x, n):
    """The features of a modality: an array (n, d_m) of numbers, memory-mapped if `x` is."""
    if not (isinstance(m, str) and re.fullmatch(r"\w[\w.-]{0,39}", m)):
        raise DataError(f"modality {m!r:.60}, expected a name of letters, digits, '_', '-' and '.'")
    x = x if isinstance(x, np.ndarray) else _array(f"features {m}", x)
    advice = ""
    if x.ndim == 3:
        advice = "; average over the time axis, x.mean(axis=1), or over its valid steps"
    if x.ndim == 1:
        advice = "; x[:, None] makes a column of it"
    if x.ndim != 2 or len(x) != n:
        raise DataError(f"features {m} have the shape {x.shape}, expected ({n}, width): "
                        f"one row per utterance{advice}")
    if x.dtype.kind == "O" and all(isinstance(value, int | float) for value in x.flat):
        x = x.astype(float)
    if x.dtype.kind not in "iuf":
        raise DataError(f"features {m} are {x.dtype}, expected real numbers; try .astype(float)")
    if x.dtype.itemsize > 8:  # long double
        with np.errstate(over="ignore"):  # leaves infinity, which the corpus refuses
            x = x.astype(float)
    return x


def _running(videos):
    """For each row, how many rows of its video are before it."""
    count = {}
    places = []
    for video in videos:
        places.append(count.get(video, 0))
        count[video] = places[-1] + 1
    return places


def _numbers(values):
    """Numbers, or texts that are plainly numbers: all whole, or all float."""
    numbers = []
    for row, value in enumerate(values):
        if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
            value = int(value) if value.strip().lstrip("+-").isdigit() else float(value)
        limit = np.inf if isinstance(value, float) else 10**18
        if isinstance(value, str | bool) or not abs(value) < limit:
            raise DataError(f"order of row {row} (from 0) is {value!r:.60}, "
                            "expected a number; a whole one has at most 18 digits")
        numbers.append(value)
    return numbers


def _splits(values):
    names = [SPLIT_NAMES.get(str(value).strip().lower()) for value in values]
    if None in names:
        row = names.index(None)
        raise DataError(f"split of row {row} (from 0) is {values[row]!r:.60}, "
                        "expected train, validation (valid, val, dev) or test")
    return names


def _classes(values):
    """Names of the classes, labels (n,), and whether they were whole numbers.

    Numbers are sorted by size and texts by alphabet; texts that are plainly whole numbers by size.
    """
    kinds = {type(value) for value in values}
    whole = kinds <= {int, float} and all(float(value).is_integer() for value in values)
    if whole:
        names = [str(int(value)) for value in values]
    else:
        names = _texts("label", values)
    if all(map(NUMBER.fullmatch, names)):
        for row, name in enumerate(names):
            if not float(name).is_integer():
                raise DataError(f"label of row {row} (from 0) is {name}, expected a class: "
                                "a word or a whole number")
    classes = sorted(set(names), key=int if all(map(WHOLE.fullmatch, names)) else None)
    number = {name: c for c, name in enumerate(classes)}
    return tuple(classes), np.array([number[name] for name in names]), whole
