"""Solutions of notebook 12. Run it in tutorials/ with: python -m solutions.12_making_it_fast"""

import numpy as np

from exercises import check


def noisy_norm(x, rng):
    noise = (rng.standard_normal(x.shape) * np.sqrt(0.5)).astype(x.dtype)  # both are float64
    scale = np.linspace(1, 2, x.shape[1], dtype=x.dtype)
    return scale * (x + noise)


check("12.1", noisy_norm)

# The experiment of section 2: 250 operations, as many as for a batch of 16, and 215,925 KiB. The
# tape gets wider and not longer.


def layer_back(g, y, x, W, mask):
    delta = g * y * (1 - y) * mask  # (B, n_out): at x W + b, all three need it
    return delta @ W.T, x.T @ delta, delta.sum(axis=0, keepdims=True)


check("12.2", layer_back)


def running(lengths):
    active = (lengths[:, None] > np.arange(lengths.max())).sum(axis=0)  # (T,)
    return active, np.cumsum(active) - active


check("12.3", running)


def momentum_step(p, m, g, scratch, lr, mu):
    m *= mu
    m += g
    for start in range(0, len(p), len(scratch)):
        block = slice(start, start + len(scratch))
        step = scratch[:len(p[block])]  # the last block is shorter
        np.multiply(m[block], lr, out=step)
        p[block] -= step


check("12.4", momentum_step)
