"""Dense layers and batch norm: a whole layer is one operation of the tape.

The backward pass also accepts the cotangents of several losses, stacked along axis -3 (see
`pull_each`). The cotangents of x are then stacked in the same way, and those of parameters along
a new first axis.
"""

import numpy as np
from autograd.extend import defvjp_argnums, primitive

from ..denormals import flush_denormals
from ..gradients import constant
from ..ops import EPSILON, dropout_mask
from ..trees import map_leaves
from .elementary import sigmoid, softmax, softmax_backward

SLOPES = {"relu": 0.0, "leaky_relu_0.01": 0.01, "leaky_relu_0.2": 0.2}


def dense_layer(p, x, activation, drop_rate=0.0, rng=None):
    """See `ops.dense_layer`."""
    mask = None
    if rng is not None and drop_rate > 0:
        shape = (*x.shape[:-1], p["W"].shape[-1])
        mask = dropout_mask(rng, shape, drop_rate, x.dtype)
    return _apply(p, x, p["W"], p["b"], mask, activation)


def batch_norm(p, x):
    """See `ops.batch_norm`."""
    return _apply(p, x, None, None, None, "identity")


def pull_each(pullback, cotangents):
    """See `ops.pull_each`. All losses share one backward pass, so each weight matrix is read once.

    The network must consist of dense layers whose parameters are banks, as the encoders do.
    """
    together = pullback(np.stack(cotangents, axis=-3))
    return [map_leaves(lambda leaf, n=n: leaf[n], together) for n in range(len(cotangents))]


def _apply(p, x, W, b, mask, activation):
    notes = {"mask": mask, "activation": activation}
    if "mean" in p:
        notes["statistics"] = constant(p["mean"]), constant(p["var"])
    y = _layer(x, W, b, p.get("gamma"), p.get("beta"), notes)
    if "record" in p:
        p["record"].append((notes["mean"], notes["var"]))
    return y


@primitive
def _layer(x, W, b, gamma, beta, notes):
    """activation(batch norm(mask (x W + b))), without the parts whose arrays are None.

    The dict ``notes`` holds all that is not differentiated. What the backward pass needs besides
    the output is added to it.
    """
    z = _affine(x, W, b, notes["mask"])
    if "statistics" in notes:
        mean, var = notes["statistics"]
        notes["inverse"] = 1 / np.sqrt(var + EPSILON)
        scale = gamma * notes["inverse"]
        z = np.multiply(z, scale, out=None if z is x else z)
        z += beta - mean * scale
    elif gamma is not None:
        z = _normalise(z, notes) * gamma
        z += beta
    return _activate(notes["activation"], z)


def _affine(x, W, b, mask):
    """mask (x W + b), a new array; x itself where W is None."""
    if W is None:
        return x
    z = _matmul(x, W)
    z += b
    if mask is not None:
        z *= mask
    return z


def _normalise(z, notes):
    n = z.dtype.type(1 / z.shape[-2])
    mean = np.add.reduce(z, axis=-2, keepdims=True) * n
    z = z - mean
    var = np.add.reduce(z * z, axis=-2, keepdims=True) * n
    inverse = 1 / np.sqrt(var + EPSILON)
    z *= inverse
    notes.update(mean=mean, var=var, inverse=inverse, normalised=z)
    return z


def _activate(activation, z):
    """The activation of z, which may be overwritten."""
    if activation in SLOPES:
        return np.maximum(z, SLOPES[activation] * z, out=z)
    if activation == "tanh":
        return np.tanh(z, out=z)
    if activation == "sigmoid":
        return sigmoid(z)
    if activation == "softmax":
        return softmax(z)
    if activation == "identity":
        return z
    raise KeyError(activation)


def _activate_backward(activation, g, y):
    """The cotangent of z, a new array, given the cotangent g of y = activation(z)."""
    if activation in SLOPES:  # y > 0 where z > 0, and `np.where` would take ten times as long
        return g * np.maximum(y > 0, y.dtype.type(SLOPES[activation]))
    if activation == "tanh":
        return g * (1 - y * y)
    if activation == "sigmoid":
        return g * y * (1 - y)
    if activation == "softmax":
        return softmax_backward(g, y)
    return g.copy()


def _layer_vjp(argnums, y, args, named):
    x, W, b, gamma, beta, notes = args

    def backward(g):
        stacked = g.ndim > y.ndim

        def lift(array):  # to multiply it with stacked cotangents
            return array[..., None, :, :] if stacked else array

        def to_parameter(sums, parameter):  # one array, or one per loss
            return _sum_over_bank(sums.swapaxes(0, -3) if stacked else sums, parameter)

        cotangents = {}
        g = _activate_backward(notes["activation"], g, lift(y))
        if gamma is not None:
            training = "statistics" not in notes
            if training:
                normalised = lift(notes["normalised"])
            else:  # rarely needed in evaluation, so it was not kept
                centred = _affine(x, W, b, notes["mask"]) - notes["statistics"][0]
                normalised = lift(centred * notes["inverse"])
            shift = np.add.reduce(g, axis=-2, keepdims=True)
            scale = np.add.reduce(g * normalised, axis=-2, keepdims=True)
            cotangents[3] = to_parameter(scale, gamma)
            cotangents[4] = to_parameter(shift, beta)
            if training:  # the statistics of the batch depend on its entries too
                n = g.dtype.type(1 / g.shape[-2])
                g -= shift * n
                g -= normalised * (scale * n)
            g *= lift(gamma * notes["inverse"])
        if notes["mask"] is not None:
            g *= lift(notes["mask"])
        flush_denormals(g, 1e-10)  # far below what Adam, whose epsilon is 1e-8, takes notice of
        if 0 in argnums:
            cotangents[0] = g if W is None else _matmul_transposed(g, W)
        if 1 in argnums:
            cotangents[1] = _weight_cotangent(x, g.swapaxes(0, -3) if stacked else g, W)
        if 2 in argnums:
            cotangents[2] = to_parameter(np.add.reduce(g, axis=-2, keepdims=True), b)
        return [cotangents[n] for n in argnums]

    return backward


defvjp_argnums(_layer, _layer_vjp)


def _matmul(x, W):
    """x W. Where one W serves a stack of batches, all their rows go through one product."""
    if W.ndim == 2 < x.ndim:
        rows = np.matmul(x.reshape(-1, x.shape[-1]), W)
        return rows.reshape(*x.shape[:-1], W.shape[-1])
    return np.matmul(x, W)


def _matmul_transposed(g, W):
    """g W^T. For few rows (W g^T)^T, which spares BLAS from packing the transposed matrix."""
    rows = g.reshape(*W.shape[:-2], -1, g.shape[-1])
    if rows.shape[-2] < 64:
        product = np.matmul(W, rows.swapaxes(-1, -2)).swapaxes(-1, -2)
        product = np.ascontiguousarray(product)
    else:
        product = np.matmul(rows, W.swapaxes(-1, -2))
    return product.reshape(*g.shape[:-1], W.shape[-2])


def _weight_cotangent(x, g, W):
    """x^T g, summed over the stack of batches that one W serves."""
    if W.ndim == 2 < x.ndim:
        x = x.reshape(-1, x.shape[-1])
        g = g.reshape(-1, g.shape[-1])
        return np.matmul(x.T, g)
    shape = (*g.shape[:-2], x.shape[-1], g.shape[-1])
    contiguous = np.empty(shape, g.dtype)  # which `np.matmul` alone would not give
    return np.matmul(x.swapaxes(-1, -2), g, out=contiguous)


def _sum_over_bank(sums, parameter):
    """``sums`` (..., 1, width), summed over the bank if all of it shares one parameter."""
    if parameter.ndim == 2 < sums.ndim:
        return sums.sum(axis=tuple(range(sums.ndim - 2)))
    return sums
