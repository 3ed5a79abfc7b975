"""One file for a tree of arrays and plain values, without pickles: models and checkpoints."""

import json
import os
import zipfile

import numpy as np

from .. import nn
from ..errors import ModelError
from . import files, npz

VERSION = 2  # of the format; 1 is that of argf_np 0.1


def write(path, kind, tree):
    """Write a tree whose leaves are arrays and what JSON knows.

    The file is an ``.npz``: the arrays by their paths, and one JSON text of all other leaves. It
    appears whole, or what was there before stays. Equal trees give equal files.

    Arguments
        - kind: one word for what the file holds.
    """
    arrays, others = [], []
    for keys, leaf in nn.leaves(tree):
        part = arrays if isinstance(leaf, np.ndarray) else others
        part.append((keys, leaf))
    header = {"argf_np": kind, "version": VERSION, "values": nn.build(others)}
    with files.replacing(path) as part:
        npz.save(part, {"header": np.array(json.dumps(header)), "arrays": nn.build(arrays)})


def read(path, kind):
    """The tree that `write` wrote. Raises ModelError for any other file, OSError for none."""
    with open(path, "rb"):
        pass  # from here on, whatever goes wrong is due to the content of the file
    try:
        with zipfile.ZipFile(path) as file:
            unpacked = sum(member.file_size for member in file.infolist())
        if unpacked > os.path.getsize(path):
            raise ValueError("it is compressed")
        content = npz.load(path)
        header = json.loads(str(content["header"]))
        found, version = header["argf_np"], header["version"]
        leaves = [*nn.leaves(content.get("arrays", {})), *nn.leaves(header["values"])]
    except Exception as error:  # zipfile and NumPy raise a dozen kinds for a broken file
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ModelError(f"{path}: expected a {kind} of argf_np, found a truncated or another file "
                         f"({reason:.100})") from None
    if found != kind:
        raise ModelError(f"{path}: expected a {kind} of argf_np, found a {found}")
    if version == 1:
        raise ModelError(f"{path}: was written by argf_np 0.1, which this version cannot read; "
                         "train again, or use argf_np 0.1")
    if version != VERSION:
        raise ModelError(f"{path}: has format {version}, expected {VERSION}; it needs a newer "
                         "argf_np")
    return nn.build(leaves)
