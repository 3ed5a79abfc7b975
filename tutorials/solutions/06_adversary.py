"""Solutions of notebook 06. Run it in tutorials/ with: python -m solutions.06_adversary"""

import numpy as np

from exercises import check


def best_discriminator(p_target, p_sources):
    return p_target / (p_target + p_sources.sum(axis=0))  # Eq. 4 adds up the sources


check("6.1", best_discriminator)


def adversarial_losses(z, target):
    true = z[target]  # (B, 1)
    sources = np.delete(z, target, axis=0)  # (m - 1, B, 1)
    L_fal = np.logaddexp(0, -sources).sum(axis=0).mean()  # -log D = log(e^0 + e^-z)
    L_tal = (np.logaddexp(0, sources).sum(axis=0) + np.logaddexp(0, -true)).mean()
    return np.array([L_fal, L_tal])


check("6.2", adversarial_losses)


def forces(z, target):
    D = 1 / (1 + np.exp(-z))  # (m, B, 1)
    generators, discriminator = 1 - D, -D  # up and down, for the sources
    generators[target] = 0  # the target does not enter L_fal
    discriminator[target] = 1 - D[target]  # the discriminator wants D to rise at the target
    return np.stack([generators, discriminator]) / z.shape[1]  # means over the batch


check("6.3", forces)


def translate(x_a, x_l):
    order = np.argsort(x_a)  # which utterance is in place i
    rank = np.argsort(order)  # in which place utterance i is
    return np.sort(x_l)[rank]


check("6.4", translate)

# The reversed order, np.sort(x_l)[::-1][rank], has as low a reconstruction loss: a decoder can undo
# it just as easily. The classification loss distinguishes the two. One C serves all modalities
# (D4), so the label has to lie on the same side in each of them.

# The experiment of section 7: theta goes up to 2.21, so it overshoots by 0.21 instead of 0.50. The
# referee turns its slope round sooner, and theta has less time to run past the target.
