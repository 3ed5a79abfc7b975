"""IEMOCAP (Busso et al. 2008) with features of Poria et al. (2017b): `IEMOCAP_features_raw.pkl`."""

from itertools import chain

import numpy as np

from ...errors import DataError
from .pickled import assemble, numbers

# Places in the tuple. The last two are lists of dialogues, the others are dicts by dialogue that
# hold lists with one item per utterance.
LABELS, WORDS, TRAIN, TEST = 2, 6, 7, 8
FEATURES = {"a": 4, "l": 3, "v": 5}


def read_dialogues(path, value, dataset=None):
    """A `Corpus` of the tuple of 9. In IEMOCAP, 96 of 120 training dialogues are for training."""
    train, test = value[TRAIN], value[TEST]
    names = [*train, *test] if isinstance(train, list) and isinstance(test, list) else [None]
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise DataError(f"{path}: expected two lists of different dialogues at the tuple's end")

    def lists(place, kind, lengths=None):
        """The list of each dialogue in one part of the tuple, of items of one kind."""
        part = value[place] if isinstance(value[place], dict) else {}
        found = [part.get(name) for name in names]
        for i, items in enumerate(found):
            whole = isinstance(items, list) and all(isinstance(item, kind) for item in items)
            if not whole or (lengths and len(items) != lengths[i]):
                raise DataError(f"{path}: part {place + 1} of the tuple, dialogue "
                                f"{names[i]!r:.60}: expected a list of {kind.__name__}, "
                                "one per utterance")
        return found

    labels = lists(LABELS, int)
    lengths = [len(items) for items in labels]
    words = lists(WORDS, str, lengths)
    features = {}
    for m, place in FEATURES.items():
        vectors = [*chain.from_iterable(lists(place, np.ndarray, lengths))]
        if len({vector.shape for vector in vectors}) != 1:
            raise DataError(f"{path}: features {m}, expected vectors of one width")
        features[m] = numbers(path, f"features {m}", np.stack(vectors), 2)
    parts = lengths[:len(train)], lengths[len(train):]
    labels = np.array([*chain.from_iterable(labels)], float)
    return assemble(path, path.stem, parts, labels, features, dataset, names,
                    [*chain.from_iterable(words)])
