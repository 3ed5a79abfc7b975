"""The operations of `readable` as single steps of the tape, each with a gradient written by hand.

A name that stands in both modules takes the same arguments and gives the same values and gradients; tests hold the two
together. Here a layer of a network is one operation where `readable` records up to a dozen, and every intermediate
keeps the type of its input.
"""

import numpy as np

from .fast_lstm import bilstm
from .gradients import constant, operation
from .readable import EPSILON, dropout_mask
from .trees import clear_dust, map_leaves

__all__ = ["batch_norm", "bilstm", "dense_layer", "dropout", "elu", "log_softmax", "mean", "norm", "pull_each",
           "sigmoid", "softmax", "softplus", "vertices"]


def _operation(forward, backward):
    """A traced operation y = forward(x, ...) whose cotangent of x is backward(g, y, x, ...)."""
    return operation(forward, lambda argnums, y, args, named: lambda g: [backward(g, y, *args, **named)])


def _sigmoid(x):
    return 0.5 * (np.tanh(0.5 * x) + 1)


def _softmax(x, axis=-1):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def _softmax_backward(g, y, x=None, axis=-1):
    return y * (g - np.sum(g * y, axis=axis, keepdims=True))


def _log_softmax(x):
    z = x - np.max(x, axis=-1, keepdims=True)
    return z - np.log(np.sum(np.exp(z), axis=-1, keepdims=True))


def _norm_backward(g, y, x):
    return (g / np.where(y == 0, y.dtype.type(1), y))[..., None] * x


def _vertices_backward(g, y, V, indices):
    total = np.zeros_like(V)
    for row, index in enumerate(indices):
        total[index] += g[row]
    return total


sigmoid = _operation(_sigmoid, lambda g, y, x: g * y * (1 - y))
elu = _operation(lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), lambda g, y, x: g * (np.minimum(y, 0) + 1))
softplus = _operation(lambda x: np.logaddexp(x, x.dtype.type(0)), lambda g, y, x: g * _sigmoid(x))
softmax = _operation(_softmax, _softmax_backward)
log_softmax = _operation(_log_softmax, lambda g, y, x: g - np.exp(y) * np.sum(g, axis=-1, keepdims=True))
norm = _operation(lambda x: np.sqrt(np.sum(x * x, axis=-1)), _norm_backward)
mean = _operation(lambda x: np.sum(x) / x.size, lambda g, y, x: np.full_like(x, g / x.size))
vertices = _operation(lambda V, indices: V[np.array(indices)], _vertices_backward)
dropout_by = _operation(lambda x, mask: x * mask, lambda g, y, x, mask: g * mask)


def dropout(x, drop_rate, rng):
    """See `readable.dropout`."""
    return x if rng is None or drop_rate == 0 else dropout_by(x, dropout_mask(rng, x.shape, drop_rate, x.dtype))


def _leaky_relu(slope):
    """In place on y, and the cotangent: for a positive slope the sign of y is the sign of the input.

    The factor max(y > 0, slope), 1 or slope, because `np.where` branches at every entry: ten times as slow.
    """
    return lambda y: np.maximum(y, slope * y, out=y), lambda g, y: g * np.maximum(y > 0, y.dtype.type(slope))


# name -> (the activation, in place on its argument; the cotangent of its input, a new array, from g and its output)
ACTIVATIONS = {
    "identity": (lambda y: y, lambda g, y: g.copy()),
    "leaky_relu_0.01": _leaky_relu(0.01),
    "leaky_relu_0.2": _leaky_relu(0.2),
    "tanh": (lambda y: np.tanh(y, out=y), lambda g, y: g * (1 - y * y)),
    "sigmoid": (_sigmoid, lambda g, y: g * y * (1 - y)),
    "softmax": (_softmax, _softmax_backward),
}


def dense_layer(p, x, activation, drop_rate=0.0, rng=None):
    """See `readable.dense_layer`: the whole layer is one operation."""
    mask = None
    if rng is not None and drop_rate > 0:
        mask = dropout_mask(rng, (*x.shape[:-1], p["W"].shape[-1]), drop_rate, x.dtype)
    return _layer(p, x, p["W"], p["b"], mask, activation)


def batch_norm(p, x):
    """See `readable.batch_norm`."""
    return _layer(p, x, None, None, None, "identity")


def _layer(p, x, W, b, mask, activation):
    saved = {}
    frozen = (constant(p["mean"]), constant(p["var"])) if "mean" in p else None
    y = _layer_operation(x, W, b, p.get("gamma"), p.get("beta"), mask, frozen, activation, saved)
    if "record" in p:
        p["record"].append((saved["mean"], saved["var"]))
    return y


def _layer_forward(x, W, b, gamma, beta, mask, frozen, activation, saved):
    """activation(batch norm(mask (x W + b))), each part left out where its arrays are None.

    What the way back needs besides the output goes into the dict ``saved``.
    """
    z = _affine(x, W, b, mask)
    if gamma is not None:
        if frozen is None:
            n = z.dtype.type(1 / z.shape[-2])
            mean = np.add.reduce(z, axis=-2, keepdims=True) * n
            z = z - mean
            var = np.add.reduce(z * z, axis=-2, keepdims=True) * n
            inverse = 1 / np.sqrt(var + EPSILON)
            z *= inverse
            saved.update(mean=mean, var=var, inverse=inverse, normalised=z)
            z = z * gamma
            z += beta
        else:
            mean, var = frozen
            inverse = 1 / np.sqrt(var + EPSILON)
            saved["inverse"] = inverse
            scale = gamma * inverse
            z = z * scale if W is None else np.multiply(z, scale, out=z)
            z += beta - mean * scale
    return ACTIVATIONS[activation][0](z)


def _affine(x, W, b, mask):
    """mask (x W + b), a new array; x itself where W is None."""
    if W is None:
        return x
    z = _matmul(x, W)
    z += b
    if mask is not None:
        z *= mask
    return z


def _layer_vjp(argnums, y, args, kwargs):
    x, W, b, gamma, beta, mask, frozen, activation, saved = args

    def backward(g):
        # pull_each stacks the cotangents of several losses along axis -3: what was saved gets that axis too, and the
        # cotangents of parameters get it in front
        stacked = g.ndim > y.ndim
        lift = (lambda a: a[..., None, :, :]) if stacked else (lambda a: a)
        down = (lambda a: np.moveaxis(a, -3, 0)) if stacked else (lambda a: a)
        cotangents = {}
        g = ACTIVATIONS[activation][1](g, lift(y))
        if gamma is not None:
            if frozen is None:
                normalised = lift(saved["normalised"])
            else:  # evaluation seldom comes back here, so it does not keep them
                normalised = lift((_affine(x, W, b, mask) - frozen[0]) * saved["inverse"])
            shift = np.add.reduce(g, axis=-2, keepdims=True)
            scale = np.add.reduce(g * normalised, axis=-2, keepdims=True)
            cotangents[3], cotangents[4] = _sum_to(down(scale), gamma), _sum_to(down(shift), beta)
            if frozen is None:  # the batch's statistics depend on the input too
                n = g.dtype.type(1 / g.shape[-2])
                g -= shift * n
                g -= normalised * (scale * n)
            g *= lift(gamma * saved["inverse"])
        if mask is not None:
            g *= lift(mask)
        clear_dust(g, 1e-10)  # far below what Adam, whose epsilon is 1e-8, takes notice of
        if 0 in argnums:
            cotangents[0] = g if W is None else _matmul_transposed(g, W)
        if 1 in argnums:
            cotangents[1] = _weight_cotangent(x, down(g), W)
        if 2 in argnums:
            cotangents[2] = _sum_to(down(np.add.reduce(g, axis=-2, keepdims=True)), b)
        return [cotangents[n] for n in argnums]

    return backward


_layer_operation = operation(_layer_forward, _layer_vjp)


def _matmul(x, W):
    """x W; where one W serves a stack of batches, all their rows go through one product."""
    if W.ndim == 2 and x.ndim > 2:
        return np.matmul(x.reshape(-1, x.shape[-1]), W).reshape(*x.shape[:-1], W.shape[-1])
    return np.matmul(x, W)


def _matmul_transposed(g, W):
    """g W^T; for few rows (W g^T)^T, which spares BLAS from packing the transposed matrix."""
    rows = g.reshape(*W.shape[:-2], -1, g.shape[-1])
    if rows.shape[-2] < 64:
        product = np.ascontiguousarray(np.matmul(W, rows.swapaxes(-1, -2)).swapaxes(-1, -2))
    else:
        product = np.matmul(rows, W.swapaxes(-1, -2))
    return product.reshape(*g.shape[:-1], W.shape[-2])


def _weight_cotangent(x, g, W):
    if W.ndim == 2 and x.ndim > 2:
        return np.matmul(x.reshape(-1, x.shape[-1]).T, g.reshape(-1, g.shape[-1]))
    out = np.empty((*g.shape[:-2], x.shape[-1], g.shape[-1]), g.dtype)  # contiguous, which matmul alone would not give
    return np.matmul(x.swapaxes(-1, -2), g, out=out)


def _sum_to(g, parameter):
    """g (..., 1, width) summed over the axes along which a ``parameter`` (1, width) was shared by a bank."""
    return g.sum(axis=tuple(range(g.ndim - 2))).reshape(parameter.shape) if parameter.ndim == 2 < g.ndim else g


def pull_each(pull, cotangents):
    """See `readable.pull_each`: one way back for all cotangents, so that each weight matrix is read once.

    For networks of dense layers whose parameters are banks, such as the encoders.
    """
    trees = pull(np.stack(cotangents, axis=-3))
    return [map_leaves(lambda leaf, n=n: leaf[n], trees) for n in range(len(cotangents))]
