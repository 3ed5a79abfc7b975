"""Optimisers: Adam, Adadelta and RMSprop. Each updates a tree of parameters in place, leaf by leaf.

Gradients are read and never written. Large leaves are processed in blocks that stay in the
processor's cache, so that a step fetches each array from memory only once.
"""

import math

import numpy as np

from .denormals import flush_denormals
from .trees import aligned, leaves, map_leaves

BLOCK = 32768  # scalars; the five float32 arrays of this length that Adam needs take 640 KiB
FLUSH_EVERY = 16  # steps of Adam between two flushes of denormals: rare enough to cost nothing


def init_adam(params):
    """State of `adam`: step count ``t``, and moments ``m``, ``v``, trees of the shape of params."""
    return {"t": 0, "m": _zeros(params), "v": _zeros(params)}


def adam(state, params, gradients, lr, betas=(0.9, 0.999), epsilon=1e-8, weight_decay=0.0):
    r"""One step of Adam (Kingma and Ba 2015, Algorithm 1), in place on ``state`` and ``params``.

        g <- gradient + weight_decay * param        coupled L2 weight decay (D13)
        m <- b1 m + (1 - b1) g
        v <- b2 v + (1 - b2) g^2
        param <- param - lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)

    The state holds m / (1 - b1) and v / (1 - b2), which saves two passes over the arrays. The
    factors of the last line make up for it.

    - state: of `init_adam`.
    - params, gradients: trees of arrays of the same shapes; the parameters contiguous in memory.
    - lr, betas = (b1, b2), epsilon, weight_decay: numbers.

    Raises ValueError if the trees differ or a parameter is not contiguous.
    """
    _require_like(gradients, params)
    b1, b2 = betas
    t = state["t"] = state["t"] + 1
    root = math.sqrt((1 - b2) / (1 - b2**t))  # sqrt(v / (1 - b2^t)) = root * sqrt(stored v)
    step = lr * (1 - b1) / (1 - b1**t) / root
    for p, m, v, gradient, g in _blocks(params, state["m"], state["v"], gradients):
        np.multiply(p, weight_decay, out=g)
        g += gradient
        m *= b1
        m += g
        g *= g
        v *= b2
        v += g
        update = np.sqrt(v, out=g)
        update += epsilon / root
        np.divide(m, update, out=update)
        update *= step
        p -= update
        if t % FLUSH_EVERY == 0:
            flush_denormals(p, 1e-6)
            flush_denormals(m, 1e-10)


def init_adadelta(params):
    """State of `adadelta`: means ``g2`` of squared gradients, ``d2`` of squared updates, trees."""
    return {"g2": _zeros(params), "d2": _zeros(params)}


def adadelta(state, params, gradients, lr=1.0, rho=0.95, epsilon=1e-6):
    r"""One step of Adadelta (Zeiler 2012, Algorithm 1), in place on ``state`` and ``params``.

        E[g^2] <- rho E[g^2] + (1 - rho) g^2
        d = sqrt(E[d^2] + epsilon) / sqrt(E[g^2] + epsilon) * g
        E[d^2] <- rho E[d^2] + (1 - rho) d^2
        param <- param - lr * d                     Zeiler's lr is 1

    - state: of `init_adadelta`.
    - params, gradients: as for `adam`, with the same errors.
    - lr, rho, epsilon: numbers.
    """
    _require_like(gradients, params)
    for p, g2, d2, g, d in _blocks(params, state["g2"], state["d2"], gradients):
        np.multiply(g, g, out=d)
        d *= 1 - rho
        g2 *= rho
        g2 += d
        np.add(g2, epsilon, out=d)
        np.divide(d2 + epsilon, d, out=d)
        np.sqrt(d, out=d)
        d *= g
        d2 *= rho
        d2 += (1 - rho) * (d * d)
        d *= lr
        p -= d


def init_rmsprop(params):
    """State of `rmsprop`: means ``g2`` of squared gradients, a tree of the shape of params."""
    return {"g2": _zeros(params)}


def rmsprop(state, params, gradients, lr=1e-3, rho=0.9, epsilon=1e-7):
    r"""One step of RMSprop (Tieleman and Hinton 2012), in place on ``state`` and ``params``.

        E[g^2] <- rho E[g^2] + (1 - rho) g^2
        param <- param - lr * g / (sqrt(E[g^2]) + epsilon)

    - state: of `init_rmsprop`.
    - params, gradients: as for `adam`, with the same errors.
    - lr, rho, epsilon: numbers; the defaults are Keras's.
    """
    _require_like(gradients, params)
    for p, g2, g, d in _blocks(params, state["g2"], gradients):
        np.multiply(g, g, out=d)
        d *= 1 - rho
        g2 *= rho
        g2 += d
        np.sqrt(g2, out=d)
        d += epsilon
        np.divide(g, d, out=d)
        d *= lr
        p -= d


def _zeros(params):
    zeros = map_leaves(lambda leaf: aligned(leaf.shape, leaf.dtype), params)
    for _, leaf in leaves(zeros):
        leaf[...] = 0
    return zeros


def _require_like(gradients, params):
    found = [(path, leaf.shape) for path, leaf in leaves(gradients)]
    expected = [(path, leaf.shape) for path, leaf in leaves(params)]
    if found != expected:
        difference = set(found) ^ set(expected) or "another order"
        raise ValueError(f"the gradients do not fit the parameters: {difference}")
    for path, leaf in leaves(params):
        if not leaf.flags.c_contiguous:
            raise ValueError(f"parameter {'/'.join(path)} is not contiguous: use nn.cast")


def _blocks(*trees):
    """Yield blocks of the leaves of several trees, as flat views, and an array to write in."""
    memory = aligned((BLOCK,), np.float64)
    for entries in zip(*map(leaves, trees), strict=True):
        flat = [leaf.ravel() for _, leaf in entries]
        scratch = memory.view(flat[0].dtype)
        for start in range(0, flat[0].size, BLOCK):
            views = [array[start:start + BLOCK] for array in flat]
            yield *views, scratch[:views[0].size]
