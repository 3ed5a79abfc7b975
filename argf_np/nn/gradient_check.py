"""Gradient check: slopes along random directions, by finite differences and by the gradient."""

import numpy as np

from . import trees
from .gradients import value_and_grad


def check_gradient(function, params, rng, gradient=None, tolerance=1e-6, step=1e-3):
    r"""Raise AssertionError unless the gradient of ``function`` at ``params`` is right.

    For each leaf x, the slope <gradient, d> is compared with the fourth-order central difference

        [8 f(x + h d) - 8 f(x - h d) - f(x + 2 h d) + f(x - 2 h d)] / (12 h)

    along two directions d of length 1, half-way between the gradient and a random vector. A leaf
    whose gradient is 0 or not float64 is an error too, since its check would prove nothing.

    - function: maps the tree to a scalar, always the same one (seed any dropout inside it).
    - params: tree of float64 arrays.
    - rng: `numpy.random.Generator` that draws the directions.
    - gradient: the tree to check; by default the result of `nn.value_and_grad`.
    - tolerance: largest relative difference.
    - step: h of the formula.
    """
    if gradient is None:
        _, gradient = value_and_grad(function, params)
    gradients = dict(trees.leaves(gradient))
    for path, value in trees.leaves(params):
        name, g = "/".join(path), gradients[path]
        if not value.dtype == g.dtype == np.float64:
            raise AssertionError(f"{name}: gradient checks need float64")
        if not np.any(g):
            raise AssertionError(f"{name}: the gradient is zero, so this check could not fail")
        for _ in range(2):
            direction = _direction(g, rng)
            numeric = _slope(function, params, path, direction, step)
            analytic = np.sum(g * direction)
            error = abs(numeric - analytic) / max(abs(numeric), abs(analytic))
            if not error <= tolerance:  # NaN is an error too
                raise AssertionError(
                    f"{name}: gradient {analytic:.12g} but finite differences {numeric:.12g}, "
                    f"relative error {error:.1e}")


def _direction(g, rng):
    """A vector of length 1 half-way between the gradient g and a random vector."""
    random = rng.standard_normal(g.shape)
    if np.sum(g * random) < 0:
        random *= -1  # otherwise the two could cancel
    random *= np.linalg.norm(g) / np.linalg.norm(random)
    direction = g + random
    return direction / np.linalg.norm(direction)


def _slope(function, params, path, direction, step):
    """Finite difference of ``function`` as the leaf at ``path`` moves in ``direction``."""
    values = dict(trees.leaves(params))

    def f(steps):
        moved = values | {path: values[path] + steps * step * direction}
        return function(trees.build(moved.items()))

    return (8 * (f(1) - f(-1)) - (f(2) - f(-2))) / (12 * step)
