"""Typical wrong answers of notebook 06: ``{exercise: [(what the hint says, answer), ...]}``."""

import numpy as np


def softplus(z):
    return np.logaddexp(0, z)


def losses(z, target, over_sources=np.sum):
    sources = np.delete(z, target, axis=0)
    fake, true = over_sources(softplus(-sources), axis=0), over_sources(softplus(sources), axis=0)
    return np.array([fake.mean(), (true + softplus(-z[target])).mean()])


def from_probabilities(z, target):
    with np.errstate(divide="ignore", over="ignore"):
        D = 1 / (1 + np.exp(-z))
        sources = np.delete(D, target, axis=0)
        return -np.array([np.log(sources).sum(axis=0).mean(),
                          (np.log(1 - sources).sum(axis=0) + np.log(D[target])).mean()])


def overflowing(z, target):
    with np.errstate(over="ignore"):
        sources = np.delete(z, target, axis=0)
        fake = np.log(1 + np.exp(-sources)).sum(axis=0)
        true = np.log(1 + np.exp(sources)).sum(axis=0) + np.log(1 + np.exp(-z[target]))
    return np.array([fake.mean(), true.mean()])


def without_target(z, target):
    L_fal, L_tal = losses(z, target)
    return np.array([L_fal, L_tal - softplus(-z[target]).mean()])


def clipped(z, target):
    D = np.clip(1 / (1 + np.exp(-np.clip(z, -700, 700))), 1e-12, 1 - 1e-12)
    return from_probabilities(np.log(D / (1 - D)), target)


def with_target(z, target):
    L_fal, L_tal = losses(z, target)
    return np.array([L_fal + softplus(-z[target]).mean(), L_tal])


def saturating(z, target):
    sources = np.delete(z, target, axis=0)
    return np.array([-softplus(sources).sum(axis=0).mean(), losses(z, target)[1]])


def forces(z, target, at_target=0.0, fake=lambda D: 1 - D):
    D = 1 / (1 + np.exp(-z))
    generators, discriminator = fake(D), -D
    generators[target] = at_target * (1 - D[target])
    discriminator[target] = 1 - D[target]
    return np.stack([generators, discriminator]) / z.shape[1]


def target_called_false(z, target):
    result = forces(z, target)
    result[1, target] = -1 / (1 + np.exp(-z[target])) / z.shape[1]
    return result


def target_left_out(z, target):
    result = forces(z, target)
    result[1, target] = 0
    return result


def only_three(z, target):
    result = np.zeros((2, *z.shape))
    result[:, :3] = forces(z, target)[:, :3]
    return result


WRONG = {
    "6.1": [
        ("mean of the sources", lambda p_t, p_s: p_t / (p_t + p_s.mean(axis=0))),
        ("share of the sources", lambda p_t, p_s: p_s.sum(axis=0) / (p_t + p_s.sum(axis=0))),
        ("odds", lambda p_t, p_s: p_t / p_s.sum(axis=0)),
        ("sees them all", lambda p_t, p_s: p_t / (p_t + p_s)),
    ],
    "6.2": [
        ("L_fal first", lambda z, target: losses(z, target)[::-1]),
        ("are exchanged", lambda z, target: losses(-z, target)),
        ("saturating form", saturating),
        ("infinite or NaN", from_probabilities),
        ("infinite or NaN", overflowing),
        ("no summand for the target", without_target),
        ("right for small logits", clipped),
        ("summand for the target", with_target),
        ("is an argument", lambda z, target: losses(z, 1)),
        ("are averaged", lambda z, target: losses(z, target, np.mean)),
        ("sum over the batch", lambda z, target: z.shape[1] * losses(z, target)),
        ("here there are four", lambda z, target: losses(z[:3], target)),
    ],
    "6.3": [
        ("these are the gradients", lambda z, target: -forces(z, target)),
        ("does not enter L_fal", lambda z, target: forces(z, target, at_target=1)),
        ("1/B is missing", lambda z, target: z.shape[1] * forces(z, target)),
        ("call the target true", target_called_false),
        ("saturating form", lambda z, target: forces(z, target, fake=lambda D: 1 * D)),
        ("generators come first", lambda z, target: forces(z, target)[::-1]),
        ("minus D for each", lambda z, target: np.abs(forces(z, target))),
        ("pulls its logit up", target_left_out),
        ("mean over all logits", lambda z, target: forces(z, target) / len(z)),
        ("one by one", lambda z, target: forces(z, target).sum(axis=0)),
        ("here there are four", only_three),
    ],
    "6.4": [
        ("argsort of argsort", lambda x_a, x_l: np.sort(x_l)[np.argsort(x_a)]),
        ("in order before", lambda x_a, x_l: x_l[np.argsort(np.argsort(x_a))]),
        ("order of x_a is lost", lambda x_a, x_l: np.sort(x_l)),
        ("other way round", lambda x_a, x_l: np.sort(x_l)[::-1][np.argsort(np.argsort(x_a))]),
    ],
}
