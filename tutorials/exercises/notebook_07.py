"""Exercises of notebook 07, one batch and its updates."""

import numpy as np

from argf_np import nn
from argf_np.nn import ops
from argf_np.paper.joint_embedding_eq1_9 import (
    discriminator_term,
    fake_adversarial_loss,
    true_adversarial_loss,
)

from . import compare, exercise, require

n, B, d, k = 2, 5, 4, 7


@exercise("7.1", 9)
def gradient_by_the_logits(answer, rng):
    """The gradient of Eq. 9 with respect to the logits z (3, B, 1)."""
    z, target, lambda_ = 2 * rng.standard_normal((3, B, 1)), 2, 0.3

    def gradient_of(loss):
        _, gradient = nn.value_and_grad(lambda tree: loss(tree["z"], target), {"z": z})
        return gradient["z"]

    fal, tal = gradient_of(fake_adversarial_loss), gradient_of(true_adversarial_loss)
    right = lambda_ * fal + discriminator_term(tal)
    is_target = np.arange(3)[:, None, None] == target
    D = ops.sigmoid(z)
    called_false = np.where(is_target, right + 0.5 / B, right)  # D instead of D - 1
    as_source = np.where(is_target, (-lambda_ * (1 - D) + 0.5 * D) / B, right)
    row_1 = (-lambda_ * (1 - D) + 0.5 * D) / B
    row_1[1] = -0.5 * (1 - D[1]) / B
    fal_too = np.where(is_target, right - lambda_ * (1 - D) / B, right)
    compare(answer, (z, target, lambda_), right, {
        "the mean over the batch is missing: each utterance counts 1/B": B * right,
        "it looks like the mean over all logits: Eq. 3 and 4 add up the modalities": right / 3,
        "the 0.5 of Eq. 9 is missing": lambda_ * fal + tal,
        "the 0.5 of Eq. 9 is missing in the row of the target":
            np.where(is_target, 2 * right, right),
        "the target is not always row 1: it is an argument": row_1,
        "the lambda of Eq. 9 is missing": fal + discriminator_term(tal),
        "it looks like the step down the slope: the gradient points up": -right,
        "the target is treated like a source: it enters L_tal as -log D, and L_fal not at all":
            as_source,
        "the target does not enter L_fal: no lambda in its row": fal_too,
        "it looks as if the target were called false: it adds -log D to L_tal, not -log(1 - D)":
            called_false,
    })
    return "and training does not use it: each player follows its own summand"


@exercise("7.2")
def pull_back(answer, rng):
    """Gradients (n, d, k) with respect to W of losses whose gradients after tanh(x W) are G."""
    x, W = rng.standard_normal((B, d)), rng.standard_normal((d, k))
    G = rng.standard_normal((n, B, k))
    zero = np.zeros((1, k))
    x_e, pull = nn.vjp(lambda tree: ops.dense_layer({"W": tree["W"], "b": zero}, x, "tanh"),
                       {"W": W})
    right = np.stack([pull(g)["W"] for g in G])
    compare(answer, (x, W, G), right, {
        "the derivative of tanh is missing: 1 - tanh^2": x.T @ G,
        "it looks like 1 - (x W)^2: the derivative is 1 - tanh(x W)^2":
            x.T @ (G * (1 - (x @ W) ** 2)),
        "it looks like 1 - tanh: the derivative is 1 - tanh^2": x.T @ (G * (1 - x_e)),
        "it looks like (1 - tanh)^2: the square belongs to the tanh alone":
            x.T @ (G * (1 - x_e) ** 2),
        "the losses are added up: each update needs a gradient of its own": right.sum(axis=0),
        "it looks like the mean over the batch: G has it already, so add up the utterances":
            right / B,
        "the right numbers, transposed: a gradient has the shape of W": right.swapaxes(1, 2),
    })
    return "and the forward pass through the encoder was needed only once"


@exercise("7.3")
def game(answer, rng):
    """Both players after some steps on theta^T A phi, (p + q,)."""
    theta, phi = rng.standard_normal(d), rng.standard_normal(k)
    A, lr, steps = rng.standard_normal((d, k)), 0.1, 3

    def play(fresh, sign=1, phi_first=False):
        one, two = theta, phi
        for _ in range(steps):
            if phi_first:
                two = two + lr * one @ A
            moved = one - lr * A @ two
            if not phi_first:
                two = two + sign * lr * (moved if fresh else one) @ A
            one = moved
        return np.concatenate([one, two])

    for fresh in (False, True):
        compare(answer, (theta, phi, A, lr, steps, fresh), play(fresh), {
            "phi makes the product large: it steps up its slope": play(fresh, sign=-1),
            "theta steps first, then phi": play(fresh, phi_first=True),
            ("fresh: phi sees the theta that has just changed" if fresh else
             "first: phi sees theta as it was before the step"): play(not fresh),
        })
    return "and all that distinguishes the two is which theta phi has seen"


@exercise("7.4")
def without_adversary(answer, rng):
    """A table of updates and lambda."""
    table, lambda_ = answer()
    table = {update: {groups} if isinstance(groups, str) else set(groups)
             for update, groups in table.items()}
    require("discriminator" not in table, "without an adversary no update trains a discriminator")
    share = "no reconstruction" if lambda_ == 1 else "L_fal a share"
    require(lambda_ == 0, f"lambda {lambda_} leaves {share}: Eq. 9 weighs L_fal by lambda and L_rl "
            "by 1 - lambda")
    right = {"embedding": {"encoders", "decoders"}, "classifier": {"classifier"},
             "fusion": {"fusion"}}
    for update, groups in right.items():
        require(update in table, f"the update {update!r} is missing")
        trained = ", ".join(sorted(table[update]))
        require(table[update] == groups, f"{update} trains {trained}; read again what it may train")
    require(len(table) == 3, f"there are three updates, not {', '.join(table)}")
    return "and now nothing asks the modalities to be alike"
