"""Typical wrong answers to the exercises of notebook 06.

``WRONG`` is ``{exercise: [(what the hint says, answer), ...]}``.
"""

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


def saturating(z, target):
    sources = np.delete(z, target, axis=0)
    return np.array([-softplus(sources).sum(axis=0).mean(), losses(z, target)[1]])


def forces(z, target, at_target=0.0, fake=lambda D: 1 - D):
    D = 1 / (1 + np.exp(-z))
    generators, discriminator = fake(D), -D
    generators[target] = at_target * (1 - D[target])
    discriminator[target] = 1 - D[target]
    return np.stack([generators, discriminator]) / z.shape[1]


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
        ("is inf", from_probabilities),
        ("is an argument", lambda z, target: losses(z, 1)),
        ("are averaged", lambda z, target: losses(z, target, np.mean)),
        ("sum over the batch", lambda z, target: z.shape[1] * losses(z, target)),
    ],
    "6.3": [
        ("these are the gradients", lambda z, target: -forces(z, target)),
        ("does not enter L_fal", lambda z, target: forces(z, target, at_target=1)),
        ("1/B is missing", lambda z, target: z.shape[1] * forces(z, target)),
        ("saturating form", lambda z, target: forces(z, target, fake=lambda D: 1 * D)),
        ("generators come first", lambda z, target: forces(z, target)[::-1]),
    ],
    "6.4": [
        ("argsort of argsort", lambda x_a, x_l: np.sort(x_l)[np.argsort(x_a)]),
        ("in order before", lambda x_a, x_l: x_l[np.argsort(np.argsort(x_a))]),
        ("order of x_a is lost", lambda x_a, x_l: np.sort(x_l)),
        ("other way round", lambda x_a, x_l: np.sort(x_l)[::-1][np.argsort(np.argsort(x_a))]),
    ],
}
