"""Parameter trees: nested dicts whose leaves are arrays, such as ``{"man": {"W": array, "b": array}}``.

A tree can be packed: all its leaves become views of one flat buffer, so that an optimiser walks over a single
array while every layer still reads its own ``p["W"]``.
"""

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
    """Copy of ``tree`` whose leaves are views, one behind the other, of one flat buffer (see `buffer`)."""
    flat = np.concatenate([np.ravel(leaf) for _, leaf in leaves(tree)]).astype(dtype)
    start, views = 0, []
    for path, leaf in leaves(tree):
        views.append((path, flat[start:start + leaf.size].reshape(leaf.shape)))
        start += leaf.size
    return build(views)


def buffer(tree):
    """The flat array (count(tree),) behind a packed tree.

    Raises ValueError if the leaves are not the whole of one buffer, in order.
    """
    parts = [leaf for _, leaf in leaves(tree)]
    flat = parts[0].base
    address = flat.ctypes.data if flat is not None else 0
    for leaf in parts:
        if leaf.base is not flat or leaf.ctypes.data != address or not leaf.flags.c_contiguous:
            raise ValueError("the tree is not packed: call nn.pack(tree) first")
        address += leaf.nbytes
    return flat


def save(path, tree):
    """Write the leaves to an ``.npz`` file, keyed by their paths joined with ``/``. No pickles."""
    with open(path, "wb") as file:
        np.savez(file, **{"/".join(keys): leaf for keys, leaf in leaves(tree)})


def load(path):
    """Read a tree that `save` wrote."""
    with np.load(path, allow_pickle=False) as file:
        return build([(tuple(key.split("/")), file[key]) for key in file.files])
