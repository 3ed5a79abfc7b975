"""Operations without parameters."""

import numpy as np
from autograd.extend import defvjp, primitive

from ..ops import dropout_mask


def with_gradient(backward):
    """Decorator that makes ``y = f(x, ...)`` one operation of the tape.

    - backward: ``backward(g, y, x, ...)`` returns the cotangent of x, given the cotangent g of y.
    """
    def decorate(f):
        operation = primitive(f)
        defvjp(operation, lambda y, *args, **named: lambda g: backward(g, y, *args, **named))
        return operation

    return decorate


def softmax_backward(g, y, x=None, axis=-1):
    """Cotangent of x, given the cotangent g of y = softmax(x)."""
    return y * (g - (g * y).sum(axis=axis, keepdims=True))


def _norm_backward(g, y, x):
    length = np.where(y == 0, y.dtype.type(1), y)
    return (g / length)[..., None] * x


def _take_rows_backward(g, y, V, indices):
    total = np.zeros_like(V)
    for row, index in enumerate(indices):
        total[index] += g[row]
    return total


@with_gradient(lambda g, y, x: g * y * (1 - y))
def sigmoid(x):
    """See `ops.sigmoid`."""
    return 0.5 * (np.tanh(0.5 * x) + 1)


@with_gradient(lambda g, y, x: g * (np.minimum(y, 0) + 1))
def elu(x):
    """See `ops.elu`."""
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


@with_gradient(lambda g, y, x: g * sigmoid(x))
def softplus(x):
    """See `ops.softplus`."""
    return np.logaddexp(x, x.dtype.type(0))


@with_gradient(softmax_backward)
def softmax(x, axis=-1):
    """See `ops.softmax`."""
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


@with_gradient(lambda g, y, x: g - np.exp(y) * g.sum(axis=-1, keepdims=True))
def log_softmax(x):
    """See `ops.log_softmax`."""
    z = x - x.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


@with_gradient(_norm_backward)
def norm(x):
    """See `ops.norm`."""
    return np.sqrt((x * x).sum(axis=-1))


@with_gradient(lambda g, y, x: np.full_like(x, g / x.size))
def mean(x):
    """See `ops.mean`."""
    return x.sum() / x.size


@with_gradient(_take_rows_backward)
def take_rows(V, indices):
    """See `ops.take_rows`."""
    return V.take(indices, axis=0)


@with_gradient(lambda g, y, x, mask: g * mask)
def _times(x, mask):
    return x * mask


def dropout(x, drop_rate, rng):
    """See `ops.dropout`."""
    if rng is None or drop_rate == 0:
        return x
    return _times(x, dropout_mask(rng, x.shape, drop_rate, x.dtype))
