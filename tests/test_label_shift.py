"""Label shift: the iteration as a loop, its fixed point, and what it recovers where the truth is known."""

import numpy as np
import pytest

from argf_np.label_shift import STEPS, TOLERANCE, adapt

PRIOR = np.array([0.5, 0.3, 0.2])


def gaussians(rng, shares, n):
    """Exact posteriors (n, 3) under `PRIOR` of points around three centres, drawn with other shares; and the labels."""
    centres = np.array([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5]])
    labels = rng.choice(3, size=n, p=shares)
    points = centres[labels] + rng.standard_normal((n, 2))
    likelihood = np.exp(-0.5 * np.sum((points[:, None] - centres) ** 2, axis=2))
    joint = likelihood * PRIOR
    return joint / joint.sum(axis=1, keepdims=True), labels


def test_equals_the_formula_number_by_number(rng):
    p, _ = gaussians(rng, [0.2, 0.2, 0.6], 30)
    q, r = PRIOR.tolist(), np.zeros((30, 3))
    for _ in range(STEPS):
        for i in range(30):
            total = sum(p[i, c] * q[c] / PRIOR[c] for c in range(3))
            for c in range(3):
                r[i, c] = p[i, c] * q[c] / PRIOR[c] / total
        before, q = q, [sum(r[i, c] for i in range(30)) / 30 for c in range(3)]
        if max(abs(q[c] - before[c]) for c in range(3)) < TOLERANCE:
            break
    np.testing.assert_allclose(adapt(p, PRIOR), r, rtol=0, atol=1e-12)


def test_where_it_stops_it_would_stay(rng):
    """The shares of what it returns are those that it was computed with: a maximum of the likelihood."""
    p, _ = gaussians(rng, [0.2, 0.2, 0.6], 400)
    q = adapt(p, PRIOR).mean(axis=0)
    again = p * q / PRIOR
    np.testing.assert_allclose((again / again.sum(axis=1, keepdims=True)).mean(axis=0), q, rtol=0, atol=2 * TOLERANCE)


@pytest.mark.parametrize("shares", [[0.1, 0.1, 0.8], [0.05, 0.9, 0.05], [0.5, 0.3, 0.2]], ids=str)
def test_recovers_the_shares_of_exact_posteriors(shares, rng):
    """Of 20,000 points, within 0.02; so it is right more often where they differ, and as often where they do not."""
    p, labels = gaussians(rng, shares, 20_000)
    adapted = adapt(p, PRIOR)
    np.testing.assert_allclose(adapted.mean(axis=0), shares, atol=0.02)
    gain = np.mean(adapted.argmax(axis=1) == labels) - np.mean(p.argmax(axis=1) == labels)
    assert gain > 0.05 if shares != PRIOR.tolist() else abs(gain) < 0.005


def test_rows_stay_probabilities_in_their_order_and_type(rng):
    p, _ = gaussians(rng, [0.2, 0.2, 0.6], 50)
    order = rng.permutation(50)
    adapted = adapt(p.astype("float32"), PRIOR.astype("float32"))
    assert adapted.dtype == "float32"
    np.testing.assert_allclose(adapted.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(adapt(p[order], PRIOR), adapt(p, PRIOR)[order], atol=1e-9)


def test_certain_predictions_stay(rng):
    p = np.eye(3)[rng.integers(3, size=20)]
    np.testing.assert_array_equal(adapt(p, PRIOR), p)
