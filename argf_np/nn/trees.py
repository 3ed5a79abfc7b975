"""Parameter trees: nested dicts whose leaves are arrays, such as ``{"man": {"W": array}}``."""

import zipfile
import zlib

import numpy as np


def leaves(tree, path=()):
    """Yield ``(path, leaf)`` for every leaf, in insertion order.

    - tree: nested dict.
    - path: tuple of keys that is put in front of every path.
    """
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def map_leaves(function, tree):
    """A tree of the same shape with ``function(leaf)`` in the place of each leaf.

    - function: takes a leaf.
    - tree: nested dict.
    """
    return {
        key: map_leaves(function, value) if isinstance(value, dict) else function(value)
        for key, value in tree.items()
    }


def build(items):
    """The tree with the given leaves: the inverse of `leaves`.

    - items: pairs ``(path, leaf)``.
    """
    tree = {}
    for path, value in items:
        node = tree
        for key in path[:-1]:
            node = node.setdefault(key, {})
        node[path[-1]] = value
    return tree


def cast(tree, dtype):
    """Copy of a tree of arrays, all of one dtype and contiguous in memory.

    - tree: nested dict of arrays.
    - dtype: such as "float32".
    """
    return map_leaves(lambda leaf: np.array(leaf, dtype, order="C"), tree)


def count(tree):
    """Number of scalars in all leaves of ``tree``."""
    return sum(np.size(leaf) for _, leaf in leaves(tree))


def restore(tree, saved):
    """Put the leaves of ``saved`` into ``tree``: arrays in place, other leaves as they are.

    - tree: nested dict of arrays and plain values.
    - saved: nested dict that has all that ``tree`` has, and perhaps more.

    Raises ValueError, which names the path, if a part is missing or an array has another shape.
    """
    _restore(tree, saved, ())


def _restore(tree, saved, path):
    for key in tree:
        if key not in saved:
            raise ValueError(f"{'/'.join((*path, key))} is missing")
    for key, value in saved.items():
        target, name = tree.get(key), "/".join((*path, key))
        if isinstance(target, dict):
            if not isinstance(value, dict):
                raise ValueError(f"{name} is a leaf, expected a tree")
            _restore(target, value, (*path, key))
        elif isinstance(target, np.ndarray):
            if isinstance(value, dict):
                raise ValueError(f"{name} is a tree, expected an array of shape {target.shape}")
            if np.shape(value) != target.shape:
                raise ValueError(f"{name} has shape {np.shape(value)}, expected {target.shape}")
            target[...] = value
        else:
            tree[key] = value


def save(path, tree):
    """Write a tree to an ``.npz`` file, without pickles.

    - path: of the file.
    - tree: nested dict of arrays; each is stored under its path, joined with ``/``.
    """
    with open(path, "wb") as file:
        np.savez(file, **{"/".join(keys): leaf for keys, leaf in leaves(tree)})


def load(path):
    """Read a tree that `save` wrote.

    - path: of the file.

    Raises ValueError for any other file and OSError if there is none.
    """
    broken = (ValueError, EOFError, KeyError, AttributeError, TypeError, zipfile.BadZipFile,
              zlib.error)
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            return build([(tuple(key.split("/")), file[key]) for key in file.files])
    except broken as error:
        raise ValueError(f"{path}: not a readable file of arrays: {error}") from error
