"""Parameter trees: nested dicts whose leaves are arrays, such as ``{"man": {"W": array, "b": array}}``.

A tree can be packed: all its leaves become views of one flat buffer, so that an optimiser walks over a single
array while every layer still reads its own ``p["W"]``.
"""

import zipfile
import zlib

import numpy as np


def leaves(tree, path=()):
    """Yield ``(path, array)`` for every leaf, in insertion order; a path is a tuple of keys."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def map_leaves(function, tree):
    """A tree of the same shape that holds ``function(leaf)``."""
    return {k: map_leaves(function, v) if isinstance(v, dict) else function(v) for k, v in tree.items()}


def build(items):
    """The tree whose leaves are the ``(path, array)`` pairs of ``items``: the inverse of `leaves`."""
    tree = {}
    for path, value in items:
        node = tree
        for key in path[:-1]:
            node = node.setdefault(key, {})
        node[path[-1]] = value
    return tree


def count(tree):
    """Number of scalars in all leaves."""
    return sum(np.size(leaf) for _, leaf in leaves(tree))


def pack(tree, dtype=None):
    """Copy of ``tree`` whose leaves are views, one behind the other, of one flat array (see `buffer`)."""
    flat = aligned_zeros(count(tree), dtype or np.result_type(*(leaf for _, leaf in leaves(tree))))
    start, views = 0, []
    for path, leaf in leaves(tree):
        view = flat[start:start + leaf.size].reshape(leaf.shape)
        view[...] = leaf
        views.append((path, view))
        start += leaf.size
    return build(views)


def buffer(tree):
    """The flat array (count(tree),) behind a packed tree.

    Raises ValueError if the leaves do not lie one behind the other in one array.
    """
    parts = [leaf for _, leaf in leaves(tree)]
    owner = parts[0].base
    start = end = parts[0].ctypes.data
    for leaf in parts:
        if owner is None or leaf.base is not owner or leaf.ctypes.data != end or not leaf.flags.c_contiguous:
            raise ValueError("the tree is not packed: call nn.pack(tree) first")
        end += leaf.nbytes
    first = (start - owner.ctypes.data) // owner.itemsize
    return owner[first:first + (end - start) // owner.itemsize]


def aligned_zeros(size, dtype):
    """Zeros (size,) that begin at a multiple of 64 bytes: vector instructions are fastest within cache lines."""
    spare = 64 // np.dtype(dtype).itemsize
    owner = np.zeros(size + spare, dtype)
    first = -owner.ctypes.data % 64 // owner.itemsize
    return owner[first:first + size]


def clear_dust(array, grain):
    """Round ``array`` in place as the addition of ``grain`` rounds it: in float32 what is below 6e-8 grain becomes 0.

    A weight that only decays ends as a subnormal number (below 1e-38 in float32) and makes its gradients such too; with
    those a processor computes up to ten times as slowly. What is far above the grain keeps its value.
    """
    array += grain
    array -= grain


def save(path, tree):
    """Write the leaves to an ``.npz`` file, keyed by their paths joined with ``/``. No pickles."""
    with open(path, "wb") as file:
        np.savez(file, **{"/".join(keys): leaf for keys, leaf in leaves(tree)})


def load(path):
    """Read a tree that `save` wrote. Raises ValueError for any other file, OSError for none."""
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            return build([(tuple(key.split("/")), file[key]) for key in file.files])
    except (ValueError, EOFError, KeyError, AttributeError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: not a readable file of arrays: {error}") from error
