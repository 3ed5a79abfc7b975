"""What is published about the three data sets of the paper, whichever file they come in."""

from dataclasses import dataclass

import numpy as np

from . import mosi
from .corpus import SPLITS, Corpus, DataError, clean, layout, notice, number


@dataclass(frozen=True)
class Published:
    """Facts about a data set; triples are for training, validation and test."""

    classes: tuple[str, ...]
    videos: tuple[int, int, int]
    utterances: tuple[int, int, int]  # as the paper counts them
    balance: tuple[tuple[int, ...], ...]  # utterances of each class
    widths: dict[str, int]
    files: tuple[str, ...]  # names of the pickles in which it circulates; the first that is there is read


# Only the sums over training and validation are known of MOSEI and IEMOCAP, and of MOSEI's test videos nothing.
MOSEI, IEMOCAP = (4709, 3502, 7977), (504, 839, 1324, 933, 742, 1468)

DATASETS = {
    "mosi": Published(
        mosi.CLASSES, (49, 13, 31), (1141, 306, 752), ((575, 566), (163, 143), (285, 467)), mosi.WIDTHS,
        ("text_2way.pickle", "text.pickle", "unimodal_mosi_*way.pickle", "aligned_50.pkl", "unaligned_50.pkl")),
    "mosei": Published(
        ("negative", "neutral", "positive"), (1800, 450, 678), (13168, 3020, 4614), (MOSEI, MOSEI, MOSEI),
        {"a": 74, "l": 300, "v": 35},
        ("text_3way.pickle", "unimodal_mosei_*way.pickle", "aligned_50.pkl", "unaligned_50.pkl")),
    "iemocap": Published(  # D17
        ("happy", "sad", "neutral", "angry", "excited", "frustrated"), (96, 24, 31), (4674, 1136, 1623),
        (IEMOCAP, IEMOCAP, (144, 245, 384, 170, 299, 381)), {"a": 100, "l": 100, "v": 512},
        ("IEMOCAP_features_raw.pkl", "unimodal_iemocap_*way.pickle")),
}


def compare_counts(corpus):
    """Say so if a data set of the paper has other numbers of utterances than the paper counts."""
    found = tuple(len(corpus.utterances(split)) for split in SPLITS)
    if corpus.name in DATASETS and found != (paper := DATASETS[corpus.name].utterances):
        notice(f"{corpus.name} has {found[0]} / {found[1]} / {found[2]} utterances for training, validation and test; "
               f"in the paper it has {paper[0]} / {paper[1]} / {paper[2]}")


def assemble(path, name, lengths, labels, features, video_ids=None, words=None, contextual=False):
    """A `Corpus` of training and test videos; the training videos are split into training and validation as published.

    Parameters
    ----------
    lengths : pair of sequences of int
        Utterances of each training and of each test video; all of them stand one after the other in what follows.
    labels : array (n,) or (n, N)
        See `to_classes`.
    features : dict of modality to array (n, d_m)
    """
    n_train = DATASETS[name].videos[0]
    if not (len(lengths[0]) > n_train and len(lengths[1]) and min(map(min, lengths)) > 0):
        raise DataError(f"{path}: {len(lengths[0])} training and {len(lengths[1])} test videos, expected more than "
                        f"{n_train} and some, none of them empty")
    labels, classes = to_classes(path, name, labels)
    video_ids = video_ids or [f"{part}_{i}" for part, x in zip(("train", "test"), lengths, strict=True)
                              for i in range(len(x))]
    split = (lengths[0][:n_train], lengths[0][n_train:], lengths[1])
    return Corpus(
        name=name, source="real", classes=classes, video_ids=tuple(video_ids),
        ids=number(video_ids, [*lengths[0], *lengths[1]]), words=tuple(words or [""] * len(labels)),
        features=clean(path, features), labels=labels, contextual=contextual,
        **layout(dict(zip(SPLITS, split, strict=True))),
    )


def to_classes(path, name, labels):
    """Labels (n,) and names of the classes, from classes or, for MOSEI, reals (n,), or from one-hot rows (n, N)."""
    classes = DATASETS[name].classes
    if labels.ndim == 2:
        if not ((labels.sum(axis=1) == 1) & (labels.max(axis=1) == 1)).all():
            raise DataError(f"{path}: labels that are not one-hot")
        N = labels.shape[1]
        return labels.argmax(axis=1), classes if N == len(classes) else tuple(f"class {c}" for c in range(N))
    codes = np.sign(labels) + 1 if name == "mosei" else labels
    for label in labels[~np.isin(codes, range(len(classes)))]:
        raise DataError(f"{path}: label {label:g}, expected {'a number' if name == 'mosei' else ', '.join(classes)}")
    return codes.astype(int), classes


# Tables 1 to 3: average accuracy and F1 of ARGF in percent, by data set and target modality.
PAPER = {
    ("mosi", "l"): (81.38, 81.52), ("mosi", "a"): (81.25, 81.32), ("mosi", "v"): (81.12, 81.25),
    ("iemocap", "l"): (60.69, 59.53), ("iemocap", "a"): (60.20, 59.75),
    ("iemocap", "v"): (60.20, 59.81),
    ("mosei", "l"): (60.88, 58.92), ("mosei", "a"): (60.55, 59.52), ("mosei", "v"): (60.88, 58.66),
}
