"""The one in-memory structure of every data set: videos of utterances with words, features and labels."""

from dataclasses import dataclass, replace

import numpy as np

SPLITS = ("train", "validation", "test")


class DataError(ValueError):
    """Data that cannot be used. The message is one line for people: file, row, what is there, what was expected."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """V videos holding n utterances; the utterances of a video stand next to each other, in their order.

    Attributes
    ----------
    name, source : str
        The data set ("mosi") and where it comes from: "real" or "synthetic".
    classes : tuple of str
        Names of the classes; label c is `classes[c]`.
    video_ids : tuple of str, V
    starts : int array (V + 1,)
        Video i holds the utterances `starts[i]` to `starts[i + 1] - 1`.
    ids, words : tuple of str, n
        Id and transcript of each utterance.
    features : dict of modality to array (n, d_m)
        Any modalities of any widths, in the order in which they are used everywhere: a, l, v.
    labels : int array (n,)
    split : dict of "train", "validation", "test" to int array
        Indices into `video_ids`; no video is in two splits.

    Raises
    ------
    DataError
        If the parts do not fit together or a feature is not finite.
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

    def __post_init__(self):
        n, n_videos = len(self.ids), len(self.video_ids)

        def require(holds, expected):
            if not holds:
                raise DataError(f"{self.name}: expected {expected}")

        require(n > 0, "at least one utterance")
        require(len(self.starts) == n_videos + 1 and self.starts[0] == 0 and self.starts[-1] == n
                and (self.lengths > 0).all(), f"starts that rise from 0 to {n} in {n_videos} steps")
        require(len(self.words) == n, f"the words of {n} utterances, not of {len(self.words)}")
        require(self.labels.shape == (n,), f"labels of shape {(n,)}, not {self.labels.shape}")
        require(np.isin(self.labels, np.arange(len(self.classes))).all(), f"labels from 0 to {len(self.classes) - 1}")
        require(tuple(self.split) == SPLITS, f"the splits {', '.join(SPLITS)}, not {', '.join(self.split)}")
        videos = np.concatenate([*self.split.values()])
        require(np.isin(videos, np.arange(n_videos)).all(), f"splits that index {n_videos} videos")
        require(len(np.unique(videos)) == len(videos), "splits that share no video")
        for m, x in self.features.items():
            require(x.ndim == 2 and len(x) == n, f"features {m} of shape ({n}, width), not {x.shape}")
            # The extremes show NaN and infinity without a temporary array as large as x.
            require(np.isfinite([x.min(), x.max()]).all(), f"finite features {m}")

    @property
    def lengths(self):
        """Number of utterances of each video, (V,)."""
        return np.diff(self.starts)

    def utterances(self, split):
        """Indices of the utterances of a split, video by video in the order of `split[...]`."""
        index, mask = _grid(self.starts, self.split[split])
        return index[mask]


def standardise(corpus):
    """The corpus with features of mean 0 and standard deviation 1 over its training utterances.

    Validation and test utterances are shifted and scaled by the training statistics. A column that is constant in
    training is only shifted.
    """
    train = corpus.utterances("train")
    return replace(corpus, features={m: _standardise(x, x[train]) for m, x in corpus.features.items()})


def _standardise(x, train):
    # Not deviation > 0: rounding gives a constant column a tiny one.
    varies = train.min(axis=0) < train.max(axis=0)
    return (x - train.mean(axis=0)) / np.where(varies, train.std(axis=0), 1)


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
