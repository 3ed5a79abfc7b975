"""What notebook 12 measures with: the tape of autograd, and the bytes that NumPy moves.

Both watch the libraries and change nothing that they compute. The notebook does not depend on how
this file does it.
"""

from contextlib import contextmanager
from unittest import mock

import numpy as np
from autograd.core import VJPNode


@contextmanager
def look_at_the_tape():
    """Yield a list in which every operation that autograd records is noted.

    An entry is a dict: the name of the operation, its value, and the types of the gradients that
    the backward pass sends into it and out of it. Within the block, the function that makes a node
    is replaced by one that also takes notes.
    """
    tape, original = [], VJPNode.__init__

    def init(node, value, operation, *rest):
        original(node, value, operation, *rest)
        entry = {"name": operation.__name__, "value": value, "back": []}
        tape.append(entry)
        vjp = node.vjp

        def vjp_and_note(g):
            parts = tuple(vjp(g))
            entry["back"] = [part.dtype for part in (g, *parts) if hasattr(part, "dtype")]
            return parts

        node.vjp = vjp_and_note

    with mock.patch.object(VJPNode, "__init__", init):
        yield tape


class _Counted(np.ndarray):
    """An array that counts the bytes that operations on it read and write."""

    traffic = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        inputs = [np.asarray(array) if isinstance(array, _Counted) else array for array in inputs]
        if out is not None:
            options["out"] = tuple(np.asarray(array) for array in out)
        result = getattr(ufunc, method)(*inputs, **options)
        read = [array.nbytes for array in inputs if isinstance(array, np.ndarray)]
        _Counted.traffic += result.nbytes + sum(read)
        return result.view(_Counted) if out is None else out[0]


def traffic(function, *arguments):
    """Bytes that function(*arguments) reads and writes; arrays among the arguments are counted."""
    _Counted.traffic = 0
    counted = [a.view(_Counted) if isinstance(a, np.ndarray) else a for a in arguments]
    function(*counted)
    return _Counted.traffic
