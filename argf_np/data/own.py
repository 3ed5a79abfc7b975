"""A format for data of one's own: one `.npz`, or a folder of CSV and `.npy` files.

    rng = np.random.default_rng(0)
    np.savez("mine.npz", video=["x", "x", "y", "z"], order=[0, 1, 0, 0], split=["train", "train", "validation", "test"],
             label=["calm", "tense", "calm", "tense"], speech=rng.normal(size=(4, 7)), pulse=rng.normal(size=(4, 3)))

Row i of everything is utterance i. `video` names its video, `order` is a number that grows with time within the video,
`split` is the part that the whole video belongs to, `label` is a class: a name or a whole number. `words` may be added;
`label` and `split` may be left out of videos to predict. Every other array (n, width) is a modality, named as it is
called; two or more of them, in alphabetical order. A row of NaN says that an utterance lacks the modality.

In a folder, the columns are `utterances.csv`, a table with these names in its first row, and every other file
`NAME.npy` or `NAME.csv` (numbers only, no names) is a modality. Rows of `.npy` files that stand video by video in their
order already are memory-mapped: they are read when they are needed and never as a whole.
"""

import re
import zipfile
from collections import Counter

import numpy as np

from .corpus import SPLITS, Corpus, DataError, arrange, notice
from .tables import read_numbers, read_rows

COLUMNS = ("video", "order", "split", "label", "words")
EXPANSION = 100  # how many times its own size an archive may hold, beyond a megabyte


def read_npz(path):
    """A `Corpus` of one archive."""
    def read():
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > EXPANSION * path.stat().st_size + 2**20:
            raise DataError(f"{path}: expands to {size} bytes, more than {EXPANSION} times its size")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}

    arrays = _foreign(path, read)
    columns = {name: arrays.pop(name) for name in COLUMNS if name in arrays}
    for name, x in columns.items():
        if not (isinstance(x, np.ndarray) and x.ndim == 1 and x.dtype.kind in "iufU"):
            raise DataError(f"{path}: {name}, expected a row of numbers or texts")
    return _corpus(path, path.stem, {name: x.tolist() for name, x in columns.items()}, arrays)


def read_folder(folder):
    """A `Corpus` of `utterances.csv` and the modalities beside it."""
    table = folder / "utterances.csv"
    rows = read_rows(table)
    names = next(rows, (0, ()))[1]
    columns, known = {name: [] for name in names}, {}
    files = [path for path in sorted(folder.iterdir()) if path.suffix in (".npy", ".csv") and path != table]
    for name, times in Counter([*names, *(path.stem for path in files)]).items():
        if times > 1:
            raise DataError(f"{folder}: {name!r:.60} twice, as a column or as a file")
    for _, fields in rows:
        for column, field in zip(columns.values(), fields, strict=True):
            column.append(known.setdefault(field, field))  # each text is kept once
    n = len(next(iter(columns.values()), ()))
    features = {path.stem: _read_modality(path, n) for path in files}
    return _corpus(table, folder.resolve().name, columns, features)


def _read_modality(path, n):
    if path.suffix == ".csv":
        return read_numbers(path, n, missing=True)
    return _foreign(path, lambda: np.lib.format.open_memmap(path, "r"))


def _foreign(path, read):
    try:
        return read()
    except DataError:
        raise
    except Exception as error:  # zipfile and NumPy raise a dozen kinds over a broken file
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise DataError(f"{path}: not arrays of numbers and texts as NumPy saves them ({reason:.100})") from None


def _corpus(path, name, columns, features):
    """Columns are lists of n numbers or texts, features {m: (n, d_m)}, in the rows of the file."""
    def require(holds, expected):
        if not holds:
            raise DataError(f"{path}: expected {expected}")

    require({"video", "order"} <= set(columns) <= set(COLUMNS),
            f"columns {', '.join(COLUMNS)}, the last three if need be, not {', '.join(columns) or 'none'}")
    n = len(columns["video"])
    require(n > 0 and all(len(column) == n for column in columns.values()), "equally many values in all columns")
    for m, x in features.items():
        require(re.fullmatch(r"\w[\w.+-]{0,39}", m), f"modalities named by letters and digits, not {m!r:.60}")
        require(isinstance(x, np.ndarray) and x.ndim == 2 and len(x) == n, f"an array of {n} rows for {m}")
    order = np.array([_number(value) for value in columns["order"]])
    finite = np.isfinite(order)
    require(finite.all(), f"numbers for order, not {columns['order'][int(finite.argmin())]!r:.60}")
    videos, words = ([str(x) for x in columns.get(key, [""] * n)] for key in ("video", "words"))
    index, video_ids, lengths = arrange(videos, order)
    ids = tuple(f"{videos[i]}_{order[i]:.15g}" for i in index)
    require(len(set(ids)) == n, "a different order for each utterance of a video")

    part = {}  # of each video
    for video, split in zip(videos, columns.get("split", ["test"] * n), strict=True):
        require(split in SPLITS and part.setdefault(video, split) == split,
                f"one of {', '.join(SPLITS)} for all of video {video!r:.60}, not {split!r:.60}")
    classes, labels = _classes(path, columns["label"]) if "label" in columns else ((), np.full(n, -1))

    if (index != np.arange(n)).any():
        if any(isinstance(x, np.memmap) for x in features.values()):
            notice(f"{path}: rows are not video by video in their order, so the features are sorted, in memory")
        features = {m: x[index] for m, x in features.items()}
    return Corpus(
        name=name, source="real", classes=classes, video_ids=video_ids,
        starts=np.concatenate([[0], np.cumsum(lengths)]), ids=ids, words=tuple(words[i] for i in index),
        features={m: features[m] for m in sorted(features)}, labels=labels[index],
        split={s: np.array([i for i, video in enumerate(video_ids) if part[video] == s], int) for s in SPLITS},
    )


def _number(value):
    try:
        return float(value)
    except ValueError:
        return np.nan


def _classes(path, values):
    """Names of the classes, whole numbers by size and then words by alphabet, and the labels (n,)."""
    keys = {}
    for value in set(values):
        number = _number(value)
        if not (number.is_integer() or (isinstance(value, str) and value and np.isnan(number))):
            raise DataError(f"{path}: label {value!r:.60}, expected a class, that is a word or a whole number")
        keys[value] = (0, number, str(int(number))) if number.is_integer() else (1, 0, value)
    order = sorted(set(keys.values()))
    return tuple(name for *_, name in order), np.array([order.index(keys[value]) for value in values])
