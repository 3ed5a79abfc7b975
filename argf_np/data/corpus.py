"""The one structure of every data set: videos of utterances with words, features and labels."""

import sys
from dataclasses import dataclass, replace

import numpy as np

from ..errors import DataError

SPLITS = ("train", "validation", "test")
CHUNK = 2**20  # numbers of a feature array that are looked at together
PIECE = 4096  # utterances of a piece of a corpus


def notice(text):
    """Tell people something on stderr that they should know, in one line."""
    print(f"notice: {text}", file=sys.stderr)


def short(text, most=60):
    """A text of the user's in a message: on one line, and not too long."""
    return " ".join(text.split())[:most]


@dataclass(frozen=True, eq=False)
class Corpus:
    """V videos holding n utterances; the utterances of a video are adjacent and in their order.

    Attributes
    ----------
    name, source : str
        The data set ("mosi") and where it comes from: "real" or "synthetic".
    classes : tuple of str
        Names of the classes; label c is `classes[c]`. Empty if nothing is labelled, as for
        videos to predict.
    video_ids : tuple of str, V
    starts : int array (V + 1,)
        Video i holds the utterances `starts[i]` to `starts[i + 1] - 1`.
    ids, words : tuple of str, n
        Id and transcript of each utterance; an empty transcript is replaced by the id.
    features : dict of modality to array (n, d_m)
        Two or more modalities of any widths. Their order is the order of modalities everywhere:
        a, l, v. An utterance that lacks a modality has a row of NaN there. Memory-mapped arrays
        stay memory-mapped.
    labels : int array (n,)
        All -1 if there are no classes.
    split : dict of "train", "validation", "test" to int array
        Indices into `video_ids`; no video is in two splits.
    contextual : bool
        The features are outputs of a UCLN already, so no UCLN is to be trained.
    published : str or None
        Which of the paper's data sets it is, by its counts or because the user says so. Its preset
        and the paper's figures are for it. None for all other data, whatever its name is.
    row : int array (n,), optional
        Row of each utterance in the user's file or arrays, counted from 0: `np.argsort(row)` lists
        the utterances in the user's order. Default: the order of the corpus.
    integer_classes : bool
        The labels were whole numbers, so a model predicts whole numbers.

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
    published: str | None = None
    row: np.ndarray | None = None
    integer_classes: bool = False

    def __post_init__(self):
        n, V, N = len(self.ids), len(self.video_ids), len(self.classes)
        self._require(n > 0, "at least one utterance")
        whole = len(self.starts) == V + 1 and self.starts[0] == 0 and self.starts[-1] == n
        rises = whole and (self.lengths > 0).all()
        self._require(rises, f"starts that rise from 0 to {n} in {V} steps")
        self._require(len(self.words) == n, f"the words of {n} utterances, not {len(self.words)}")
        words = tuple(text or name for text, name in zip(self.words, self.ids, strict=True))
        object.__setattr__(self, "words", words)  # the class is frozen
        if self.row is None:
            object.__setattr__(self, "row", np.arange(n))
        self._require(len(self.row) == n, f"the rows of {n} utterances, not {len(self.row)}")

        shape = self.labels.shape
        self._require(shape == (n,), f"labels of shape {(n,)}, not {shape}")
        known = np.isin(self.labels, np.arange(N) if N else -1).all()
        self._require(known, f"labels from 0 to {N - 1}" if N else "labels of -1 without classes")
        names = ", ".join(self.split)
        self._require(tuple(self.split) == SPLITS, f"the splits {', '.join(SPLITS)}, not {names}")
        videos = np.concatenate([*self.split.values()])
        self._require(np.isin(videos, np.arange(V)).all(), f"splits that index {V} videos")
        self._require(len(np.unique(videos)) == len(videos), "splits that share no video")

        count = len(self.features)
        self._require(count > 1, f"two modalities or more, not {count}")
        for m, x in self.features.items():
            plain = not any(mark in m for mark in "*+,/")  # which stand between names
            self._require(plain, "modalities without '*', '+', ',' and '/' in their names, "
                          f"not {m!r}")
            self._require(m == m.strip() != "", "modalities with names, without blanks around "
                          f"them, not {m!r}")
            fits = x.ndim == 2 and len(x) == n and x.shape[1]
            self._require(fits, f"features {m} of shape ({n}, width), not {x.shape}")
            real = x.dtype.kind in "fiu"
            self._require(real, f"features {m} that are real numbers, not {x.dtype}")
            if isinstance(x, np.ndarray):  # others are computed from features that were checked
                self._require_finite(m, x)

    def __repr__(self):
        widths = ", ".join(f"{m} {x.shape[1]}" for m, x in self.features.items())
        return (f"Corpus({self.name!r}, {self.source} data, {len(self.video_ids)} videos, "
                f"{len(self.ids)} utterances, widths {widths}, classes {self.classes})")

    def _require_finite(self, m, x):
        for start, rows in chunks(x):
            broken = ~np.isfinite(rows).all(axis=1) & ~np.isnan(rows).all(axis=1)
            first = short(self.ids[start + int(broken.argmax())])
            self._require(not broken.any(), f"finite numbers of modality {m}, or NaN in the whole "
                          f"row of an utterance that lacks it; see utterance {first}")

    def _require(self, holds, expected):
        if not holds:
            raise DataError(f"{self.name}: expected {expected}")

    @property
    def lengths(self):
        """Number of utterances of each video, (V,)."""
        return np.diff(self.starts)

    def utterances(self, split):
        """Indices of the utterances of a split, video by video in the order of `split[...]`."""
        return self.rows_of(self.split[split])

    def rows_of(self, videos):
        """Indices of the utterances of some videos, video by video."""
        parts = [np.arange(self.starts[i], self.starts[i + 1]) for i in videos]
        return np.concatenate([np.arange(0), *parts])

    def folds(self, k=5, seed=0):
        """Yield k pairs of corpora (train, test) for cross-validation.

        Whole videos are dealt out, so that no video is on both sides; each is in one test corpus.
        All of a train corpus is in its split train, all of a test corpus in its split test.
        Memory-mapped features are copied. DataError if there are fewer than k videos.
        """
        V = len(self.video_ids)
        self._require(2 <= k <= V, f"2 to {V} folds of its {V} videos, not {k}")
        fold = np.random.default_rng(seed).permutation(V) % k
        for i in range(k):
            yield (_videos_of(self, np.flatnonzero(fold != i), "train"),
                   _videos_of(self, np.flatnonzero(fold == i), "test"))


def from_rows(name, features, videos, order, split, labels, classes, words=None, source="real",
              **others):
    """A `Corpus` of rows in any order. They are sorted by video, in the order of first appearance.

    Parameters
    ----------
    features : dict of modality to array (n, d_m)
    videos, split : sequences of str, n
        The video of each row, and the split of that video.
    order : array (n,)
        A number that grows with time within a video.
    labels : int array (n,)
    words : sequence of str, n, optional
    **others
        Further fields of `Corpus`.

    Raises
    ------
    DataError
        If two rows of a video have the same order, a video is in two splits, or as of `Corpus`.
    """
    rank, part = {}, {}
    for video, its_split in zip(videos, split, strict=True):
        rank.setdefault(video, len(rank))
        if part.setdefault(video, its_split) != its_split:
            raise DataError(f"{name}: expected one split for all of video {video!r:.60}, "
                            f"not {part[video]} and {its_split}")
    video = np.array([rank[video] for video in videos])
    index = np.lexsort((order, video))
    ids = tuple(f"{videos[i]}_{order[i]}".removesuffix(".0") for i in index)
    same = (np.diff(video[index]) == 0) & (np.diff(order[index]) == 0)
    if same.any():
        i = index[same.argmax()]
        raise DataError(f"{name}: expected a different order for each utterance of a video, "
                        f"but video {videos[i]!r:.60} has {order[i]} twice")
    if (index != np.arange(len(index))).any():
        if any(isinstance(x, np.memmap) for x in features.values()):
            notice(f"{name}: the rows are not sorted by video and order, so the features are "
                   "sorted, in memory")
        features = {m: x[index] for m, x in features.items()}
    of_video = np.array([*part.values()])
    return Corpus(
        name, source, classes, tuple(rank), np.searchsorted(video[index], np.arange(len(rank) + 1)),
        ids, tuple(words[i] for i in index) if words is not None else ("",) * len(ids),
        features, labels[index], {split: np.flatnonzero(of_video == split) for split in SPLITS},
        row=index, **others)


def from_videos(name, features, lengths, labels, classes, video_ids, **others):
    """A `Corpus` of rows that are ordered split by split, video by video and in time.

    Parameters
    ----------
    lengths : dict of split to list of int
        Number of utterances of each video.
    video_ids : sequence of str, V
    **others
        As of `from_rows`.
    """
    n_videos = [len(part) for part in lengths.values()]
    of_video = [n for part in lengths.values() for n in part]
    split = np.repeat(np.repeat([*lengths], n_videos), of_video).tolist()
    videos = np.repeat(video_ids, of_video).tolist()
    order = np.concatenate([np.arange(1, n + 1) for n in of_video])
    return from_rows(name, features, videos, order, split, labels, classes, **others)


def select(corpus, modalities):
    """The corpus with some of its modalities, in the order given."""
    return replace(corpus, features={m: corpus.features[m] for m in modalities})


def pieces_of(corpus, size=PIECE):
    """Yield pieces of consecutive whole videos, each of up to `size` utterances or of one video.

    All videos of a piece are in its split test. Features are views, so memory-mapped ones stay so.
    """
    first, V = 0, len(corpus.video_ids)
    while first < V:
        end = corpus.starts[first] + size
        fitting = int(np.searchsorted(corpus.starts, end, "right")) - 1
        last = max(first + 1, fitting)
        yield _videos_of(corpus, np.arange(first, last), "test")
        first = last


def _videos_of(corpus, videos, split):
    """The corpus of some videos, all of them in one split."""
    lengths = corpus.lengths[videos]
    rows = corpus.rows_of(videos)
    place = rows
    if len(rows) == rows[-1] + 1 - rows[0]:
        place = slice(rows[0], rows[-1] + 1)  # a view, not a copy
    splits = dict.fromkeys(SPLITS, np.arange(0)) | {split: np.arange(len(videos))}
    return replace(
        corpus, video_ids=tuple(corpus.video_ids[i] for i in videos),
        starts=np.concatenate([[0], np.cumsum(lengths)]),
        ids=tuple(corpus.ids[i] for i in rows), words=tuple(corpus.words[i] for i in rows),
        labels=corpus.labels[rows], row=corpus.row[rows], split=splits,
        features={m: x[place] for m, x in corpus.features.items()})


def joined(train, valid):
    """One corpus of all videos of two: the first ones for training, the others for validation.

    DataError if modalities or their widths differ, or the second has a class that the first lacks.
    """
    widths = {m: x.shape[1] for m, x in train.features.items()}
    others = {m: x.shape[1] for m, x in valid.features.items()}
    if widths != others or train.contextual != valid.contextual:
        raise DataError(f"{valid.name}: features of widths {others}, "
                        f"expected those of {train.name}: {widths}")
    if not train.classes:
        raise DataError(f"{train.name}: nothing is labelled")
    V, more = len(train.video_ids), len(valid.video_ids)
    labels = labels_among(train.classes, valid)
    return replace(
        train, video_ids=train.video_ids + valid.video_ids,
        starts=np.concatenate([train.starts, train.starts[-1] + valid.starts[1:]]),
        ids=train.ids + valid.ids, words=train.words + valid.words,
        labels=np.concatenate([train.labels, labels]), row=None,
        features={m: np.concatenate([x, valid.features[m]]) for m, x in train.features.items()},
        split={"train": np.arange(V), "validation": np.arange(V, V + more), "test": np.arange(0)})


def labels_among(classes, corpus):
    """Labels (n,) of a corpus as indices into the classes of a model.

    DataError if nothing is labelled, or a class of the corpus is not among them.
    """
    if not corpus.classes:
        raise DataError(f"{corpus.name}: nothing is labelled")
    for name in corpus.classes:
        if name not in classes:
            expected = short(", ".join(classes), 200)
            raise DataError(f"{corpus.name}: label {short(name)}, expected one of {expected}")
    return np.array([classes.index(name) for name in corpus.classes])[corpus.labels]


def chunks(x, rows=None):
    """Yield (place of the first, rows) of features (n, d), or of some of their rows.

    Each yield is a few megabytes at most, so that a memory-mapped array is never read as a whole.
    """
    size = max(1, CHUNK // x.shape[1])
    for start in range(0, len(x) if rows is None else len(rows), size):
        part = slice(start, start + size)
        yield start, x[part] if rows is None else x[rows[part]]
