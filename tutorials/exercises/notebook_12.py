"""Exercises of notebook 12, making it fast."""

import tracemalloc

import numpy as np

from argf_np import nn
from argf_np.nn import ops

from . import compare, exercise, require

B, n_in, n_out = 5, 7, 11


@exercise("12.1")
def noisy_norm(answer, rng):
    """A function that keeps the type of x (B, k)."""
    x = rng.standard_normal((B, n_in))

    def right(x):
        noise = np.random.default_rng(1).standard_normal(x.shape) * np.sqrt(0.5)
        return np.linspace(1, 2, x.shape[1]) * (x + noise)

    compare(lambda x: answer(x, np.random.default_rng(1)), (x,), right(x), {
        "the noise is missing": np.linspace(1, 2, n_in) * x,
        "the square root is missing: the noise has variance 0.5": right(x) - np.linspace(1, 2, n_in) * (
            np.sqrt(0.5) - 0.5) * np.random.default_rng(1).standard_normal(x.shape),
    })
    wide, narrow = (answer(x.astype(dtype), np.random.default_rng(1)) for dtype in ("float64", "float32"))
    require(wide.dtype == np.float64, f"for x in float64 the result is {wide.dtype}: take the type of x")
    require(narrow.dtype == np.float32, f"for x in float32 the result is {narrow.dtype}: which of the noise, the "
            "factor np.sqrt(0.5) and the scale is float64?")
    require(np.allclose(narrow, right(x), rtol=0, atol=1e-5), "for x in float32 the values are others: draw in float64")


@exercise("12.2")
def layer_back(answer, rng):
    """The gradients by x, W and b of y = sigmoid(mask (x W + b))."""
    g, x, W = (rng.standard_normal(shape) for shape in ((B, n_out), (B, n_in), (n_in, n_out)))
    mask = ops.dropout_mask(rng, (B, n_out), 0.4, "float64")
    leaves = {"x": x, "W": W, "b": rng.standard_normal((1, n_out))}
    y, pull = nn.vjp(lambda p: ops.sigmoid(mask * ops.dense(p, p["x"])), leaves)

    def by_delta(delta):
        return np.concatenate([part.ravel() for part in (delta @ W.T, x.T @ delta, delta.sum(axis=0))])

    def flat(*arguments):
        parts = answer(*arguments)
        require(isinstance(parts, tuple | list) and len(parts) == 3, "expected three gradients: by x, W and b")
        for part, leaf in zip(parts, leaves.items(), strict=True):
            require(np.shape(part) == leaf[1].shape,
                    f"the gradient by {leaf[0]} has shape {np.shape(part)}, expected {leaf[1].shape}")
        return np.concatenate([np.ravel(part) for part in parts])

    compare(flat, (g, y, x, W, mask), np.concatenate([part.ravel() for part in pull(g).values()]), {
        "the mask is missing: what was dropped gets no gradient": by_delta(g * y * (1 - y)),
        "it looks like the slope of tanh: that of the sigmoid is y (1 - y)": by_delta(g * mask * (1 - y * y)),
        "the slope of the sigmoid is missing": by_delta(g * mask),
        "the mask stands for 'kept or not' here: kept entries have also been scaled": by_delta(
            g * y * (1 - y) * (mask > 0)),
    })


@exercise("12.3")
def running(answer, rng):
    """How many of the sequences still run at each step, and where the rows of each step begin."""
    lengths = np.array([4, 7, 1, 3, 6])
    active = (lengths[:, None] > np.arange(lengths.max())).sum(axis=0)
    ends = np.cumsum(active)

    def both(lengths):
        parts = answer(lengths)
        require(isinstance(parts, tuple | list) and len(parts) == 2, "expected two arrays: active and starts")
        require(len({np.shape(part) for part in parts}) == 1,
                f"active and starts have shapes {np.shape(parts[0])} and {np.shape(parts[1])}, both should be (T,)")
        return np.stack(parts)

    late = (lengths[:, None] >= np.arange(lengths.max())).sum(axis=0)
    compare(both, (lengths,), np.stack([active, ends - active]), {
        "a video of n utterances has utterances 0 to n - 1: at t = n it no longer runs": np.stack(
            [late, np.cumsum(late) - late]),
        "starts says where the rows of each step end: the first step begins at row 0": np.stack([active, ends]),
        "starts is one row off: row 0 is the first": np.stack([active, ends - active + 1]),
    })


@exercise("12.4")
def momentum_step(answer, rng):
    """A step in place, in blocks."""
    n, lr, mu, scratch = 10_007, 0.1, 0.9, np.empty(100)
    p, m, g = rng.standard_normal((3, n))
    p_in, m_in, g_in = p.copy(), m.copy(), g.copy()
    tracemalloc.start()
    answer(p_in, m_in, g_in, scratch, lr, mu)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    require(np.array_equal(g, g_in), "g has changed, and it belongs to somebody else")
    require(not np.array_equal(p, p_in), "p is as it was: `p = p - ...` makes a new array, `p -= ...` changes p")
    new = mu * m + g
    require(not np.allclose(p_in, p - lr * m), "p has moved by the m of before: first m, then p")
    require(not np.allclose(p_in[:100], p[:100] - lr * new[:100]) or np.allclose(p_in[-7:], p[-7:] - lr * new[-7:]),
            f"the last entries are not right: {n} is no multiple of {scratch.size}, so the last block is shorter")
    require(np.allclose(m_in, new), "m is not mu m + g")
    require(np.allclose(p_in, p - lr * new), "p is not p - lr m")
    require(peak < p.nbytes / 2, f"right, but with new arrays of {peak:,} bytes in all, and p has {p.nbytes:,}: go in "
            "blocks of the length of scratch, and give NumPy's functions out=scratch")
