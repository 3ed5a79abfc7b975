"""Gradient check: the derivative along a direction, by finite differences, against the gradient."""

import numpy as np

from . import trees
from .gradients import value_and_grad


def check_gradient(function, params, rng, gradient=None, tolerance=1e-6, step=1e-3):
    r"""Raise AssertionError unless the gradient of ``function`` at ``params`` is right, leaf by leaf.

    For each leaf, along two directions d of length 1 half-way between the gradient and a random vector, <gradient, d>
    is compared with the fourth-order central difference (error of order step^4)

        [8 f(x + h d) - 8 f(x - h d) - f(x + 2 h d) + f(x - 2 h d)] / (12 h)

    Arguments
        function: tree -> scalar; must give the same value each time (seed dropout inside).
        params: tree of float64 arrays.
        gradient: the tree to check; by default what `nn.value_and_grad` gives.
        tolerance: largest relative difference.
    A leaf whose gradient is 0 or not float64 is an error too: such a check would prove nothing.
    """
    gradient = dict(trees.leaves(value_and_grad(function, params)[1] if gradient is None else gradient))
    values = dict(trees.leaves(params))
    for path, value in values.items():
        name, g = "/".join(path), gradient[path]
        assert {value.dtype, g.dtype} == {np.dtype(np.float64)}, f"{name}: gradient checks need float64"
        length = np.linalg.norm(g)
        assert length > 0, f"{name}: the gradient is zero, so this check could not fail"
        for _ in range(2):
            random = rng.standard_normal(value.shape)
            random *= 1 if np.sum(g * random) >= 0 else -1  # else the two could cancel
            direction = g / length + random / np.linalg.norm(random)
            direction /= np.linalg.norm(direction)
            f = lambda t: function(trees.build((values | {path: value + t * step * direction}).items()))  # noqa: B023, E731
            numeric = (8 * (f(1) - f(-1)) - (f(2) - f(-2))) / (12 * step)
            analytic = np.sum(g * direction)
            error = abs(numeric - analytic) / max(abs(numeric), abs(analytic))
            assert error <= tolerance, (
                f"{name}: gradient {analytic:.12g} but finite differences {numeric:.12g}, relative error {error:.1e}")
