"""Exercises of notebook 07, one batch and its updates."""

import numpy as np

from argf_np import nn
from argf_np.paper.joint_embedding_eq1_9 import discriminator_term, fake_adversarial_loss, true_adversarial_loss
from argf_np.nn import ops

from . import compare, exercise, require

n, B, d, k = 2, 5, 4, 7


@exercise("7.1", 9)
def gradient_by_the_logits(answer, rng):
    """The gradient of Eq. 9 by the logits z (3, B, 1)."""
    z, target, lambda_ = 2 * rng.standard_normal((3, B, 1)), 2, 0.3
    fal, tal = (nn.value_and_grad(lambda p, loss=loss: loss(p["z"], target), {"z": z})[1]["z"]
                for loss in (fake_adversarial_loss, true_adversarial_loss))
    right = lambda_ * fal + discriminator_term(tal)
    as_source = np.where(np.arange(3)[:, None, None] == target, right + 0.5 / B, right)  # D instead of D - 1
    compare(answer, (z, target, lambda_), right, {
        "the mean over the batch is missing: each utterance counts 1/B": B * right,
        "the 0.5 of Eq. 9 is missing": lambda_ * fal + tal,
        "the lambda of Eq. 9 is missing": fal + discriminator_term(tal),
        "it looks like the step down the slope: the gradient points up": -right,
        "it looks as if the target were called false: it adds -log D to L_tal, not -log(1 - D)": as_source,
    })


@exercise("7.2")
def pull_back(answer, rng):
    """Gradients (n, d, k) by W of losses whose gradients by tanh(x W) are G (n, B, k)."""
    x, W, G = rng.standard_normal((B, d)), rng.standard_normal((d, k)), rng.standard_normal((n, B, k))
    zero = np.zeros((1, k))
    _, pull = nn.vjp(lambda p: ops.dense_layer({"W": p["W"], "b": zero}, x, "tanh"), {"W": W})
    right = np.stack([pull(g)["W"] for g in G])
    compare(answer, (x, W, G), right, {
        "the derivative of tanh is missing: 1 - tanh^2": x.T @ G,
        "it looks like 1 - (x W)^2: the derivative is 1 - tanh(x W)^2": x.T @ (G * (1 - (x @ W) ** 2)),
        "the losses are added up: each update needs a gradient of its own": right.sum(axis=0),
        "it looks like the mean over the batch: that is in G already, the parts of the utterances add up": right / B,
        "the right numbers, turned: a gradient has the shape of W": right.swapaxes(1, 2),
    })


@exercise("7.3")
def game(answer, rng):
    """Both players after some steps on theta^T A phi, (p + q,)."""
    theta, phi, A, lr, steps = rng.standard_normal(d), rng.standard_normal(k), rng.standard_normal((d, k)), 0.1, 3

    def play(fresh, sign=1):
        one, two = theta, phi
        for _ in range(steps):
            moved = one - lr * A @ two
            one, two = moved, two + sign * lr * (moved if fresh else one) @ A
        return np.concatenate([one, two])

    for fresh in (False, True):
        compare(answer, (theta, phi, A, lr, steps, fresh), play(fresh), {
            "phi makes the product large: it steps up its slope": play(fresh, sign=-1),
            ("fresh: phi sees the theta that has just moved" if fresh else
             "first: phi sees theta as it was before the step"): play(not fresh),
        })


@exercise("7.4")
def without_adversary(answer, rng):
    """A table of updates and lambda."""
    updates, lambda_ = answer()
    updates = {update: set(groups) for update, groups in updates.items()}
    require("discriminator" not in updates, "without an adversary nobody needs to move the discriminator")
    require(lambda_ == 0, f"lambda {lambda_} leaves {'no reconstruction' if lambda_ == 1 else 'L_fal a share'}: Eq. 9 "
            "weighs L_fal by lambda and L_rl by 1 - lambda")
    right = {"embedding": {"encoders", "decoders"}, "classifier": {"classifier"}, "fusion": {"gfn"}}
    for update, groups in right.items():
        require(update in updates, f"the update {update!r} is missing")
        moved = ", ".join(sorted(updates[update]))
        require(updates[update] == groups, f"{update} moves {moved}; read again whom it may")
    require(len(updates) == 3, f"there are three updates, not {', '.join(updates)}")
