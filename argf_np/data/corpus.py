"""The one structure of every data set: videos of utterances with words, features and labels."""

import sys
from dataclasses import dataclass, replace

import numpy as np

from ..errors import DataError

SPLITS = ("train", "validation", "test")
CHUNK = 2**20  # numbers of a feature array that are looked at together


def notice(text):
    """Tell people on stderr what they should know about their data."""
    print(f"notice: {text}", file=sys.stderr)


@dataclass(frozen=True, eq=False)
class Corpus:
    """V videos holding n utterances; the utterances of a video stand next to each other, in their order.

    Attributes
    ----------
    name, source : str
        The data set ("mosi") and where it comes from: "real" or "synthetic".
    classes : tuple of str
        Names of the classes; label c is `classes[c]`. Empty where nothing is labelled: videos to predict.
    video_ids : tuple of str, V
    starts : int array (V + 1,)
        Video i holds the utterances `starts[i]` to `starts[i + 1] - 1`.
    ids, words : tuple of str, n
        Id and transcript of each utterance; where the transcript is empty, the id stands in for it.
    features : dict of modality to array (n, d_m)
        Two or more modalities of any widths, in the order in which they are used everywhere: a, l, v. An utterance that
        lacks a modality has a row of NaN there. Memory-mapped arrays stay so.
    labels : int array (n,)
        All -1 if there are no classes.
    split : dict of "train", "validation", "test" to int array
        Indices into `video_ids`; no video is in two splits.
    contextual : bool
        The features are outputs of a UCLN already, so that none is to be trained.

    Raises
    ------
    DataError
        If the parts do not fit together, or a feature is infinite, or NaN in a part of a row.
    """

    name: str
    source: str
    classes: tuple[str, ...]
    video_ids: tuple[str, ...]
    starts: np.ndarray
    ids: tuple[str, ...]
    words: tuple[str, ...]
    features: dict[str, np.ndarray]
    labels: np.ndarray
    split: dict[str, np.ndarray]
    contextual: bool = False

    def __post_init__(self):
        n, n_videos = len(self.ids), len(self.video_ids)

        def require(holds, expected):
            if not holds:
                raise DataError(f"{self.name}: expected {expected}")

        require(n > 0, "at least one utterance")
        require(len(self.starts) == n_videos + 1 and self.starts[0] == 0 and self.starts[-1] == n
                and (self.lengths > 0).all(), f"starts that rise from 0 to {n} in {n_videos} steps")
        require(len(self.words) == n, f"the words of {n} utterances, not of {len(self.words)}")
        spoken = tuple(words or name for words, name in zip(self.words, self.ids, strict=True))
        object.__setattr__(self, "words", spoken)  # the class is frozen
        require(self.labels.shape == (n,), f"labels of shape {(n,)}, not {self.labels.shape}")
        require(np.isin(self.labels, np.arange(len(self.classes)) if self.classes else -1).all(),
                f"labels from 0 to {len(self.classes) - 1}" if self.classes else "labels of -1 without classes")
        require(tuple(self.split) == SPLITS, f"the splits {', '.join(SPLITS)}, not {', '.join(self.split)}")
        videos = np.concatenate([*self.split.values()])
        require(np.isin(videos, np.arange(n_videos)).all(), f"splits that index {n_videos} videos")
        require(len(np.unique(videos)) == len(videos), "splits that share no video")
        require(len(self.features) > 1, f"two modalities or more, not {len(self.features)}")
        for m, x in self.features.items():
            require(x.ndim == 2 and len(x) == n and x.shape[1], f"features {m} of shape ({n}, width), not {x.shape}")
            require(x.dtype.kind in "fiu", f"features {m} that are real numbers, not {x.dtype}")
            for start, rows in () if isinstance(x, Standardised) else chunks(x):  # those were looked at before
                broken = ~np.isfinite(rows).all(axis=1) & ~np.isnan(rows).all(axis=1)
                require(not broken.any(), f"features {m} that are finite, or NaN throughout a row that lacks them, "
                                          f"also for utterance {self.ids[start + int(broken.argmax())]}")

    @property
    def lengths(self):
        """Number of utterances of each video, (V,)."""
        return np.diff(self.starts)

    def utterances(self, split):
        """Indices of the utterances of a split, video by video in the order of `split[...]`."""
        index, mask = _grid(self.starts, self.split[split])
        return index[mask]


def arrange(videos, order):
    """How to sort rows video by video, these as they first appear, and within a video by `order` (n,).

    Returns the row of each utterance (n,), the ids of the videos, and their lengths.
    """
    rank = {}
    video = [rank.setdefault(name, len(rank)) for name in videos]
    return np.lexsort((order, video)), tuple(rank), np.bincount(np.array(video, int))


def clean(path, features):
    """Features with 0 for what is infinite or NaN, which a notice counts; a row of NaN stays, as a missing modality."""
    cleaned, broken = {}, 0
    for m, x in features.items():
        wrong = ~np.isfinite(x) & ~np.isnan(x).all(axis=1, keepdims=True)
        cleaned[m], broken = np.where(wrong, 0, x), broken + int(wrong.sum())
    if broken:
        notice(f"{path}: {broken} infinite or NaN values of the features set to 0")
    return cleaned


def number(video_ids, lengths):
    """Ids of utterances that have none: VIDEO_1, VIDEO_2, ... for each video."""
    return tuple(f"{video}_{i + 1}" for video, n in zip(video_ids, lengths, strict=True) for i in range(n))


def moments(corpus):
    """Mean and standard deviation of each column over the training utterances: what `standardise` needs.

    Utterances that lack a modality do not count. The deviation of a column that is constant in training is 1.
    Contextual features are meant to be used as they are: mean 0, deviation 1.

    Returns
    -------
    moments : dict of modality to dict of "mean" and "deviation" to array (d_m,)

    Raises
    ------
    DataError
        If no training utterance has a modality, or its numbers are so large that their squares overflow.
    """
    return {m: _moments(corpus, m) for m in corpus.features}


@np.errstate(over="ignore", invalid="ignore")  # what overflows is refused
def _moments(corpus, m):
    x, train = corpus.features[m], corpus.utterances("train")
    if corpus.contextual:
        return {"mean": np.zeros(x.shape[1]), "deviation": np.ones(x.shape[1])}

    def present():
        """The training rows that have the modality, some at a time."""
        for _, rows in chunks(x, train):
            yield rows[~np.isnan(rows[:, 0])].astype(float)

    parts = [(len(rows), rows.sum(axis=0), rows.min(axis=0, initial=np.inf), rows.max(axis=0, initial=-np.inf))
             for rows in present()]
    if (n := sum(part[0] for part in parts)) == 0:
        raise DataError(f"{corpus.name}: no training utterance has the modality {m}")
    _, sums, lows, highs = zip(*parts, strict=True)
    mean = sum(sums) / n
    variance = sum(((rows - mean) ** 2).sum(axis=0) for rows in present()) / n
    if not np.isfinite(variance).all():
        raise DataError(f"{corpus.name}: features {m}, expected numbers whose squares can be summed")
    # Not variance > 0: rounding gives a constant column a tiny one.
    varies = np.min(lows, axis=0) < np.max(highs, axis=0)
    return {"mean": mean, "deviation": np.where(varies, np.sqrt(variance), 1)}


def standardise(corpus, by=None):
    """The corpus with features of mean 0 and standard deviation 1 over its training utterances.

    Validation and test utterances are shifted and scaled by the training statistics. A column that is constant in
    training is only shifted. A row of NaN, a missing modality, becomes zeros: the training mean. Memory-mapped features
    are not copied: each row is computed whenever it is taken.

    Parameters
    ----------
    by : dict, optional
        `moments` of another corpus, for new videos of a trained model. Default: those of this one.

    Raises
    ------
    DataError
        As `moments` does, and where a standardised number would overflow; for memory-mapped features when it is taken.
    """
    by = by or moments(corpus)
    return replace(corpus, features={
        m: Standardised(x, **by[m]) if isinstance(x, np.memmap) else _standardise(x, **by[m])
        for m, x in corpus.features.items()})


@np.errstate(over="ignore")
def _standardise(x, mean, deviation):
    z = (x - mean) / deviation
    if np.isinf(z).any():
        raise DataError("features too far from those of training: infinite when standardised")
    z[np.isnan(z)] = 0
    return z


class Standardised:
    """Standardised features (n, d) that are computed row by row when they are taken: `x[rows]`."""

    ndim, dtype = 2, np.dtype(float)

    def __init__(self, x, mean, deviation):
        self.x, self.mean, self.deviation = x, mean, deviation
        self.shape = x.shape

    def __len__(self):
        return len(self.x)

    def __getitem__(self, rows):
        return _standardise(np.asarray(self.x[rows]), self.mean, self.deviation)


def chunks(x, rows=None):
    """Yield (place of the first, rows) of features (n, d), or of some of their rows, a few megabytes at a time."""
    size = max(1, CHUNK // x.shape[1])
    for start in range(0, len(x) if rows is None else len(rows), size):
        yield start, x[start:start + size] if rows is None else x[rows[start:start + size]]


def layout(lengths):
    """`starts` and `split` of a corpus whose videos stand split by split.

    Parameters
    ----------
    lengths : dict of "train", "validation", "test" to sequence of int
        Number of utterances of each video.
    """
    ends = np.cumsum([len(part) for part in lengths.values()])
    everything = [length for part in lengths.values() for length in part]
    return {"starts": np.concatenate([[0], np.cumsum(everything)]),
            "split": dict(zip(lengths, np.split(np.arange(len(everything)), ends[:-1]), strict=True))}


def pad(rows, starts, videos):
    """Lay the utterances of some videos out as one row of T steps a video; T is the longest of them.

    Parameters
    ----------
    rows : array (n, ...)
        One entry an utterance: features (n, d), labels (n,), ...
    starts : int array (V + 1,)
        As in `Corpus`.
    videos : sequence of int
        The videos to take, in this order.

    Returns
    -------
    padded : array (len(videos), T, ...)
        Zero after a video's last utterance.
    mask : bool array (len(videos), T)
        True where there is an utterance.
    """
    index, mask = _grid(starts, videos)
    padded = np.zeros(mask.shape + rows.shape[1:], rows.dtype)  # (len(videos), T, ...)
    padded[mask] = rows[index[mask]]
    return padded, mask


def unpad(padded, mask):
    """The inverse of `pad`: (len(videos), T, ...) to the rows of the videos one after the other."""
    return padded[mask]


def _grid(starts, videos):
    """Utterance index and mask of each step of some videos, (len(videos), T); outside the mask the index is void."""
    first = starts[:-1][videos]
    lengths = np.diff(starts)[videos]
    steps = np.arange(lengths.max(initial=0))
    return first[:, None] + steps, steps < lengths[:, None]


PIECE = 4096  # utterances that are predicted together, in whole videos


def select(corpus, modalities):
    """The corpus with some of its modalities, in their order."""
    return replace(corpus, features={m: corpus.features[m] for m in modalities})


def pieces_of(corpus, size=PIECE):
    """Yield the corpus as several of consecutive whole videos, each of ``size`` utterances if its videos allow it."""
    first = 0
    while first < len(corpus.video_ids):
        last = max(first + 1, int(np.searchsorted(corpus.starts, corpus.starts[first] + size, "right")) - 1)
        rows = slice(corpus.starts[first], corpus.starts[last])
        yield replace(
            corpus, video_ids=corpus.video_ids[first:last], starts=corpus.starts[first:last + 1] - corpus.starts[first],
            ids=corpus.ids[rows], words=corpus.words[rows], labels=corpus.labels[rows],
            features={m: x[rows] for m, x in corpus.features.items()},
            split={"train": np.arange(0), "validation": np.arange(0), "test": np.arange(last - first)})
        first = last


def joined(train, valid):
    """One corpus of all videos of two: those of the first for training, those of the second for validation.

    Raises DataError where modalities or their widths differ, or the second has a class that the first lacks.
    """
    widths, others = ({m: x.shape[1] for m, x in corpus.features.items()} for corpus in (train, valid))
    if widths != others or train.contextual != valid.contextual:
        raise DataError(f"{valid.name}: features of widths {others}, expected those of {train.name}: {widths}")
    V, more = len(train.video_ids), len(valid.video_ids)
    return Corpus(
        name=train.name, source=train.source, classes=train.classes, contextual=train.contextual,
        video_ids=train.video_ids + valid.video_ids, ids=train.ids + valid.ids, words=train.words + valid.words,
        starts=np.concatenate([train.starts, train.starts[-1] + valid.starts[1:]]),
        labels=np.concatenate([train.labels, labels_among(train.classes, valid)]),
        features={m: np.concatenate([x, valid.features[m]]) for m, x in train.features.items()},
        split={"train": np.arange(V), "validation": np.arange(V, V + more), "test": np.arange(0)})


def labels_among(classes, corpus):
    """Labels (n,) of a corpus as numbers of the classes of a model. Raises DataError if one is not among them."""
    if not corpus.classes:
        raise DataError(f"{corpus.name}: nothing is labelled")
    if unknown := [name for name in corpus.classes if name not in classes]:
        raise DataError(f"{corpus.name}: label {unknown[0]}, expected one of {', '.join(classes)}")
    return np.array([classes.index(name) for name in corpus.classes])[corpus.labels]
