"""Data sets: `load` one into a `Corpus`, from files if they are there, else a synthetic one."""

import os
import shlex
from pathlib import Path

from ..errors import DataError
from .arrays import from_arrays
from .check import reason_for_distrust, require_trainable
from .corpus import Corpus, joined, labels_among, notice, pieces_of, select
from .formats import find, read
from .published import DATASETS
from .standardisation import moments, standardise
from .synthetic import synthesise

__all__ = ["DATASETS", "Corpus", "DataError", "data_dir", "from_arrays", "joined", "labels_among",
           "load", "moments", "pieces_of", "read", "reason_for_distrust", "require_trainable",
           "select", "standardise", "synthesise"]


def load(name="mosi", data_dir=None, source="auto"):
    """A data set with its features as published (see `standardise`).

    Parameters
    ----------
    name : str or path
        "mosi", "mosei" or "iemocap"; or the path of a file or folder that `read` knows.
    data_dir : path, optional
        Where the files of the named data sets are: in DIR/NAME or in DIR. Default: see `data_dir`.
    source : str
        "real"; "synthetic"; or "auto": real if any file of the data set is there, else synthetic
        with a notice on stderr. Nothing is downloaded.

    Raises
    ------
    DataError
        One line: an unknown data set, no data where "real" is asked for, or broken files.
    """
    if source not in ("auto", "real", "synthetic"):
        raise DataError(f"source {source!r}, expected auto, real or synthetic")
    if name not in DATASETS:
        return _load_path(name, source)
    if source == "synthetic":
        return synthesise(name=name)
    root = _data_dir(data_dir)
    for folder in (root / name, root):
        path = find(folder, name)
        if path:
            return read(path, name)
    missing = f"no {name} data in {root / name}; {_how_to_get(name, data_dir)}"
    if source == "real":
        raise DataError(missing)
    notice(f"the data is SYNTHETIC: {missing}")
    return synthesise(name=name)


def data_dir(path=None):
    """The folder of the data sets: `path`, else $ARGF_NP_DATA, else the user's cache directory.

    For a user without a home, the cache directory is .cache in the current folder.
    """
    path = path or os.environ.get("ARGF_NP_DATA")
    if path:
        return Path(os.path.expanduser(path))
    cache = os.environ.get("XDG_CACHE_HOME")
    if not cache:
        # Unlike Path.home, this leaves "~" alone for a user without a home.
        cache = os.path.expanduser("~/.cache").removeprefix("~/")
    return Path(cache) / "argf_np" / "data"


_data_dir = data_dir  # under a name that no argument hides


def _load_path(path, source):
    if not Path(path).exists():
        raise DataError(f"{path}: expected {', '.join(DATASETS)}, or the path of a file or folder")
    if source == "synthetic":
        raise DataError(f"source 'synthetic', expected auto or real for {path}")
    return read(path)


def _how_to_get(name, data_dir):
    if name != "mosi":
        first = DATASETS[name].files[0]
        others = ", and the files of audio and video beside it" if "text" in first else ""
        return f"put {first} there{others}"
    where = f" --data-dir {shlex.quote(str(data_dir))}" if data_dir else ""
    return f"get it with: python -m argf_np.data download {name}{where}"
