r"""Eq. 7, the classifier: ~y_m = C(x_m^e; Theta_c), m in {v, a, l}.

With the layers of Figure 3: batch norm, dropout; dense to k, tanh, dropout; dense to N, softmax.
"""

import math

import numpy as np
import pytest
from helpers import (
    B,
    N,
    assert_alone_in_evaluation,
    assert_close,
    assert_gradient,
    batch_norm,
    dense,
    dropout_masks,
    k,
    shaken,
    softmax,
    times,
    weigh,
)

from argf_np.paper.joint_embedding_eq1_9 import classify, init_classifier

pytestmark = pytest.mark.eq7


@pytest.fixture
def params(rng):
    return shaken(init_classifier(rng, k, N), rng)


@pytest.fixture
def x_e(rng):
    return rng.uniform(-1, 1, (3, B, k))


def classifier(p, batch, masks):
    """C of one modality: B vectors of k numbers to B vectors of N probabilities."""
    h = []
    for row in times(masks[0], batch_norm(p["norm"], batch)):
        h.append([math.tanh(z) for z in dense(p["dense_1"], row)])
    return [softmax(dense(p["dense_2"], row)) for row in times(masks[1], h)]


def test_formula(params, x_e, each_implementation):
    masks = dropout_masks(1, 0.3, (3, B, k), (3, B, k))
    expected = []
    for m in range(3):
        expected.append(classifier(params, x_e[m].tolist(), [mask[m] for mask in masks]))
    assert_close(classify(params, x_e, 0.3, np.random.default_rng(1)), expected)


def test_gradient(params, x_e, rng, each_implementation):
    def function(p):
        return weigh(classify(p["params"], p["x_e"], 0.3, np.random.default_rng(1)))

    assert_gradient(function, {"params": params, "x_e": x_e}, rng)


def test_gives_probabilities(params, x_e):
    y_tilde = classify(params, x_e)
    assert y_tilde.shape == (3, B, N)
    assert (y_tilde > 0).all()
    np.testing.assert_allclose(y_tilde.sum(axis=-1), 1)


def test_order_within_the_batch_does_not_matter(params, x_e, rng):
    order = rng.permutation(B)
    assert_close(classify(params, x_e[:, order]), classify(params, x_e)[:, order])


def test_each_modality_alone(params, x_e):
    """One classifier for all. No modality sees another, not even in the batch statistics."""
    y_tilde = classify(params, x_e)
    for m in range(3):
        assert_close(classify(params, x_e[[m]])[0], y_tilde[m])


def test_in_evaluation_an_utterance_does_not_depend_on_the_others(params, x_e):
    assert_alone_in_evaluation(classify, params, x_e)
