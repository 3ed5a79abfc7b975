"""One file for a tree of arrays and plain values, without pickles: models and checkpoints."""

import json
import os
import zipfile

import numpy as np

from .. import nn
from ..errors import ModelError
from . import files

VERSION = 1  # of the format; a reader refuses what is newer


def write(path, kind, tree):
    """Write a tree whose leaves are arrays and what JSON knows; ``kind`` says in a word what the file holds.

    An ``.npz``: the arrays by their paths, and one JSON text of all other leaves. The file appears whole, or what was
    there before stays. Equal trees are equal files.
    """
    leaves = [*nn.leaves(tree)]
    arrays = nn.build([(keys, leaf) for keys, leaf in leaves if isinstance(leaf, np.ndarray)])
    others = nn.build([(keys, leaf) for keys, leaf in leaves if not isinstance(leaf, np.ndarray)])
    header = {"argf_np": kind, "version": VERSION, "values": others}
    with files.replacing(path) as part:
        nn.save(part, {"header": np.array(json.dumps(header)), "arrays": arrays})


def read(path, kind):
    """The tree that `write` wrote. Raises ModelError that says why for any other file, OSError for none."""
    with open(path, "rb"):
        pass  # whatever goes wrong from here on lies in what the file holds
    try:
        with zipfile.ZipFile(path) as file:
            if sum(member.file_size for member in file.infolist()) > os.path.getsize(path):
                raise ValueError("it is compressed")
        content = nn.load(path)
        header = json.loads(str(content["header"]))
        found, version = header["argf_np"], header["version"]
    except Exception as error:  # zipfile and NumPy raise a dozen kinds over a broken file
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ModelError(f"{path}: expected a {kind} of argf_np; truncated, or another file ({reason:.100})") from None
    if found != kind:
        raise ModelError(f"{path}: expected a {kind} of argf_np, found a {found}")
    if version != VERSION:
        raise ModelError(f"{path}: format version {version}, and this argf_np reads {VERSION}; try a newer one")
    return nn.build([*nn.leaves(content.get("arrays", {})), *nn.leaves(header["values"])])


def restore(tree, saved):
    """Put the leaves of ``saved`` into ``tree``: arrays in place, all else instead of what was there.

    Raises ModelError where something is missing or an array has another shape.
    """
    if missing := tree.keys() - saved.keys():
        raise ModelError(f"checkpoint without {sorted(missing)[0]}")
    for key, value in saved.items():
        if isinstance(tree.get(key), dict):
            restore(tree[key], value)
        elif isinstance(tree.get(key), np.ndarray):
            if np.shape(value) != tree[key].shape:
                raise ModelError(f"checkpoint with {key} of shape {np.shape(value)}, expected {tree[key].shape}")
            tree[key][...] = value
        else:
            tree[key] = value
