"""Data sets: `load` one into a `Corpus`, from the user's files if they are there, else synthetic."""

import os
import shlex
import sys
from pathlib import Path

from . import mosi
from .corpus import Corpus, DataError, pad, standardise, unpad
from .synthetic import synthesise

__all__ = ["Corpus", "DataError", "data_dir", "dataset", "load", "pad", "standardise", "synthesise", "unpad"]

DATASETS = {"mosi": mosi}  # a module a published format: URL, FILES, ORIGIN, read(folder)


def load(name="mosi", data_dir=None, source="auto"):
    """A data set with its features as published (see `standardise`).

    Parameters
    ----------
    name : str
        "mosi".
    data_dir : path, optional
        Where the files are: in DIR/mosi or in DIR itself. Default: see `data_dir`.
    source : str
        "real"; "synthetic"; or "auto": real if any file of the data set is there, else synthetic with a notice on
        stderr. The network is never tried.

    Raises
    ------
    DataError
        One line: unknown data set, no data where "real" is asked for, or files that are there but broken.
    """
    module = dataset(name)
    if source not in ("auto", "real", "synthetic"):
        raise DataError(f"source {source!r}, expected auto, real or synthetic")
    if source == "synthetic":
        return synthesise()
    root = _root(data_dir)
    for folder in (root / name, root):
        if any((folder / file).exists() for file in module.FILES):
            return module.read(folder)
    where = f" --data-dir {shlex.quote(str(data_dir))}" if data_dir else ""
    missing = f"no {name} data in {root / name}; get it with: python -m argf_np.data download {name}{where}"
    if source == "real":
        raise DataError(missing)
    print(f"notice: the data is SYNTHETIC: {missing}", file=sys.stderr)
    return synthesise()


def data_dir(path=None):
    """The folder of the data sets: `path`, else $ARGF_NP_DATA, else argf_np/data in the user's cache directory."""
    if path := path or os.environ.get("ARGF_NP_DATA"):
        return Path(path).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "argf_np" / "data"


_root = data_dir  # under a name that no argument hides


def dataset(name):
    """The module of a data set; DataError lists the known ones."""
    if name not in DATASETS:
        raise DataError(f"unknown data set {name!r}, known: {', '.join(DATASETS)}")
    return DATASETS[name]
