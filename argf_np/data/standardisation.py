"""Features of mean 0 and standard deviation 1, by the statistics of the training utterances."""

from dataclasses import replace

import numpy as np

from ..errors import DataError
from .corpus import chunks, short

# A feature may not be larger. The squares of standardised features, and sums of squares, must be
# finite in float32, which ends at 3.4e38. np.nan_to_num turns an infinity into 3.4e38 or 1.8e308.
LARGEST, FARTHEST = 1e30, 1e15


def standardise(corpus, by=None):
    """The corpus with features of mean 0 and standard deviation 1 over its training utterances.

    Validation and test utterances are shifted and scaled by the training statistics. A column that
    is constant in training is only shifted. A row of NaN, a missing modality, becomes zeros: the
    training mean. Memory-mapped features are not copied: rows are computed when they are taken.

    Parameters
    ----------
    by : dict, optional
        `moments` of another corpus, for new videos of a trained model. Default: those of this one.

    Raises
    ------
    DataError
        As `moments` does, and for an utterance, of any split, that is so far from those of training
        that the network could not compute with it.
    """
    by = by or moments(corpus)
    features = {}
    for m, x in corpus.features.items():
        z = Standardised(x, **by[m])
        utterance, value = _first_beyond(z, FARTHEST, corpus.ids)
        if utterance is not None:
            raise DataError(f"{corpus.name}: utterance {utterance} is {value:.3g} standard "
                            f"deviations from the training mean in modality {m}, expected at most "
                            f"{FARTHEST:g}")
        features[m] = z if isinstance(x, np.memmap) else z[:]
    return replace(corpus, features=features)


def _first_beyond(x, limit, ids):
    """The first utterance with a number above the limit in x (n, d), and the number; or None, 0."""
    for start, rows in chunks(x):
        beyond = np.abs(rows.astype(float)) > limit
        if beyond.any():
            i, j = np.argwhere(beyond)[0]
            return short(ids[start + i]), rows[i, j]
    return None, 0


class Standardised:
    """Standardised features (n, d) whose rows are computed when they are taken: `x[rows]`."""

    ndim, dtype = 2, np.dtype(float)

    def __init__(self, x, mean, deviation):
        self.x, self.mean, self.deviation = x, mean, deviation
        self.shape = x.shape

    def __len__(self):
        return len(self.x)

    def __getitem__(self, rows):
        with np.errstate(over="ignore"):  # what overflows is infinite, and `standardise` refuses it
            z = (np.asarray(self.x[rows]) - self.mean) / self.deviation
        z[np.isnan(z)] = 0
        return z


def moments(corpus):
    """Mean and standard deviation of each column over the training utterances.

    Utterances that lack a modality do not count. The deviation of a column that is constant in
    training is 1. Contextual features are to be used as they are: mean 0, deviation 1.

    Returns
    -------
    moments : dict of modality to dict of "mean" and "deviation" to array (d_m,)

    Raises
    ------
    DataError
        If no training utterance has a modality, or a number of any utterance is huge.
    """
    by, train = {}, corpus.utterances("train")
    for m, x in corpus.features.items():
        utterance, value = _first_beyond(x, LARGEST, corpus.ids)
        if utterance is not None:
            raise DataError(f"{corpus.name}: utterance {utterance} has {value:.3g} in modality "
                            f"{m}, expected numbers of at most {LARGEST:g} "
                            "(np.nan_to_num turns infinities into larger ones)")
        mean, deviation = np.zeros(x.shape[1]), np.ones(x.shape[1])
        if not corpus.contextual:
            mean, deviation = _statistics(x, train)
        if mean is None:
            raise DataError(f"{corpus.name}: no training utterance has the modality {m}")
        by[m] = {"mean": mean, "deviation": deviation}
    return by


def _statistics(x, train):
    """Mean and deviation of each column of the training rows; None if all of them lack it."""
    n, total, low, high = 0, 0, np.inf, -np.inf
    for rows in _present(x, train):
        n += len(rows)
        total = total + rows.sum(axis=0)
        low = np.minimum(low, rows.min(axis=0, initial=np.inf))
        high = np.maximum(high, rows.max(axis=0, initial=-np.inf))
    if n == 0:
        return None, None
    # Comparing the variance with 0 would not do: rounding gives a constant a tiny variance.
    varies = low < high
    mean = np.where(varies, total / n, low)
    squares = sum(((rows - mean)**2).sum(axis=0) for rows in _present(x, train))
    return mean, np.where(varies, np.sqrt(squares / n), 1)


def _present(x, train):
    """The training rows that have the modality, as float64, some at a time."""
    for _, rows in chunks(x, train):
        yield rows[~np.isnan(rows[:, 0])].astype(float)
