"""IEMOCAP (Busso et al. 2008) with features of Poria et al. (2017b), `IEMOCAP_features_raw.pkl`: lists by dialogue."""

import numpy as np

from .corpus import DataError
from .pickles import numbers
from .published import assemble

# Places in the tuple; the others are names of utterances and speakers.
LABELS, WORDS, TRAIN, TEST = 2, 6, 7, 8
FEATURES = {"a": 4, "l": 3, "v": 5}


def read_dialogues(path, value):
    """A `Corpus` of the tuple of 9: the first 96 dialogues of `trainVid` are for training, the rest for validation."""
    train, test = value[TRAIN], value[TEST]
    dialogues = [*train, *test] if isinstance(train, list) and isinstance(test, list) else [None]
    if not all(isinstance(i, str) for i in dialogues) or len(set(dialogues)) < len(dialogues):
        raise DataError(f"{path}: expected two lists of different dialogues at the end of the tuple")

    def lists(place, kind):
        """The lists of the dialogues in one part of the tuple."""
        part = value[place] if isinstance(value[place], dict) else {}
        found = [part.get(i) for i in dialogues]
        for i, items in zip(dialogues, found, strict=True):
            if not (isinstance(items, list) and all(isinstance(item, kind) for item in items)
                    and (place == LABELS or len(items) == len(value[LABELS][i]))):
                raise DataError(f"{path}: part {place + 1} of the tuple, dialogue {i!r:.60}: expected a list of "
                                f"{kind.__name__}, one an utterance")
        return found

    lengths = [len(items) for items in lists(LABELS, int)]
    labels, words = ([item for items in lists(*part) for item in items] for part in ((LABELS, int), (WORDS, str)))
    features = {}
    for m, place in FEATURES.items():
        rows = [row for items in lists(place, np.ndarray) for row in items]
        if len({row.shape for row in rows}) != 1:
            raise DataError(f"{path}: features {m}, expected vectors of one width")
        features[m] = numbers(path, f"features {m}", np.stack(rows), 2)
    return assemble(path, "iemocap", (lengths[:len(train)], lengths[len(train):]), np.array(labels, float), features,
                    dialogues, words)
