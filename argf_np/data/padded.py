"""Pickles of padded videos, that is arrays (videos, utterances, width), which come with bc-LSTM (Poria et al. 2017b).

Raw features: a file a modality, a tuple of 7 (MOSI) or of 13 (MOSEI). Outputs of the UCLN: one dict. None of them names
the videos or has words.
"""

import numpy as np

from .corpus import DataError
from .pickles import numbers, read_pickle
from .published import DATASETS, assemble

MODALITIES = {"a": "audio", "l": "text", "v": "video"}

# The data set, and where a tuple of this length has data and labels of train, those of test, lengths of train and test.
TUPLES = {7: ("mosi", (0, 1, 2, 3, 5, 6)), 13: ("mosei", (0, 1, 4, 5, 7, 9))}


def read_tuples(path, value):
    """A `Corpus` of the files `audio`, `text` and `video` with the same ending; `value` is what one of them holds."""
    name, places = TUPLES[len(value)]
    word = next((word for word in MODALITIES.values() if path.name.startswith(word)), None)
    if word is None:
        raise DataError(f"{path}: expected audio, text or video as the name's beginning, and the other two beside it")
    whole = {}
    for other in MODALITIES.values():
        file = path.with_name(other + path.name.removeprefix(word))
        parts = value if file == path else read_pickle(file)
        if not (isinstance(parts, tuple) and len(parts) == len(value)):
            raise DataError(f"{file}: expected a tuple of {len(value)}, which {path.name} is")
        train, train_label, test, test_label, train_length, test_length = (parts[i] for i in places)
        for split, x, y, length in ("train", train, train_label, train_length), ("test", test, test_label, test_length):
            whole[f"{other}_{split}"] = x = numbers(file, f"{split}_data", x, 3)
            mask = np.arange(x.shape[1]) < numbers(file, f"{split}_length", length, 1)[:, None]
            for key, same in (f"{split}_label", numbers(file, f"{split}_label", y, 2, 3)), (f"{split}_mask", mask):
                if not np.array_equal(whole.setdefault(key, same), same):
                    raise DataError(f"{file}: {key} differs from that of the audio file")
    return _corpus(path, name, whole)


def read_contextual(path, value):
    """A `Corpus` of the outputs of the UCLN. The number of training videos tells the data set."""
    names = {sum(published.videos[:2]): name for name, published in DATASETS.items()}
    n = len(numbers(path, "train_mask", value["train_mask"], 2))
    if n not in names:
        raise DataError(f"{path}: {n} training videos, expected {' or '.join(f'{n} ({m})' for n, m in names.items())}")
    return _corpus(path, names[n], value, contextual=True)


def _corpus(path, name, whole, contextual=False):
    """`whole` has {train,test}_{mask,label} and {audio,text,video}_{train,test}, as the outputs of the UCLN have."""
    lengths, rows = [], {key: [] for key in ("label", *MODALITIES)}
    for split in ("train", "test"):
        mask = numbers(path, f"{split}_mask", whole.get(f"{split}_mask"), 2) == 1
        lengths.append(mask.sum(axis=1).tolist())
        for m, parts in rows.items():
            key, ndim = (f"{split}_label", (2, 3)) if m == "label" else (f"{MODALITIES[m]}_{split}", (3,))
            x = numbers(path, key, whole.get(key), *ndim)
            if x.shape[:2] != mask.shape or (parts and parts[0].shape[1:] != x.shape[2:]):
                raise DataError(f"{path}: {key} of shape {x.shape}, which does not fit the others")
            parts.append(x[mask])
    labels, *features = map(np.concatenate, rows.values())
    return assemble(path, name, lengths, labels, dict(zip(MODALITIES, features, strict=True)), contextual=contextual)
