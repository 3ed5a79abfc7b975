"""Exercises of notebook 06, the adversary."""

import numpy as np

from argf_np import nn
from argf_np.nn import ops
from argf_np.paper.joint_embedding_eq1_9 import fake_adversarial_loss, true_adversarial_loss

from . import compare, exercise, require

m, B = 4, 5


@exercise("6.1", 4)
def best_discriminator(answer, rng):
    """D* (n,) from the densities of the target (n,) and of the sources (s, n)."""
    target, sources = rng.uniform(0.1, 1, 6), rng.uniform(0.1, 1, (3, 6))
    right = target / (target + sources.sum(axis=0))
    compare(answer, (target, sources), right, {
        "it looks like the mean of the sources: Eq. 4 has a summand for each of them":
            target / (target + sources.mean(axis=0)),
        "it looks like the share of the sources: D is to be sure of the target": 1 - right,
        "it looks like the odds p_t / p_s, which can be above 1": target / sources.sum(axis=0),
        "one D* per source: there is one discriminator, and it sees them all":
            target / (target + sources),
    })
    return "and if none of s sources can be distinguished from the target, it is 1 / (s + 1)"


def _both(z, target):
    return np.array([fake_adversarial_loss(z, target), true_adversarial_loss(z, target)])


@exercise("6.2", 3, 4)
def adversarial_losses(answer, rng):
    """[L_fal, L_tal] from logits z (m, B, 1), some of them enormous."""
    z, target = 3 * rng.standard_normal((m, B, 1)), 2
    z[0, 1], z[target, 3] = 1000, -800
    right = _both(z, target)
    sources = np.delete(z, target, axis=0)
    saturating = -np.mean(ops.softplus(sources).sum(axis=0))
    averaged = right[0] / (m - 1), ops.softplus(sources).mean() + ops.softplus(-z[target]).mean()
    with_target = right[0] + ops.softplus(-z[target]).mean()

    def finite(z, target):
        result = answer(z, target)
        require(result is None or np.isfinite(result).all(),
                "a loss is infinite or NaN: at z = 1000 the sigmoid is exactly 1 and e^z is "
                "infinite, so neither log(1 - D) nor log(1 + e^z) works as it stands; "
                "np.logaddexp(0, z) is log(e^0 + e^z) without overflow")
        mild = np.clip(z, -3, 3)
        if np.shape(result) == (2,) and np.allclose(answer(mild, target), _both(mild, target)):
            require(np.allclose(result, right),
                    "right for small logits, but not for enormous ones: where D is kept away from "
                    "0 and 1, an answer that is sure and wrong costs too little; start from z")
        return result

    compare(finite, (z, target), right, {
        "the right numbers in the wrong order: L_fal first": right[::-1],
        "true and false are exchanged, or the sign of z is wrong": _both(-z, target),
        "L_fal looks like the saturating form, log(1 - D): Eq. 3 is -log D":
            np.array([saturating, right[1]]),
        "L_fal has a summand for the target: Eq. 3 has the sources alone":
            np.array([with_target, right[1]]),
        "L_tal has no summand for the target: Eq. 4 has log D of it":
            np.array([right[0], ops.softplus(sources).sum(axis=0).mean()]),
        "the target is not always row 1: it is an argument": _both(z, 1),
        "the sources are averaged: Eq. 3 and 4 add them up": np.array(averaged),
        "it looks like the sum over the batch: the loss is a mean": B * right,
        "the first three modalities are there: here there are four": _both(z[:3], target),
    })
    return "and an answer that is sure and wrong costs about |z|, however large z is"


@exercise("6.3", 2)
def forces(answer, rng):
    """Minus the gradients (2, m, B, 1) of L_fal and L_tal with respect to the logits z."""
    z, target = rng.standard_normal((m, B, 1)), 2

    def force(loss):
        _, gradient = nn.value_and_grad(lambda tree: loss(tree["z"], target), {"z": z})
        return -gradient["z"]

    right = np.stack([force(fake_adversarial_loss), force(true_adversarial_loss)])
    D = ops.sigmoid(z)
    for_target = right.copy()
    for_target[0, target] = (1 - D[target]) / B
    as_source = right.copy()
    as_source[1, target] = -D[target] / B
    saturating = right.copy()
    saturating[0] = np.where(right[0] == 0, 0, D / B)
    upwards = right.copy()
    upwards[1] = np.abs(right[1])
    without_target = right.copy()
    without_target[1, target] = 0
    together = right.sum(axis=0)
    first_three = right.copy()
    first_three[:, 3:] = 0
    compare(answer, (z, target), right, {
        "these are the gradients: a force goes down the loss": -right,
        "the target does not enter L_fal: its encoder is not pulled": for_target,
        "the discriminator wants to call the target true: it pulls its logit up, with 1 - D":
            as_source,
        "the 1/B is missing: the losses are means over the batch": B * right,
        "the generators' force looks like that of the saturating form, D: it is 1 - D": saturating,
        "the right numbers in the wrong order: the generators come first": right[::-1],
        "the discriminator pulls the sources down: minus D for each of them": upwards,
        "the target enters L_tal as -log D: the discriminator pulls its logit up": without_target,
        "it looks like the mean over all logits: Eq. 3 and 4 add up the modalities": right / m,
        "these are the forces of the sum, Eq. 2: return those of the two players one by one":
            together,
        "the first three modalities have their forces: here there are four": first_three,
    })
    return "and on a source they add up to (1 - 2 D) / B, which is 0 at D = 1/2"


@exercise("6.4")
def translate(answer, rng):
    """For each x_a (n,) the x_l of the same rank."""
    x_a, x_l = rng.standard_normal((2, 9))
    ranks = x_a.argsort().argsort()
    compare(answer, (x_a, x_l), np.sort(x_l)[ranks], {
        "argsort says who is in place i; you need the place in which i is: argsort of argsort":
            np.sort(x_l)[x_a.argsort()],
        "x_l has to be in order before you count": x_l[ranks],
        "the order of x_a is lost: entry i of the result belongs to entry i of x_a": np.sort(x_l),
        "it is the other way round: the smallest x_a gets the largest x_l":
            np.sort(x_l)[::-1][ranks],
    })
    return "and no discriminator can tell whether the translation is a good one"
