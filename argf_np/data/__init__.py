"""Data sets: `load` one into a `Corpus`, from the user's files if they are there, else synthetic."""

import os
import shlex
from pathlib import Path

from . import iemocap, mmsa, mosi, own, padded
from .check import require_trainable
from .corpus import (
    Corpus,
    DataError,
    joined,
    labels_among,
    moments,
    notice,
    pieces_of,
    select,
    standardise,
)
from .pickles import read_pickle
from .published import DATASETS, compare_counts
from .synthetic import synthesise

__all__ = ["DATASETS", "Corpus", "DataError", "data_dir", "joined", "labels_among", "load", "moments", "pieces_of",
           "read", "require_trainable", "select", "standardise", "synthesise"]

DOWNLOADS = {"mosi": mosi}  # a module for each data set whose files are published: URL, FILES, ORIGIN


def load(name="mosi", data_dir=None, source="auto"):
    """A data set with its features as published (see `standardise`).

    Parameters
    ----------
    name : str or path
        "mosi", "mosei" or "iemocap"; or the path of a file or folder in any format that `read` knows.
    data_dir : path, optional
        Where the files of the named data sets are: in DIR/NAME or in DIR itself. Default: see `data_dir`.
    source : str
        "real"; "synthetic"; or "auto": real if any file of the data set is there, else synthetic with a notice on
        stderr. The network is never tried.

    Raises
    ------
    DataError
        One line: unknown data set, no data where "real" is asked for, or files that are there but broken.
    """
    if source not in ("auto", "real", "synthetic"):
        raise DataError(f"source {source!r}, expected auto, real or synthetic")
    if name not in DATASETS:
        if not Path(name).exists():
            raise DataError(f"unknown data set {str(name)!r}, known: {', '.join(DATASETS)}; and no file is there")
        if source == "synthetic":
            raise DataError(f"source 'synthetic', expected auto or real for {name}")
        return read(name)
    if source == "synthetic":
        return synthesise(name=name)
    root = _root(data_dir)
    for folder in (root / name, root):
        if path := _find(folder, name):
            corpus = read(path)
            if corpus.name != name:
                raise DataError(f"{path}: holds {corpus.name}, expected {name}")
            return corpus
    where = f" --data-dir {shlex.quote(str(data_dir))}" if data_dir else ""
    missing = f"no {name} data in {root / name}; " + (
        f"get it with: python -m argf_np.data download {name}{where}" if name in DOWNLOADS
        else f"put {DATASETS[name].files[0]} there, or another file of those named in the README")
    if source == "real":
        raise DataError(missing)
    notice(f"the data is SYNTHETIC: {missing}")
    return synthesise(name=name)


def read(path):
    """Read a file or folder of any known format, recognised by what is in it.

    A folder: the published CSV files (`mosi`), files of one's own (`own`), or one that holds a known pickle. An archive
    `.npz` (`own`). A pickle: a tuple of 7 or 13, with the files of the other modalities beside it, or a dict of UCLN
    outputs (`padded`); a tuple of 9 (`iemocap`); a dict of train, valid and test (`mmsa`). Where a data set of the
    paper has other counts than there, a notice on stderr says so.

    Raises
    ------
    DataError
        One line naming the file: not there, not readable, none of these formats, or not as its format has it.
    """
    path = Path(path)
    try:
        corpus = _read(path)
    except (MemoryError, OverflowError) as error:
        raise DataError(f"{path}: too large ({error})") from None
    except OSError as error:
        raise DataError(f"{error.filename or path}: {error.strerror}") from None
    except DataError as error:
        raise error if str(path) in str(error) else DataError(f"{path}: {error}") from None
    compare_counts(corpus)
    return corpus


def _read(path):
    if path.is_dir():
        if (path / "utterances.csv").exists():
            return own.read_folder(path)
        found = next(filter(None, (_find(path, name) for name in DATASETS)), None)
        if found is None:
            raise DataError(f"{path}: expected utterances.csv, or a file of a known data set")
        return mosi.read(path) if found == path else _read(found)
    with open(path, "rb") as file:
        if file.read(2) == b"PK":
            return own.read_npz(path)
    value = read_pickle(path)
    if isinstance(value, tuple) and len(value) in padded.TUPLES:
        return padded.read_tuples(path, value)
    if isinstance(value, tuple) and len(value) == 9:
        return iemocap.read_dialogues(path, value)
    if isinstance(value, dict) and set(mmsa.PARTS) <= set(value):
        return mmsa.read_parts(path, value)
    if isinstance(value, dict) and "train_mask" in value:
        return padded.read_contextual(path, value)
    raise DataError(f"{path}: a pickle, but of none of the formats in the README")


def _find(folder, name):
    """The folder, if any of the data set's CSV files is in it, else the first of its pickles, else None."""
    if name in DOWNLOADS and any((folder / file).exists() for file in DOWNLOADS[name].FILES):
        return folder
    return next((path for pattern in DATASETS[name].files for path in sorted(folder.glob(pattern))), None)


def data_dir(path=None):
    """The folder of the data sets: `path`, else $ARGF_NP_DATA, else argf_np/data in the user's cache directory."""
    if path := path or os.environ.get("ARGF_NP_DATA"):
        return Path(path).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "argf_np" / "data"


_root = data_dir  # under a name that no argument hides
