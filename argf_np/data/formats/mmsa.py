"""MOSI and MOSEI as the framework MMSA packs them: `aligned_50.pkl`, `unaligned_50.pkl`."""

import re

import numpy as np

from ...errors import DataError
from ..corpus import SPLITS, from_rows, notice
from ..published import MOSI_VIDEOS
from .pickled import numbers, texts, to_classes

PARTS = ("train", "valid", "test")
FEATURES = {"a": "audio", "l": "text", "v": "vision"}


def read_parts(path, value):
    """A `Corpus` of the dict of `train`, `valid` and `test`.

    The features have a time axis: each is averaged over the valid steps of its row. MOSEI's classes
    are the signs of the regression label. MOSI has two, and 0 is positive, as it seems to be in its
    CSV files: both have 1,023 negative utterances.
    """
    rows = {key: [] for key in ("video", "segment", "split", "words", "label", *FEATURES)}
    broken = 0
    for key, split in zip(PARTS, SPLITS, strict=True):
        part, its_broken = _read_part(f"{path}, {key}", value[key])
        part["split"] = [split] * len(part["video"])
        broken += its_broken
        for name, column in part.items():
            rows[name].extend(column)
    if broken:
        notice(f"{path}: {broken} infinite or NaN values of the features count as 0")
    for m in FEATURES:
        if len({len(x) for x in rows[m]}) > 1:
            raise DataError(f"{path}: features {m} whose widths are not the same in all parts")
    published = {video for videos in MOSI_VIDEOS.values() for video in videos}
    labels = np.array(rows["label"])
    name = "mosei"
    if published.issuperset(rows["video"]):
        name, labels = "mosi", labels >= 0
    labels, classes = to_classes(path, name, labels)
    features = {m: np.array(rows[m]) for m in FEATURES}
    return from_rows(name, features, rows["video"], np.array(rows["segment"]), rows["split"],
                     labels, classes, rows["words"])


def _read_part(path, part):
    """Columns of one part by name, and how many values of the features are not finite."""
    for key in ("id", "regression_labels", *FEATURES.values()):
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
    columns["label"] = numbers(path, "regression_labels", part["regression_labels"], 1)
    if not np.isfinite(columns["label"]).all():
        raise DataError(f"{path}: a regression label that is not finite")
    broken = 0
    for m, key in FEATURES.items():
        x = numbers(path, key, part[key], 3)
        whole = [x.shape[1]] * len(x)
        lengths = numbers(path, f"{key}_lengths", part.get(f"{key}_lengths", whole), 1)
        if {len(x), len(lengths), len(columns["words"]), len(columns["label"])} != {n}:
            raise DataError(f"{path}: {key} of shape {x.shape}, "
                            f"expected rows, lengths, words and labels of {n} ids")
        columns[m], its_broken = average(x, lengths)
        broken += its_broken
    return columns, broken


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
