"""Features of mean 0 and standard deviation 1, by the statistics of the training utterances."""

from dataclasses import replace

import numpy as np

from ..errors import DataError
from .corpus import chunks


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
        As `moments` does, and where a standardised number would overflow; for memory-mapped
        features when it is taken.
    """
    by = by or moments(corpus)
    features = {}
    for m, x in corpus.features.items():
        z = Standardised(x, **by[m])
        features[m] = z if isinstance(x, np.memmap) else z[:]
    return replace(corpus, features=features)


class Standardised:
    """Standardised features (n, d) whose rows are computed when they are taken: `x[rows]`."""

    ndim, dtype = 2, np.dtype(float)

    def __init__(self, x, mean, deviation):
        self.x, self.mean, self.deviation = x, mean, deviation
        self.shape = x.shape

    def __len__(self):
        return len(self.x)

    def __getitem__(self, rows):
        with np.errstate(over="ignore"):  # what overflows is refused
            z = (np.asarray(self.x[rows]) - self.mean) / self.deviation
        if np.isinf(z).any():
            raise DataError("features too far from those of training: infinite when standardised")
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
        If no training utterance has a modality, or the squares of its numbers overflow.
    """
    by, train = {}, corpus.utterances("train")
    for m, x in corpus.features.items():
        if corpus.contextual:
            mean, deviation = np.zeros(x.shape[1]), np.ones(x.shape[1])
        else:
            mean, deviation = _statistics(x, train)
            if mean is None:
                raise DataError(f"{corpus.name}: no training utterance has the modality {m}")
        if not np.isfinite(deviation).all():
            raise DataError(f"{corpus.name}: features {m}, "
                            "expected numbers whose squares can be summed")
        by[m] = {"mean": mean, "deviation": deviation}
    return by


@np.errstate(over="ignore", invalid="ignore")  # the caller refuses what overflows
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
    # A comparison of the variance with 0 would not do: rounding makes that of a constant tiny.
    varies = low < high
    mean = np.where(varies, total / n, low)
    squares = sum(((rows - mean)**2).sum(axis=0) for rows in _present(x, train))
    return mean, np.where(varies, np.sqrt(squares / n), 1)


def _present(x, train):
    """The training rows that have the modality, as float64, some at a time."""
    for _, rows in chunks(x, train):
        yield rows[~np.isnan(rows[:, 0])].astype(float)
