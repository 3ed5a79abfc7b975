"""Gradients of parameter trees. The only module that touches the inside of autograd.

`autograd.grad` of a nested dict wraps the dict itself, so that every read of a parameter is an operation on the tape.
Here a trace starts with a root node for each leaf instead: the dicts stay plain, reading a parameter costs nothing,
and only the leaves that are asked for are traced.
"""

import numpy as np
from autograd.core import VJPNode, add_outgrads
from autograd.extend import defvjp_argnums, primitive
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.tracer import getval, isbox, new_box, trace_stack
from autograd.util import toposort

from . import trees


def vjp(function, params):
    """Evaluate ``function(params)`` and keep the tape.

    Arguments
        function: takes the tree, returns one array.
        params: the tree of arrays to differentiate by.
    Returns
        value: the result, a plain array.
        pull: maps a cotangent g, of the shape of value, to the tree of g^T (d value / d leaf), in the shape of
            ``params``; a leaf that does not enter the result gets zeros. It can be called any number of times.
    """
    with trace_stack.new_trace() as trace:
        boxes = trees.map_leaves(lambda leaf: new_box(leaf, trace, VJPNode.new_root()), params)
        end = function(boxes)
    if not (isbox(end) and end._trace == trace):
        return end, lambda g: trees.map_leaves(np.zeros_like, params)

    def pull(g):
        cotangents = _backward(g, end._node)
        return trees.map_leaves(
            lambda box: cotangents[box._node] if box._node in cotangents else np.zeros_like(box._value), boxes)

    return end._value, pull


def value_and_grad(function, params):
    """``(loss, gradient tree)`` of a function that takes the tree and returns a scalar loss."""
    value, pull = vjp(function, params)
    return value, pull(np.ones(value.shape, value.dtype))


def constant(x):
    """The value of ``x`` with the tape cut off: no gradient flows through it."""
    return getval(x)


def operation(forward, vjp):
    """An operation of the tape with its own gradient, as `autograd.extend.primitive` makes it, but quicker.

    Arguments
        forward: takes arrays, returns an array.
        vjp: ``vjp(argnums, y, args, named)`` returns a function from the cotangent of y to those of ``args[argnums]``.
    """
    traced = primitive(forward)
    defvjp_argnums(traced, vjp)

    def apply(*args, **named):
        boxed = [n for n, arg in enumerate(args) if type(arg) is ArrayBox]
        if not boxed:
            return forward(*args, **named)
        if trace_stack.top > 0:  # one trace inside another: autograd knows which of them counts
            return traced(*args, **named)
        values = [arg._value if type(arg) is ArrayBox else arg for arg in args]
        y = forward(*values, **named)
        node = VJPNode(y, traced, values, named, boxed, [args[n]._node for n in boxed])
        return new_box(y, args[boxed[0]]._trace, node)

    return apply


def _backward(g, end):
    """Reverse-mode accumulation: the cotangents of all root nodes, from the cotangent g of the node ``end``."""
    pending, roots = {end: (g, False)}, {}  # node: cotangent so far, and whether it is ours to add to in place
    for node in toposort(end):
        g, _ = pending.pop(node)
        if node.parents:
            for parent, part in zip(node.parents, node.vjp(g), strict=True):
                if parent not in pending and type(part) is np.ndarray:
                    pending[parent] = part, False
                else:
                    pending[parent] = add_outgrads(pending.get(parent), part)
        else:
            roots[node] = g
    return roots
