"""Gradients of parameter trees, by reverse-mode differentiation on autograd's tape.

`autograd.grad` of a nested dict wraps the dict itself, so that each read of a parameter becomes an
operation on the tape. Here every leaf is a root of the tape instead. The dicts stay plain, a read
costs nothing, and only the leaves of the given tree are differentiated.
"""

import numpy as np
from autograd.core import VJPNode, add_outgrads
from autograd.tracer import getval, isbox, new_box, trace_stack
from autograd.util import toposort

from . import trees


def vjp(function, params):
    """Evaluate ``function(params)`` and record it on a tape. Returns ``(value, pullback)``.

    - function: maps the tree to one array.
    - params: tree of arrays, with respect to which the function is differentiated.
    - value: the result, a plain array.
    - pullback: maps a cotangent g, of the shape of value, to the tree of g^T (d value / d leaf),
      in the shape of ``params``. A leaf that does not enter the result gets zeros. It can be
      called any number of times.
    """
    with trace_stack.new_trace() as trace:
        boxes = trees.map_leaves(lambda leaf: new_box(leaf, trace, VJPNode.new_root()), params)
        end = function(boxes)
    if not (isbox(end) and end._trace == trace):  # the result does not depend on the tree
        return end, lambda g: trees.map_leaves(np.zeros_like, params)

    def pullback(g):
        cotangents = _backward(g, end._node)

        def of_leaf(box):
            return cotangents[box._node] if box._node in cotangents else np.zeros_like(box._value)

        return trees.map_leaves(of_leaf, boxes)

    return end._value, pullback


def value_and_grad(function, params):
    """``(loss, gradient tree)`` of a function that maps the tree ``params`` to a scalar loss."""
    value, pullback = vjp(function, params)
    return value, pullback(np.ones(value.shape, value.dtype))


def constant(x):
    """The value of x, of any shape, cut off the tape: no gradient flows through it."""
    return getval(x)


def _backward(g, end):
    """Cotangents ``{root: array}`` of all roots of the tape, from the cotangent g of its end."""
    pending = {end: (g, False)}  # node: (cotangent so far, whether we may add to it in place)
    roots = {}
    for node in toposort(end):
        g, _ = pending.pop(node)
        if not node.parents:
            roots[node] = g
            continue
        for parent, part in zip(node.parents, node.vjp(g), strict=True):
            if parent not in pending and type(part) is np.ndarray:
                pending[parent] = part, False  # what `add_outgrads` would do, but quicker
            else:
                pending[parent] = add_outgrads(pending.get(parent), part)
    return roots
