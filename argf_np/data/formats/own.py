"""A format for your own data: one `.npz`, or a folder of CSV and `.npy` files.

    rng = np.random.default_rng(0)
    np.savez("mine.npz",
             video=["x", "x", "y", "z"], order=[0, 1, 0, 0],
             split=["train", "train", "validation", "test"],
             label=["calm", "tense", "calm", "tense"],
             speech=rng.normal(size=(4, 7)), pulse=rng.normal(size=(4, 3)))

Row i of everything is utterance i. `video` names its video, `order` is a number that grows with
time within the video, `split` is the part that the whole video belongs to, `label` is a class: a
name or a whole number. `words` may be added; `label` and `split` may be left out of videos to
predict. Every other array (n, width) is a modality, named as it is called; two or more of them, in
alphabetical order. A row of NaN says that an utterance lacks the modality.

In a folder, the columns are `utterances.csv`, a table with these names in its first row, and every
other file `NAME.npy` or `NAME.csv` (numbers only, no names) is a modality. Rows of `.npy` files
that are ordered video by video already are memory-mapped: they are read when they are needed and
never as a whole.
"""

import re
import zipfile
from collections import Counter

import numpy as np

from ...errors import DataError
from ..corpus import SPLITS, from_rows
from .csv_tables import read_numbers, read_rows, to_number

COLUMNS = ("video", "order", "split", "label", "words")
EXPANSION = 100  # how many times its own size an archive may hold, beyond a megabyte


def read_npz(path):
    """A `Corpus` of one archive."""
    arrays = _foreign(path, _load_npz)
    columns = {name: arrays.pop(name) for name in COLUMNS if name in arrays}
    for name, x in columns.items():
        if not (isinstance(x, np.ndarray) and x.ndim == 1 and x.dtype.kind in "iufU"):
            raise DataError(f"{path}: {name}, expected a row of numbers or texts")
    return _corpus(path, path.stem, {name: x.tolist() for name, x in columns.items()}, arrays)


def _load_npz(path):
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > EXPANSION * path.stat().st_size + 2**20:
        raise DataError(f"{path}: expands to {size} bytes, more than {EXPANSION} times its size")
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def read_folder(folder):
    """A `Corpus` of `utterances.csv` and the modalities beside it."""
    table = folder / "utterances.csv"
    rows = read_rows(table)
    _, names = next(rows, (0, ()))
    files = [path for path in sorted(folder.iterdir())
             if path.suffix in (".npy", ".csv") and path != table]
    for name, times in Counter([*names, *(path.stem for path in files)]).items():
        if times > 1:
            raise DataError(f"{folder}: {name!r:.60} twice, as a column or as a file")
    columns, known = {name: [] for name in names}, {}
    for _, fields in rows:
        for column, field in zip(columns.values(), fields, strict=True):
            column.append(known.setdefault(field, field))  # each text is kept once
    n = len(next(iter(columns.values()), ()))
    features = {path.stem: _read_modality(path, n) for path in files}
    return _corpus(table, folder.resolve().name, columns, features)


def _read_modality(path, n):
    if path.suffix == ".csv":
        return read_numbers(path, n, missing=True)
    return _foreign(path, _map_npy)


def _map_npy(path):
    return np.lib.format.open_memmap(path, "r")


def _foreign(path, read):
    """`read(path)`, with a DataError for the dozen kinds of errors that a broken file gives."""
    try:
        return read(path)
    except DataError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise DataError(f"{path}: not arrays of numbers and texts as NumPy saves them "
                        f"({reason:.100})") from None


def _corpus(path, name, columns, features):
    """Columns are lists of n numbers or texts, features {m: (n, d_m)}, in the rows of the file."""
    n = _check(path, columns, features)
    videos = [str(value) for value in columns["video"]]
    words = [str(value) for value in columns.get("words", [""] * n)]
    split = columns.get("split", ["test"] * n)
    for value in split:
        if value not in SPLITS:
            raise DataError(f"{path}: split {value!r:.60}, expected one of {', '.join(SPLITS)}")
    labels, classes = np.full(n, -1), ()
    if "label" in columns:
        labels, classes = _classes(path, columns["label"])
    features = {m: features[m] for m in sorted(features)}
    order = _order(path, columns["order"])
    return from_rows(name, features, videos, order, split, labels, classes, words)


def _check(path, columns, features):
    """The number of utterances; DataError if columns or features are not as the format has it."""
    if not {"video", "order"} <= set(columns) <= set(COLUMNS):
        raise DataError(f"{path}: expected columns {', '.join(COLUMNS)}, the last three if need "
                        f"be, not {', '.join(columns) or 'none'}")
    n = len(columns["video"])
    if n == 0 or {len(column) for column in columns.values()} != {n}:
        raise DataError(f"{path}: expected equally many values in all columns")
    for m, x in features.items():
        if not re.fullmatch(r"\w[\w.+-]{0,39}", m):
            raise DataError(f"{path}: expected modalities named by letters and digits, "
                            f"not {m!r:.60}")
        if not (isinstance(x, np.ndarray) and x.ndim == 2 and len(x) == n):
            raise DataError(f"{path}: expected an array of {n} rows for {m}")
    return n


def _order(path, values):
    order = np.array([to_number(value) for value in values])
    for i in np.flatnonzero(~np.isfinite(order)):
        raise DataError(f"{path}: expected numbers for order, not {values[i]!r:.60}")
    return order


def _classes(path, values):
    """Labels (n,), and names of the classes: whole numbers by size, then words by alphabet."""
    keys = {}
    for value in set(values):
        number = to_number(value)
        if number.is_integer():
            keys[value] = 0, number, str(int(number))
        elif isinstance(value, str) and value and np.isnan(number):
            keys[value] = 1, 0, value
        else:
            raise DataError(f"{path}: label {value!r:.60}, "
                            "expected a class, that is a word or a whole number")
    order = sorted(set(keys.values()))
    labels = np.array([order.index(keys[value]) for value in values])
    return labels, tuple(name for _, _, name in order)
