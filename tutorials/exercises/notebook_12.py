"""Exercises of notebook 12, making it fast."""

import tracemalloc

import numpy as np

from argf_np import nn
from argf_np.nn import ops

from . import compare, exercise, require

B, n_in, n_out = 5, 7, 11


class Watched(np.ndarray):
    """An array that notes the types of the results of operations on it, and on their results."""

    notes = []  # noqa: RUF012, one list for all

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        inputs = [np.asarray(array) if isinstance(array, Watched) else array for array in inputs]
        if out is not None:
            options["out"] = tuple(np.asarray(array) for array in out)
        result = getattr(ufunc, method)(*inputs, **options)
        Watched.notes.append((f"np.{ufunc.__name__}", np.asarray(result).dtype))
        return np.asarray(result).view(Watched)

    def astype(self, dtype, *arguments, **options):
        """As that of NumPy's arrays, with a note."""
        Watched.notes.append(("astype", np.dtype(dtype)))
        return super().astype(dtype, *arguments, **options)


@exercise("12.1")
def noisy_norm(answer, rng):
    """A function that keeps the type of x (B, k), in its result and on the way to it."""
    x = rng.standard_normal((B, n_in))
    scale = np.linspace(1, 2, n_in)

    def right(x):
        noise = np.random.default_rng(1).standard_normal(x.shape) * np.sqrt(0.5)
        return scale * (x + noise)

    noise = right(x) - scale * x
    wide = answer(x.copy(), np.random.default_rng(1))
    require(wide is None or wide.dtype == np.float64, f"for x in float64 the result is "
            f"{np.asarray(wide).dtype}: take the type of x")
    if np.shape(wide) == x.shape:
        error = np.abs(wide - right(x)).max()
        require(not 1e-9 < error < 1e-5, "for x in float64 something is rounded to float32 on the "
                "way: take x.dtype, not float32")
    compare(lambda x: answer(x, np.random.default_rng(1)), (x,), right(x), {
        "the noise is missing": scale * x,
        "the square root is missing: the noise has variance 0.5": scale * x + noise * np.sqrt(0.5),
    })
    Watched.notes.clear()
    narrow = answer(x.astype("float32").view(Watched), np.random.default_rng(1))
    require(narrow.dtype == np.float32, f"for x in float32 the result is {narrow.dtype}: which of "
            "the noise, the factor np.sqrt(0.5) and the scale is float64?")
    require(Watched.notes, "x is turned into another array before anything is computed with it "
            "(by np.asarray?): use x as it is")
    for name, dtype in Watched.notes:
        require(dtype == np.float32, f"for x in float32 the result is float32, but {name} on the "
                f"way gives {dtype}: round the noise and the scale before x meets them, not the "
                "result")
    require(np.allclose(np.asarray(narrow), right(x), rtol=0, atol=1e-5), "for x in float32 the "
            "values are others: draw in float64")
    return "and one float64 array on the way would have been enough to undo it"


@exercise("12.2")
def layer_back(answer, rng):
    """The gradients with respect to x, W and b of y = sigmoid(mask (x W + b))."""
    shapes = ((B, n_out), (B, n_in), (n_in, n_out))
    g, x, W = (rng.standard_normal(shape) for shape in shapes)
    mask = ops.dropout_mask(rng, (B, n_out), 0.4, "float64")
    leaves = {"x": x, "W": W, "b": rng.standard_normal((1, n_out))}
    y, pull = nn.vjp(lambda p: ops.sigmoid(mask * ops.dense(p, p["x"])), leaves)
    expected = pull(g)
    slips = {
        "the mask is missing: what was dropped gets no gradient": g * y * (1 - y),
        "it looks like the slope of tanh: that of the sigmoid is y (1 - y)": g * mask * (1 - y * y),
        "the slope of the sigmoid is missing": g * mask,
        "the mask is taken for 'kept or not': kept entries have also been scaled":
            g * y * (1 - y) * (mask > 0),
        "the cotangent g is missing": y * (1 - y) * mask,
    }

    def parts_of(delta):
        return {"x": delta @ W.T, "W": x.T @ delta, "b": delta.sum(axis=0, keepdims=True)}

    def all_parts(*arguments):
        parts = answer(*arguments)
        require(isinstance(parts, tuple | list) and len(parts) == 3,
                "expected three gradients: with respect to x, W and b")
        return dict(zip(leaves, parts, strict=True))

    for name in leaves:
        hints = {}
        for hint, delta in slips.items():
            hints[f"the gradient with respect to {name}: {hint}"] = parts_of(delta)[name]
        try:
            compare(lambda *a, name=name: all_parts(*a)[name], (g, y, x, W, mask), expected[name],
                    hints)
        except AssertionError as error:
            if "three gradients" in str(error) or str(error) in hints:
                raise
            raise AssertionError(f"the gradient with respect to {name}: {error}") from None
    return "and with it a layer with dropout can be one operation on the tape"


@exercise("12.3")
def running(answer, rng):
    """How many of the sequences still run at each step, and where the rows of each step begin."""
    lengths = np.array([4, 7, 1, 3, 6])
    active = (lengths[:, None] > np.arange(lengths.max())).sum(axis=0)
    ends = np.cumsum(active)

    def both(lengths):
        parts = answer(lengths)
        require(isinstance(parts, tuple | list) and len(parts) == 2,
                "expected two arrays: active and starts")
        require(np.shape(parts[0]) == np.shape(parts[1]), "active and starts have shapes "
                f"{np.shape(parts[0])} and {np.shape(parts[1])}, both should be (T,)")
        return np.stack(parts)

    late = (lengths[:, None] >= np.arange(lengths.max())).sum(axis=0)
    compare(both, (lengths,), np.stack([active, ends - active]), {
        "a video of n utterances has utterances 0 to n - 1: at t = n it no longer runs":
            np.stack([late, np.cumsum(late) - late]),
        "starts says where the rows of each step end: the first step begins at row 0":
            np.stack([active, ends]),
        "starts is one row off: row 0 is the first": np.stack([active, ends - active + 1]),
    })
    return "and the padding costs nothing any more"


@exercise("12.4")
def momentum_step(answer, rng):
    """A step in place, in blocks."""
    n, lr, mu, scratch = 10_007, 0.1, 0.9, np.empty(100)
    p, m, g = rng.standard_normal((3, n))
    p_in, m_in, g_in = p.copy(), m.copy(), g.copy()
    tracemalloc.start()
    try:
        answer(p_in, m_in, g_in, scratch, lr, mu)
        peak = tracemalloc.get_traced_memory()[1]
    except ValueError as error:
        raise AssertionError(f"p, m and g have {n} entries and scratch {scratch.size}, so the last "
                             f"block is shorter, with 7: {error}") from None
    finally:
        tracemalloc.stop()
    new = mu * m + g
    first, last = slice(0, 100), slice(n - 7, n)
    first_is_right = np.allclose(p_in[first], p[first] - lr * new[first])
    last_is_right = np.allclose(p_in[last], p[last] - lr * new[last])
    require(np.array_equal(g, g_in), "g has changed, and it is still needed elsewhere")
    require(not np.array_equal(p, p_in),
            "p is as it was: `p = p - ...` makes a new array, `p -= ...` changes p")
    require(not np.array_equal(m, m_in),
            "m is as it was: `m = ...` makes a new array, `m *= mu` changes m")
    require(not np.allclose(p_in, p - lr * m), "p has moved by the m of before: first m, then p")
    require(last_is_right or not first_is_right, f"the last entries are not right: {n} is no "
            f"multiple of {scratch.size}, so the last block is shorter")
    require(np.allclose(m_in, new), "m is not mu m + g")
    require(np.allclose(p_in, p - lr * new), "p is not p - lr m")
    require(peak < p.nbytes / 2, f"correct, but with new arrays of {peak:,} bytes in all, and p "
            f"has {p.nbytes:,}: go in blocks of the length of scratch, and give NumPy's functions "
            "out=scratch")
    return "and if the scratch array fits into the cache, this is also faster"
