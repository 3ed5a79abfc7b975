"""What the framework MMSA packs: MOSI, MOSEI (`aligned_50.pkl`, `unaligned_50.pkl`) and others."""

import re

import numpy as np

from ...errors import DataError
from ..corpus import SPLITS, from_rows, notice
from ..published import MOSI_VIDEOS
from .pickled import numbers, texts, to_classes

PARTS = ("train", "valid", "test")
FEATURES = {"a": "audio", "l": "text", "v": "vision"}
LABELS = ("annotations", "classification_labels", "regression_labels")
MOSEI = [16326, 1871, 4659]  # rows of its parts, as MMSA splits it


def read_parts(path, value, dataset=None):
    """A `Corpus` of the dict of `train`, `valid` and `test`.

    The features have a time axis: each is averaged over the valid steps of its row. MOSI is known
    by its videos. MOSEI is known by its counts, or because `dataset` says so. MOSEI's classes are
    the signs of the regression label. MOSI has two, and 0 is positive, as it seems to be in its CSV
    files: both have 1,023 negative utterances. For the classes of other data, see `_other_classes`.
    """
    parts = [_read_part(f"{path}, {key}", value[key]) for key in PARTS]
    rows = {}
    for part, split in zip(parts, SPLITS, strict=True):
        part["split"] = [split] * len(part["video"])
        for name, column in part.items():
            rows.setdefault(name, []).extend(column)
    if any(rows["broken"]):
        notice(f"{path}: {sum(rows['broken'])} infinite or NaN values of the features count as 0")
    for m in FEATURES:
        if len({len(x) for x in rows[m]}) > 1:
            raise DataError(f"{path}: features {m} whose widths are not the same in all parts")
    counts = [len(part["video"]) for part in parts]
    if {video for part in MOSI_VIDEOS.values() for video in part}.issuperset(rows["video"]):
        dataset = "mosi"
    elif dataset == "mosei" or counts == MOSEI:
        dataset = "mosei"
    else:
        dataset = None
    labels, classes, whole = _classes(path, value, dataset, len(rows["video"]))
    features = {m: np.array(rows[m]) for m in FEATURES}
    return from_rows(dataset or path.stem, features, rows["video"], np.array(rows["segment"]),
                     rows["split"], labels, classes, rows["words"], published=dataset,
                     integer_classes=whole)


def _read_part(path, part):
    """Columns of one part, by name.

    "broken" has one number per modality: how many of its values are not finite.
    """
    for key in ("id", *FEATURES.values()):
        if not (isinstance(part, dict) and key in part):
            raise DataError(f"{path}: no {key}, expected what MMSA writes; "
                            "text_bert holds word pieces, no features")
    columns = {"video": [], "segment": []}
    for name in texts(path, "id", part["id"]):
        match = re.fullmatch(r"(.+)\$_\$([0-9]{1,9})", name)
        if match is None:
            raise DataError(f"{path}: id {name!r:.60}, expected VIDEO$_$SEGMENT")
        columns["video"].append(match[1])
        columns["segment"].append(int(match[2]))
    n = len(columns["video"])
    columns["words"] = texts(path, "raw_text", part.get("raw_text", [""] * n))
    columns["broken"] = []
    for m, key in FEATURES.items():
        x = numbers(path, key, part[key], 3)
        whole = [x.shape[1]] * len(x)
        lengths = numbers(path, f"{key}_lengths", part.get(f"{key}_lengths", whole), 1)
        if {len(x), len(lengths), len(columns["words"])} != {n}:
            raise DataError(f"{path}: {key} of shape {x.shape}, {len(lengths)} lengths and "
                            f"{len(columns['words'])} texts, expected those of {n} ids")
        columns[m], broken = average(x, lengths)
        columns["broken"].append(broken)
    return columns


def _classes(path, value, dataset, n):
    """Labels (n,), names of the classes, and whether these are whole numbers."""
    if dataset is None:
        return _other_classes(path, value, n)
    labels = _column(path, value, "regression_labels", n)
    labels, classes = to_classes(path, dataset, labels >= 0 if dataset == "mosi" else labels)
    return labels, classes, False


def _other_classes(path, value, n):
    """What `_classes` returns for data that is not the paper's: from the first key that will do.

    The classes are names in `annotations`, whole numbers in `classification_labels`, and the signs
    in `regression_labels`. A key is not used if all labels are the same or one is empty.
    """
    for key in LABELS:
        if not all(key in value[part] for part in PARTS):
            continue
        column = _column(path, value, key, n)
        if key == "regression_labels":
            column = np.array(["negative", "neutral", "positive"])[np.sign(column).astype(int) + 1]
        if len(set(column)) < 2 or "" in set(column):
            continue
        notice(f"{path}: none of the paper's data sets; its classes are from {key}")
        if key == "classification_labels":
            labels, classes = to_classes(path, None, column)
            return labels, classes, classes[0].lstrip("-").isdigit()
        classes, labels = np.unique(column, return_inverse=True)
        return labels, tuple(classes.tolist()), False
    raise DataError(f"{path}: expected two classes or more in one of {', '.join(LABELS)}")


def _column(path, value, key, n):
    """The labels of a key of all parts, one after the other (n,)."""
    column = []
    for part in PARTS:
        where, labels = f"{path}, {part}", value[part].get(key)
        if key == "annotations":
            column += texts(where, key, labels)
        else:
            column += numbers(where, key, labels, 1).tolist()
            if not np.isfinite(column).all():
                raise DataError(f"{where}: {key} that are not finite")
    if len(column) != n:
        raise DataError(f"{path}: {len(column)} {key}, expected one per id: {n}")
    return np.array(column)


def average(x, lengths):
    """Mean of each row of x (n, T, d) over its valid steps, and how many of its values are broken.

    A step is valid within the length of its row, unless all of it is zero, as padding is. Infinite
    and NaN values count as 0, which is what MMSA makes of them. A row without valid steps lacks the
    modality: NaN.
    """
    means = np.full((len(x), x.shape[2]), np.nan, np.result_type(x, np.float32))
    broken = 0
    for i, steps in enumerate(x):  # one by one: the whole of x has gigabytes
        finite = np.isfinite(steps)
        broken += finite.size - int(finite.sum())
        inside = np.arange(len(steps)) < lengths[i]
        steps = np.where(finite & inside[:, None], steps, 0)
        steps = steps[steps.any(axis=1)]
        if len(steps):
            with np.errstate(over="ignore"):  # leaves infinity, which the corpus refuses
                means[i] = steps.mean(axis=0, dtype=float)
    return means, broken
