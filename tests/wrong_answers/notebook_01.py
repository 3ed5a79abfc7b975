"""Typical wrong answers to the exercises of notebook 01.

``{exercise: [(what the hint says, answer), ...]}``
"""

import numpy as np


def differences(difference):
    """A wrong answer to 1.2 from difference(f, x, one entry's step)."""

    def answer(f, x, h):
        gradient = np.zeros_like(x)
        for place in np.ndindex(x.shape):
            step = np.zeros_like(x)
            step[place] = h
            gradient[place] = difference(f, x, step) / h
        return gradient

    return answer


def row_by_row(f, x, h):
    gradient = np.zeros_like(x)
    for row in range(len(x)):
        step = np.zeros_like(x)
        step[row] = h
        gradient[row] = (f(x + step) - f(x - step)) / (2 * h)
    return gradient


def never_put_back(f, x, h):
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        x[place] -= h
        below = f(x)
        x[place] += 2 * h
        gradient[place] = (f(x) - below) / (2 * h)
    return gradient


def left_below(f, x, h):
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        x[place] += h
        above = f(x)
        x[place] -= 2 * h
        gradient[place] = (above - f(x)) / (2 * h)
    return gradient


def two_names_for_one_array(f, x, h):
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        above, below = x, x
        above[place] += h
        below[place] -= h
        gradient[place] = (f(above) - f(below)) / (2 * h)
    return gradient


def along(direction, tolerance=1e-6, relative=True, h=1e-3):
    """An answer to 1.4 that looks along one direction."""

    def answer(f, x, gradient):
        d = direction(gradient)
        d = d / np.linalg.norm(d)
        near, far = f(x + h * d) - f(x - h * d), f(x + 2 * h * d) - f(x - 2 * h * d)
        numeric = (8 * near - far) / (12 * h)
        return abs(numeric - np.sum(gradient * d)) < tolerance * (abs(numeric) if relative else 1)

    return answer


def everywhere(gradient):
    return np.random.default_rng(1).standard_normal(gradient.shape)


WRONG = {
    "1.1": [
        ("minus of the quotient rule", lambda g, a, b: (g * a / b ** 2).sum(axis=1, keepdims=True)),
        ("one number per entry", lambda g, a, b: -g * a / b ** 2),
        ("mean over the k", lambda g, a, b: -(g * a / b ** 2).mean(axis=1, keepdims=True)),
        ("derivative alone", lambda g, a, b: -(a / b ** 2).sum(axis=1, keepdims=True)),
        ("instead of a / b\\^2", lambda g, a, b: -(g * a / b).sum(axis=1, keepdims=True)),
        ("without the last axis", lambda g, a, b: -(g * a / b ** 2).sum(axis=1)),
        ("sum over the batch", lambda g, a, b: -(g * a / b ** 2).sum(axis=0)),
        ("sum over the batch", lambda g, a, b: -(g * a / b ** 2).sum(axis=0, keepdims=True)),
        ("sum over all entries", lambda g, a, b: -(g * a / b ** 2).sum()),
    ],
    "1.2": [
        ("forward differences", differences(lambda f, x, step: f(x + step) - f(x))),
        ("twice what it should be", differences(lambda f, x, step: f(x + step) - f(x - step))),
        ("one number for all", lambda f, x, h: np.full_like(x, (f(x + h) - f(x - h)) / (2 * h))),
        ("of a row are moved together", row_by_row),
        ("still moved: put each back", never_put_back),
        ("still moved down: put each back", left_below),
        ("a second name", two_names_for_one_array),
    ],
    "1.3": [
        ("first part alone", lambda g, y: g * y),
        ("diagonal of J alone", lambda g, y: g * y * (1 - y)),
        ("over all entries", lambda g, y: y * (g - (g * y).sum())),
        ("over the batch", lambda g, y: y * (g - (g * y).sum(axis=0))),
        ("sum of g without y", lambda g, y: y * (g - g.sum(axis=1, keepdims=True))),
    ],
    "1.4": [
        ("order of 1: it accepts a gradient that is 0.1 %", along(everywhere, tolerance=1e-2)),
        ("order of 1e-06: it accepts a gradient that is 0.1 %", along(everywhere, relative=False)),
        ("order of 1: it refuses a right gradient", along(everywhere, h=1e-14)),
        ("an entry forgotten", along(lambda gradient: gradient)),
        ("accepts a gradient that is 0.1 %", lambda f, x, gradient: True),
        ("refuses a right gradient", lambda f, x, gradient: False),
    ],
}
