"""Optimisers: each keeps its moments in flat arrays and steps a packed tree of parameters in place.

The gradients are read leaf by leaf and never written. All arithmetic runs over blocks that stay in the processor's
cache, so that a step costs one pass over each array. (Sharing the blocks out to two threads was tried, and gained
nothing beside the threads of the matrix products.)
"""

import math

import numpy as np

from .trees import aligned_zeros, buffer, clear_dust, leaves

BLOCK = 32768  # scalars; five float32 arrays of this length take 640 KiB
DUSTING = 16  # steps of Adam from one `clear_dust` to the next: rare enough to cost nothing


def init_adam(params):
    """State of `adam` for a packed tree: step count ``t`` and the moments ``m``, ``v``, flat."""
    return {"t": 0, "m": _zeros_like(params), "v": _zeros_like(params)}


def adam(state, params, gradients, lr, betas=(0.9, 0.999), epsilon=1e-8, weight_decay=0.0):
    r"""One step of Adam (Kingma and Ba 2015, Algorithm 1), in place on ``params`` and ``state``.

        g <- gradient + weight_decay * param        coupled L2 weight decay (D13)
        m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2
        param <- param - lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)

    The state holds m / (1 - b1) and v / (1 - b2), which saves two passes; the constants make up for it. Now and then
    `clear_dust` rounds what has decayed to nothing to 0.
    """
    b1, b2 = betas
    _require_like(gradients, params)
    state["t"] += 1
    root = math.sqrt((1 - b2) / (1 - b2 ** state["t"]))  # sqrt(v_hat) = root * sqrt(stored v)
    step = lr * (1 - b1) / (1 - b1 ** state["t"]) / root

    def update(p, m, v, g, scratch):
        m *= b1
        m += g
        v *= b2
        v += np.multiply(g, g, out=scratch)
        np.sqrt(v, out=scratch)
        scratch += epsilon / root
        np.divide(m, scratch, out=scratch)
        scratch *= step
        p -= scratch
        if state["t"] % DUSTING == 0:
            clear_dust(p, 1e-6)
            clear_dust(m, 1e-10)

    _each_block(update, params, state["m"], state["v"], gradients, weight_decay)


def init_adadelta(params):
    """State of `adadelta` for a packed tree: running means of squared gradients ``g2`` and squared steps ``d2``."""
    return {"g2": _zeros_like(params), "d2": _zeros_like(params)}


def adadelta(state, params, gradients, lr=1.0, rho=0.95, epsilon=1e-6):
    r"""One step of Adadelta (Zeiler 2012, Algorithm 1), in place on ``params`` and ``state``.

        E[g^2] <- rho E[g^2] + (1 - rho) g^2
        d = sqrt(E[d^2] + epsilon) / sqrt(E[g^2] + epsilon) * g
        E[d^2] <- rho E[d^2] + (1 - rho) d^2
        param <- param - lr * d                     Zeiler's lr is 1
    """

    _require_like(gradients, params)

    def update(p, g2, d2, g, scratch):
        g2 *= rho
        np.multiply(g, g, out=scratch)
        scratch *= 1 - rho
        g2 += scratch
        np.add(g2, epsilon, out=scratch)
        np.divide(d2 + epsilon, scratch, out=scratch)
        np.sqrt(scratch, out=scratch)
        g *= scratch
        np.multiply(g, g, out=scratch)
        scratch *= 1 - rho
        d2 *= rho
        d2 += scratch
        g *= lr
        p -= g

    _each_block(update, params, state["g2"], state["d2"], gradients)


def _zeros_like(params):
    flat = buffer(params)
    return aligned_zeros(flat.size, flat.dtype)


def _require_like(gradients, params):
    shapes, ours = ([(path, leaf.shape) for path, leaf in leaves(tree)] for tree in (gradients, params))
    if shapes != ours:
        raise ValueError(f"the gradients' tree is not the parameters': {set(shapes) ^ set(ours) or 'another order'}")


def _each_block(update, params, first, second, gradients, weight_decay=0.0):
    """Call ``update(p, first, second, g, scratch)`` on every block: views of three flat arrays, and two buffers.

    ``g`` is the gradient of the block + weight_decay * p, gathered from the leaves; both buffers may be overwritten.
    """
    flat, parts = buffer(params), [leaf.reshape(-1) for _, leaf in leaves(gradients)]
    ends = np.cumsum([part.size for part in parts]).tolist()
    gathered, scratch = (aligned_zeros(BLOCK, flat.dtype) for _ in range(2))
    number = 0
    for start in range(0, flat.size, BLOCK):
        stop = min(start + BLOCK, flat.size)
        g = gathered[:stop - start]
        np.multiply(flat[start:stop], weight_decay, out=g)
        here = start
        while here < stop:  # the leaves, or pieces of leaves, that make up this block
            while ends[number] <= here:
                number += 1
            origin, upto = ends[number] - parts[number].size, min(ends[number], stop)
            g[here - start:upto - start] += parts[number][here - origin:upto - origin]
            here = upto
        update(flat[start:stop], first[start:stop], second[start:stop], g, scratch[:stop - start])
