r"""Eq. 9, total loss: L = [lambda L_fal + (1 - lambda) L_rl] + 0.5 L_tal + L_cl."""

import math

import numpy as np
import pytest
from helpers import assert_gradient

from argf_np.paper.joint_embedding_eq1_9 import discriminator_term, embedding_term, total_loss

pytestmark = pytest.mark.eq9
L_fal, L_tal, L_rl, L_cl, lambda_ = 1.3, 2.1, 3.7, 0.9, 0.2


def test_formula():
    expected = (lambda_ * L_fal + (1 - lambda_) * L_rl) + 0.5 * L_tal + L_cl
    assert math.isclose(total_loss(L_fal, L_tal, L_rl, L_cl, lambda_), expected, rel_tol=1e-15)


def test_gradient(rng):
    values = {"L_fal": L_fal, "L_tal": L_tal, "L_rl": L_rl, "L_cl": L_cl, "lambda_": lambda_}
    params = {name: np.array(value) for name, value in values.items()}
    assert_gradient(lambda p: total_loss(**p), params, rng)


def test_lambda_chooses_between_deceiving_and_reconstructing():
    assert embedding_term(L_fal, L_rl, 0) == L_rl
    assert embedding_term(L_fal, L_rl, 1) == L_fal
    assert embedding_term(L_rl, L_rl, lambda_) == pytest.approx(L_rl)


def test_is_the_sum_of_what_the_three_updates_descend():
    terms = embedding_term(L_fal, L_rl, lambda_), discriminator_term(L_tal), L_cl
    assert terms == pytest.approx((3.22, 1.05, 0.9))
    assert total_loss(L_fal, L_tal, L_rl, L_cl, lambda_) == pytest.approx(5.17)
