"""Typical wrong answers to the exercises of notebook 02.

``WRONG`` is ``{exercise: [(what the hint says, answer), ...]}``.
"""

import numpy as np


def normed(x):
    """x_hat and the standard deviation of a batch."""
    s = np.sqrt(x.var(axis=0) + 1e-5)
    return (x - x.mean(axis=0)) / s, s


def back(through):
    """A wrong answer to 2.2 from through(G, x_hat): all but the division by s."""

    def answer(g, x, gamma):
        x_hat, s = normed(x)
        return through(gamma * g, x_hat) / s

    return answer


def centred(G, x_hat):
    """The right answer but for gamma and the division by s."""
    return G - G.mean(axis=0) - x_hat * (G * x_hat).mean(axis=0)


def adam(theta, g, m, v, t, lr, b1, b2, correct_m=True, correct_v=True, root=np.sqrt):
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g ** 2
    m_hat, v_hat = m / (1 - b1 ** t if correct_m else 1), v / (1 - b2 ** t if correct_v else 1)
    return theta - lr * m_hat / (root(v_hat) + 1e-8)


def adam_with_corrections_of_the_step_before(theta, g, m, v, t, lr, b1, b2):
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g ** 2
    return theta - lr * m / (1 - b1 ** (t - 1)) / np.sqrt(v / (1 - b2 ** (t - 1)))


def adam_with_moments_of_the_step_before(theta, g, m, v, t, lr, b1, b2):
    return theta - lr * m / (1 - b1 ** t) / np.sqrt(v / (1 - b2 ** t))


WRONG = {
    "2.1": [
        ("division by 1 - p is missing", lambda x, p, u: x * (u >= p)),
        ("keeps what it should drop", lambda x, p, u: x * (u < p) / (1 - p)),
        ("takes p for the keep rate", lambda x, p, u: x * (u < p) / p),
        ("divides by p", lambda x, p, u: x * (u >= p) / p),
        ("for evaluation", lambda x, p, u: x * (u >= p) * (1 - p)),
        ("returns nothing", lambda x, p, u: None),
    ],
    "2.2": [
        ("taken as constants", back(lambda G, x_hat: G)),
        ("through the variance is missing", back(lambda G, x_hat: G - G.mean(axis=0))),
        ("through the mean is missing",
         back(lambda G, x_hat: G - x_hat * (G * x_hat).mean(axis=0))),
        ("gamma is missing", lambda g, x, gamma: back(centred)(g, x, 1)),
        ("sums over the batch",
         back(lambda G, x_hat: G - G.sum(axis=0) - x_hat * (G * x_hat).sum(axis=0))),
        ("means over the units", back(lambda G, x_hat: centred(G.T, x_hat.T).T)),
    ],
    "2.3": [
        ("corrections 1 - beta\\^t are missing",
         lambda *a: adam(*a, correct_m=False, correct_v=False)),
        ("only m is corrected", lambda *a: adam(*a, correct_v=False)),
        ("only v is corrected", lambda *a: adam(*a, correct_m=False)),
        ("root of v is missing", lambda *a: adam(*a, root=lambda v: v)),
        ("uphill", lambda theta, *a: 2 * theta - adam(theta, *a)),
        ("corrections of step t - 1", adam_with_corrections_of_the_step_before),
        ("m and v of step t - 1", adam_with_moments_of_the_step_before),
    ],
    "2.4": [
        ("without the activation", lambda fan_in, slope: np.sqrt(3 / fan_in)),
        ("this is the variance", lambda fan_in, slope: 2 / ((1 + slope ** 2) * fan_in)),
        ("this is the standard deviation",
         lambda fan_in, slope: np.sqrt(2 / ((1 + slope ** 2) * fan_in))),
        ("changes the mean square by a factor of 1.04", lambda fan_in, slope: np.sqrt(6 / fan_in)),
    ],
}
