"""A format for your own data: one `.npz`, or a folder of CSV and `.npy` files. See `FORMAT`."""

import zipfile
from dataclasses import replace

import numpy as np

from ...errors import DataError
from ..arrays import WHOLE, from_arrays
from ..corpus import labels_among, notice, short
from ..published import DATASETS
from .csv_tables import read_numbers, read_rows
from .foreign import kind_inside, kind_of

FORMAT = """\
Your own data: one row per utterance, in one .npz file or in a folder of CSV and .npy files.

    import numpy as np
    rng = np.random.default_rng(0)
    np.savez("mine.npz",
             video_id=["x", "x", "y", "z"],
             order=[0, 1, 0, 0],
             split=["train", "train", "valid", "test"],
             label=["calm", "tense", "calm", "tense"],
             words=["well", "I see", "so", "no"],
             speech=rng.normal(size=(4, 7)),
             face=rng.normal(size=(4, 3)))

Row i of each array is utterance i. Rows may be in any order.

  video_id  the video, dialogue or speaker that is the context of the utterance. `video` will do if
            no modality has that name.
  order     a number that grows with time within the video
  split     train, valid (or val, dev, validation) or test, the same for all of a video. Left out
            for videos to predict.
  label     the class: a word or a whole number. Left out for videos to predict.
  words     the transcript; may be left out

Every other array (n, width) of numbers is a modality, under its name: two or more, of any widths. A
row of NaN says that the utterance lacks the modality. Features with a time axis are averaged first.

In a folder, utterances.csv is a table, separated by commas, in UTF-8, with the names of the columns
in its first row. Every other file is a modality, in the same order of rows: NAME.csv holds numbers
only, without names of columns, and NAME.npy an array. Where rows are already sorted by video and
order, those of .npy files are read when they are needed and never as a whole.

`python -m argf_np.data example DIR` writes a small data set in both forms, and `check PATH` says
what a file or folder holds. From arrays or data frames: argf_np.data.from_arrays.
"""

COLUMNS = ("video_id", "order", "split", "label", "words")
UNPACKED = 2**32  # bytes that an archive may hold
HIDDEN = (".", "~", "#")  # how the names of hidden files and of editors' copies begin
COPIES = ("~", ".bak", ".tmp", "desktop.ini", "Thumbs.db")  # and how they end


def read_npz(path, dataset=None):
    """A `Corpus` of one archive; with `dataset`, of that data set of the paper."""
    arrays, unused = _numpy_file(path, _load)
    id_ = "video_id"
    if id_ not in arrays and "video" in arrays and arrays["video"].ndim < 2:
        id_ = "video"
    columns, features = {}, {}
    for name, x in arrays.items():
        if name == id_ or name in COLUMNS:
            columns["video_id" if name == id_ else name] = x
        elif x.ndim > 1:
            features[name] = x
        else:
            unused.append(name)
    return _corpus(path, path.stem, columns, features, unused, dataset)


def _load(path):
    """The arrays of an archive by name, and the names of what is something else in it."""
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
        kind = kind_inside(archive.namelist())
    if kind:
        raise DataError(f"{path}: {kind}")
    if size > UNPACKED:
        raise DataError(f"{path}: unpacks to {size / 2**30:.1f} GB, expected at most "
                        f"{UNPACKED / 2**30:g}; put larger arrays into a folder, as .npy files")
    arrays, others = {}, []
    with np.load(path, allow_pickle=False) as archive:
        for name in archive.files:
            try:
                x = archive[name]
            except ValueError as error:
                if "allow_pickle" not in str(error):
                    raise
                if name in ("video", *COLUMNS):
                    raise DataError(f"{path}: {name} holds Python objects, expected texts or "
                                    f"numbers; save it as {name}.astype(str)") from None
                x = None
            if isinstance(x, np.ndarray):
                arrays[name] = x
            else:
                others.append(name)
    return arrays, others


def table_of(folder):
    """The file utterances.csv of a folder, however it is capitalised, or None."""
    return next((path for path in folder.iterdir() if path.name.lower() == "utterances.csv"), None)


def read_folder(folder, dataset=None):
    """A `Corpus` of `utterances.csv` and the modalities beside it."""
    table = table_of(folder)
    rows = read_rows(table)
    _, names = next(rows, (0, ()))
    names = [name.strip() for name in names]
    if len(set(names)) < len(names):
        raise DataError(f"{table}: two columns of one name: {short(', '.join(names), 200)}")
    if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
        raise DataError(f"{table}: expected columns separated by commas, found {names[0]!r:.60}")
    columns, known = {name: [] for name in names}, {}
    for _, fields in rows:
        for column, field in zip(columns.values(), fields, strict=True):
            column.append(known.setdefault(field, field))  # each text is kept once
    if "video_id" not in columns and "video" in columns:
        columns["video_id"] = columns.pop("video")
    n = len(next(iter(columns.values()), ()))
    if n == 0:
        raise DataError(f"{table}: expected one row per utterance, found none")
    unused = [name for name in columns if name not in COLUMNS]
    columns = {name: column for name, column in columns.items() if name in COLUMNS}
    label = columns.get("label", [""])
    if all(WHOLE.fullmatch(text.strip()) for text in label):
        columns["label"] = [int(text) for text in label]  # CSV has no types
    features = {}
    for path in sorted(folder.iterdir()):
        if path == table or path.name.startswith(HIDDEN) or path.name.endswith(COPIES):
            continue
        if path.suffix.lower() not in (".csv", ".npy"):
            unused.append(path.name)
        elif path.stem in features or path.stem in COLUMNS:
            raise DataError(f"{path}: there is a file or a column {path.stem} beside it")
        else:
            features[path.stem] = _read_modality(path, n, table.name)
    return _corpus(folder, folder.resolve().name, columns, features, unused, dataset)


def _read_modality(path, n, table):
    if path.suffix.lower() == ".csv":
        return read_numbers(path, n, missing=True, table=table)
    return _numpy_file(path, _map_npy)


def _map_npy(path):
    with open(path, "rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise DataError(f"{path}: {kind_of(path) or 'expected an array as np.save writes it'}")
    return np.lib.format.open_memmap(path, "r")


def _numpy_file(path, read):
    """`read(path)`, with a DataError for the dozen kinds of errors that a broken file gives."""
    try:
        return read(path)
    except DataError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        if "allow_pickle" in reason or "Python objects" in reason:
            reason = "it holds Python objects; save numbers, with .astype(float)"
        raise DataError(f"{path}: not arrays of numbers and texts as NumPy saves them "
                        f"({reason:.100})") from None


def _corpus(path, name, columns, features, unused, dataset):
    for key in COLUMNS[:2]:
        if key not in columns:
            found = short(", ".join([*columns, *features, *unused]), 100)
            raise DataError(f"{path}: no column {key}, found {found or 'none'}; "
                            "python -m argf_np.data describe shows the format")
    if unused:
        notice(f"{path}: not used: {', '.join(map(short, unused))}")
    videos = columns.pop("video_id")
    labels = columns.pop("label", None)
    corpus = from_arrays(features, videos, labels, name=name, **columns)
    if dataset is None:
        return corpus
    classes = DATASETS[dataset].classes
    return replace(corpus, name=dataset, published=dataset, classes=classes,
                   labels=labels_among(classes, corpus), integer_classes=False)
