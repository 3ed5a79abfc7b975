"""Pickles of padded videos, arrays (videos, utterances, width), of bc-LSTM (Poria et al. 2017b).

Raw features: one file per modality, a tuple of 7 (MOSI) or of 13 (MOSEI). Outputs of the UCLN: one
dict. None of them names the videos or has words.
"""

import numpy as np

from ...errors import DataError
from .pickled import assemble, numbers
from .safe_pickle import read_pickle

MODALITIES = {"a": "audio", "l": "text", "v": "video"}

# By the length of a tuple: the places of data, labels and lengths of each part.
TUPLES = {7: {"train": (0, 1, 5), "test": (2, 3, 6)},
          13: {"train": (0, 1, 7), "test": (4, 5, 9)}}


def read_tuples(path, value, dataset=None):
    """A `Corpus` of the files `audio`, `text` and `video` with the same ending.

    `value` is what the file `path`, one of the three, holds.
    """
    words = [word for word in MODALITIES.values() if path.name.startswith(word)]
    if not words:
        raise DataError(f"{path}: expected audio, text or video as the name's beginning, "
                        "and the other two beside it")
    whole = {}
    for word in MODALITIES.values():
        file = path.with_name(word + path.name.removeprefix(words[0]))
        parts = value if file == path else read_pickle(file)
        if not (isinstance(parts, tuple) and len(parts) == len(value)):
            raise DataError(f"{file}: expected a tuple of {len(value)}, which {path.name} is")
        for split, (data, label, length) in TUPLES[len(value)].items():
            x = numbers(file, f"{split}_data", parts[data], 3)
            lengths = numbers(file, f"{split}_length", parts[length], 1)
            labels = numbers(file, f"{split}_label", parts[label], 2, 3)
            mask = np.arange(x.shape[1]) < lengths[:, None]
            whole[f"{word}_{split}"] = x
            for key, same in (f"{split}_label", labels), (f"{split}_mask", mask):
                if not np.array_equal(whole.setdefault(key, same), same):
                    raise DataError(f"{file}: {key} differs from that of the audio file")
    return _corpus(path, path.resolve().parent.name, whole, dataset)


def read_contextual(path, value, dataset=None):
    """A `Corpus` of the outputs of the UCLN."""
    return _corpus(path, path.stem, value, dataset, contextual=True)


def _corpus(path, name, whole, dataset, contextual=False):
    """`whole` has {train,test}_{mask,label} and {audio,text,video}_{train,test}."""
    lengths, rows = [], {key: [] for key in ("label", *MODALITIES)}
    for split in ("train", "test"):
        mask = numbers(path, f"{split}_mask", whole.get(f"{split}_mask"), 2) == 1
        lengths.append(mask.sum(axis=1).tolist())
        for m, parts in rows.items():
            key = f"{split}_label" if m == "label" else f"{MODALITIES[m]}_{split}"
            x = numbers(path, key, whole.get(key), *((2, 3) if m == "label" else (3,)))
            if x.shape[:2] != mask.shape or (parts and parts[0].shape[1:] != x.shape[2:]):
                raise DataError(f"{path}: {key} of shape {x.shape}, which does not fit the others")
            parts.append(x[mask])
    features = {m: np.concatenate(parts) for m, parts in rows.items()}
    labels = features.pop("label")
    return assemble(path, name, lengths, labels, features, dataset, contextual=contextual)
