"""Stop where a number becomes infinite or NaN, and say which was the first."""

from contextlib import contextmanager

import numpy as np
from autograd.extend import defvjp, primitive
from autograd.tracer import isbox

from .. import nn
from ..errors import NotFiniteError
from ..model import forward
from ..nn import ops


def require_finite(values, params, optimisers, x, variant):
    """Raise NotFiniteError if one of the losses of a batch, ``{update: loss}``, is not finite.

    Arguments: params and optimisers of `training.train_batch`, before its steps; x (m, B, d).
    """
    for update, value in values.items():
        if not np.isfinite(value):
            raise _first(update, params, optimisers, x, variant)


def require_finite_params(params, optimisers):
    """Raise NotFiniteError if a step has made a parameter infinite or NaN."""
    if not all(np.isfinite(leaf).all() for _, leaf in nn.leaves(params)):
        raise _first(next(iter(optimisers)), params, optimisers)


def steps_done(optimisers):
    """Number of steps of the least advanced of some updates."""
    return min(state["t"] for states in optimisers.values() for state in states.values())


def _first(update, *where):
    update, step, name, _ = next(found for found in _suspects(update, *where) if not np.isfinite(found[-1]).all())
    return NotFiniteError(f"update {update}: {name} is not finite", step)


def _suspects(update, params, optimisers, x=None, variant=None):
    """All arrays that can be to blame, in the order in which they were computed: (update, step, name, array)."""
    for earlier, states in optimisers.items():  # Adam's first moment remembers a gradient that was not finite
        for group, state in states.items():
            for keys, moment in nn.leaves(state["m"]):
                yield earlier, state["t"], "the gradient of " + "/".join((group, *keys)), moment
    step = steps_done({update: optimisers[update]})
    for keys, leaf in nn.leaves(params):
        yield update, step, "/".join(keys), leaf
    yield update, step + 1, "the batch of features", x
    for name, value in forward(params, x, variant).items():
        yield update, step + 1, name, value
    yield update, step + 1, "the loss", np.nan


@contextmanager
def checked_operations():
    """While this is on, the operation of `nn.ops` that first gives an infinite or NaN value, or cotangent, is named."""
    originals = {name: getattr(ops, name) for name in ops.NAMES if name != "pull_each"}
    for name, operation in originals.items():
        setattr(ops, name, _checked(name, operation))
    try:
        yield
    finally:
        for name, operation in originals.items():
            setattr(ops, name, operation)


def _checked(name, operation):
    def require(x, what):
        if isinstance(x, (np.ndarray, np.floating)) and not np.isfinite(x).all():
            raise NotFiniteError(f"operation {name}: {what} of shape {np.shape(x)} is not finite")
        return x

    @primitive
    def given(x):
        return require(x, "its input")

    @primitive
    def computed(x):
        return require(x, "its output")

    def watch(value):
        if isinstance(value, dict):
            return {key: watch(part) for key, part in value.items()}
        return given(value) if isinstance(value, np.ndarray) or isbox(value) else value

    defvjp(given, lambda y, x: lambda g: require(g, "the cotangent of its input"))
    defvjp(computed, lambda y, x: lambda g: require(g, "the cotangent of its output"))
    return lambda *arguments, **named: computed(operation(*map(watch, arguments), **named))
