"""Typical wrong answers to the exercises of notebook 02.

``{exercise: [(what the hint says, answer), ...]}``
"""

import numpy as np


def back(through, keep_gamma=True, divide_by=1):
    """A wrong answer to 2.2 from through(G, x_hat): all but the factor 1 / s."""

    def answer(g, x, gamma):
        s = np.sqrt(x.var(axis=0) + 1e-5)
        x_hat = (x - x.mean(axis=0)) / s
        G = gamma * g if keep_gamma else g
        return through(G, x_hat) / s ** divide_by

    return answer


def through_mean(G, x_hat):
    return G.mean(axis=0)


def through_s(G, x_hat):
    return x_hat * (G * x_hat).mean(axis=0)


def right_but_for_s(G, x_hat):
    return G - through_mean(G, x_hat) - through_s(G, x_hat)


def sums(G, x_hat):
    return G - G.sum(axis=0) - x_hat * (G * x_hat).sum(axis=0)


def over_units(G, x_hat):
    return G - G.mean(axis=1)[:, None] - x_hat * (G * x_hat).mean(axis=1)[:, None]


def adam(correct_m="t", correct_v="t", root=np.sqrt, old=False, uphill=False):
    """An answer to 2.3 with a slip. correct: the exponent of beta, or None."""

    def correction(beta, exponent, t):
        if exponent is None:
            return 1
        return 1 - beta ** {"t": t, "t - 1": t - 1, "1": 1}[exponent]

    def answer(theta, g, m, v, t, lr, b1, b2):
        if not old:
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g ** 2
        m_hat, v_hat = m / correction(b1, correct_m, t), v / correction(b2, correct_v, t)
        step = lr * m_hat / (root(v_hat) + 1e-8)
        return theta + step if uphill else theta - step

    return answer


def uniform(mean_square):
    """An answer to 2.4 from the variance of W times fan_in."""
    return lambda fan_in, slope: np.sqrt(3 * mean_square(slope) / fan_in)


WRONG = {
    "2.1": [
        ("division by 1 - q is missing", lambda x, q, u: x * (u >= q)),
        ("keeps what it should drop", lambda x, q, u: x * (u < q) / (1 - q)),
        ("takes q for the keep rate", lambda x, q, u: x * (u < q) / q),
        ("divides by q", lambda x, q, u: x * (u >= q) / q),
        ("for evaluation", lambda x, q, u: x * (u >= q) * (1 - q)),
        ("returns nothing", lambda x, q, u: None),
    ],
    "2.2": [
        ("taken as constants", back(lambda G, x_hat: G)),
        ("through s .* is missing", back(lambda G, x_hat: G - through_mean(G, x_hat))),
        ("through the mean .* is missing", back(lambda G, x_hat: G - through_s(G, x_hat))),
        ("gamma is missing", back(right_but_for_s, keep_gamma=False)),
        ("third term has the wrong sign",
         back(lambda G, x_hat: right_but_for_s(G, x_hat) + 2 * through_s(G, x_hat))),
        ("second term has the wrong sign",
         back(lambda G, x_hat: right_but_for_s(G, x_hat) + 2 * through_mean(G, x_hat))),
        ("factor 1 / s is missing", back(right_but_for_s, divide_by=0)),
        ("factor 1 / s too many", back(right_but_for_s, divide_by=2)),
        ("sums over the batch", back(sums)),
        ("means over the units", back(over_units)),
    ],
    "2.3": [
        ("corrections 1 - beta\\^t are missing", adam(None, None)),
        ("only m is corrected", adam("t", None)),
        ("only v is corrected", adam(None, "t")),
        ("1 - beta in place of", adam("1", "1")),
        ("corrections of step t - 1", adam("t - 1", "t - 1")),
        ("root of v is missing", adam(root=lambda v: v)),
        ("uphill", adam(uphill=True)),
        ("m and v of step t - 1", adam(old=True)),
    ],
    "2.4": [
        ("without the activation", uniform(lambda slope: 1)),
        ("this is the variance", lambda fan_in, slope: 2 / ((1 + slope ** 2) * fan_in)),
        ("this is the standard deviation", uniform(lambda slope: 2 / 3 / (1 + slope ** 2))),
        ("changes the mean square by a factor of 1.04", uniform(lambda slope: 2)),
    ],
}
