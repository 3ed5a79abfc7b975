"""A tree of arrays as an ``.npz`` file, without pickles."""

import zipfile
import zlib

import numpy as np

from .. import nn


def save(path, tree):
    """Write a tree of arrays to an ``.npz`` file, without pickles. Keys are paths joined with /."""
    with open(path, "wb") as file:
        np.savez(file, **{"/".join(keys): leaf for keys, leaf in nn.leaves(tree)})


def load(path):
    """Read a tree that `save` wrote. Raises ValueError for another file, OSError for none."""
    broken = (ValueError, EOFError, KeyError, AttributeError, TypeError, zipfile.BadZipFile,
              zlib.error)
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            return nn.build([(tuple(key.split("/")), file[key]) for key in file.files])
    except broken as error:
        raise ValueError(f"{path}: not a readable file of arrays: {error}") from error
