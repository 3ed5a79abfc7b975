"""MOSI and MOSEI as the MMSA framework packs them, `aligned_50.pkl` and `unaligned_50.pkl`: rows with a time axis."""

import re

import numpy as np

from .corpus import SPLITS, Corpus, DataError, arrange, layout, notice
from .mosi import VIDEOS
from .pickles import numbers, texts
from .published import to_classes

PARTS = ("train", "valid", "test")
FEATURES = {"a": "audio", "l": "text", "v": "vision"}


def read_parts(path, value):
    """A `Corpus` of the dict of `train`, `valid` and `test`; rows are grouped by video, in the order of the segments.

    Each feature is averaged over the valid steps of its row. MOSEI's classes are the signs of the regression label.
    MOSI has two, and 0 is positive, as it seems to be in its CSV files: both have 1,023 negative utterances.
    """
    parts = [_read_part(f"{path}, {name}", value[name]) for name in PARTS]
    if len({tuple(part[m].shape[1] for m in FEATURES) for part in parts}) > 1:
        raise DataError(f"{path}: features whose widths are not the same in train, valid and test")
    names, words = ([item for part in parts for item in part[key]] for key in ("names", "words"))
    labels, *features = (np.concatenate([part[key] for part in parts]) for key in ("labels", *FEATURES))
    if broken := sum(part["broken"] for part in parts):
        notice(f"{path}: {broken} infinite or NaN values of the features count as 0")

    index, video_ids, lengths = arrange([video for video, _ in names], [segment for _, segment in names])
    ends = np.cumsum([len({video for video, _ in part["names"]}) for part in parts])
    if ends[-1] != len(video_ids) or len(set(names)) < len(names):
        raise DataError(f"{path}: a video in two parts, or an id a second time")
    name = "mosi" if set(video_ids) <= {video for videos in VIDEOS.values() for video in videos} else "mosei"
    labels, classes = to_classes(path, name, labels >= 0 if name == "mosi" else labels)
    return Corpus(
        name=name, source="real", classes=classes, video_ids=video_ids,
        ids=tuple(f"{names[i][0]}_{names[i][1]}" for i in index), words=tuple(words[i] for i in index),
        features={m: x[index] for m, x in zip(FEATURES, features, strict=True)}, labels=labels[index],
        **layout(dict(zip(SPLITS, np.split(lengths, ends[:-1]), strict=True))),
    )


def _read_part(path, part):
    """One part: "names" (video, segment), "words", real "labels" (n,), features "a", "l", "v", number of "broken"."""
    for key in ("id", "regression_labels", *FEATURES.values()):
        if not (isinstance(part, dict) and key in part):
            raise DataError(f"{path}: no {key}, expected what MMSA writes; text_bert holds word pieces, no features")
    names = [re.fullmatch(r"(.+)\$_\$([0-9]{1,9})", name) for name in texts(path, "id", part["id"])]
    if None in names:
        raise DataError(f"{path}: id {part['id'][names.index(None)]!r:.60}, expected VIDEO$_$SEGMENT")
    read = {"names": [(name[1], int(name[2])) for name in names],
            "words": texts(path, "raw_text", part.get("raw_text", [""] * len(names))),
            "labels": numbers(path, "regression_labels", part["regression_labels"], 1), "broken": 0}
    if not np.isfinite(read["labels"]).all():
        raise DataError(f"{path}: a regression label that is not finite")
    for m, key in FEATURES.items():
        x = numbers(path, key, part[key], 3)
        lengths = numbers(path, f"{key}_lengths", part.get(f"{key}_lengths", [x.shape[1]] * len(x)), 1)
        if {len(x), len(lengths), len(read["words"]), len(read["labels"])} != {len(names)}:
            raise DataError(f"{path}: {key} of shape {x.shape}, expected rows, lengths, words and labels of "
                            f"{len(names)} ids")
        read[m], broken = average(x, lengths)
        read["broken"] += broken
    return read


def average(x, lengths):
    """Mean of each row of x (n, T, d) over its valid steps, and how many of its values are infinite or NaN.

    Valid are the steps within the row's length that are not zero throughout, as padding is. Broken values count as 0,
    which is what MMSA makes of them. A row without valid steps lacks the modality: NaN.
    """
    means, broken = np.full((len(x), x.shape[2]), np.nan, np.result_type(x, np.float32)), 0
    for i, steps in enumerate(x):  # one by one: the whole of x has gigabytes
        finite = np.isfinite(steps)
        broken += finite.size - int(finite.sum())
        steps = np.where(finite & (np.arange(len(steps)) < lengths[i])[:, None], steps, 0)
        steps = steps[steps.any(axis=1)]
        if len(steps):
            with np.errstate(over="ignore"):  # leaves infinity, which the corpus refuses
                means[i] = steps.mean(axis=0, dtype=float)
    return means, broken
