r"""The losses: adversarial (Eq. 2 to 4), reconstruction (Eq. 6), classification (Eq. 8), their total (Eq. 9), fusion.

``variant="paper"``: every loss is a mean over the batch of what the paper prints for one sample. ``"released"``: the
sums that the authors' code computes (D2, D3, D5, D7), which makes the balance between the losses depend on the batch.

Each adversarial loss is for one player, the other held fixed: Eq. 3 moves the encoders and Eq. 4 the discriminator.
Eq. 3 is the non-saturating form: it has a gradient where the discriminator is sure of itself.
"""

import autograd.numpy as np

from .equations import equation
from .nn import ops


@equation(2)
def adversarial_loss(L_fal, L_tal):
    r"""Eq. 2: $$ L_{al} = L_{fal}(x_a^e, x_v^e) + L_{tal}(x_l^e, x_a^e, x_v^e) $$ The two are never minimised together:
    encoders descend $L_{fal}$, the discriminator $L_{tal}$."""
    return L_fal + L_tal


@equation(3)
def fake_adversarial_loss(z, target, w=1.0):
    r"""Eq. 3: the source encoders want the discriminator to take their output for the target modality.

    $$ L_{fal} = -w [\log(D(x_a^e)) + \log(D(x_v^e))] $$

    Arguments: z (m, B, 1) logits of `discriminate`, so that $-\log D = softplus(-z)$; target: row of the target
    modality, the others are the sources (D15); w: weight of the adversarial loss (D1).
    Returns the mean over the batch, in nats.
    """
    sources = ops.take_rows(z, _sources(z, target))  # (m - 1, B, 1)
    return w * ops.mean(np.sum(ops.softplus(-sources), axis=0))


@equation(4)
def true_adversarial_loss(z, target, w=1.0):
    r"""Eq. 4: the discriminator wants to call the target modality true and the others false.

    $$ L_{tal} = -w [\log(1 - D(x_a^e)) + \log(1 - D(x_v^e)) + \log(D(x_l^e))] $$

    Arguments as in Eq. 3; $-\log(1 - D) = softplus(z)$. Returns the mean over the batch, in nats.
    """
    sources = ops.take_rows(z, _sources(z, target))  # (m - 1, B, 1)
    true = ops.take_rows(z, [target])  # (1, B, 1)
    return w * ops.mean(np.sum(ops.softplus(sources), axis=0) + np.sum(ops.softplus(-true), axis=0))


def _sources(z, target):
    return [m for m in range(len(z)) if m != target]


@equation(6)
def reconstruction_loss(x_tilde, x, variant="paper"):
    r"""Eq. 6: how far the decoders' output is from their aim.

    $$ L_{rl}(\tilde x_f, x_f) = \sum_m \| \tilde x_m - x_m \|_2, \quad m \in \{v, a, l\} $$

    Arguments: x_tilde, x (m, B, d). Returns the mean over the batch; released: the sum of absolute errors (D2, D3).
    """
    return _distance(x_tilde, x, variant)


@equation(8)
def classification_loss(y_tilde, y, variant="paper"):
    r"""Eq. 8: how far the classifier's probabilities are from the one-hot label.

    $$ L_{cl}(\tilde y, y) = \sum_m \| \tilde y_m - y \|_2 $$

    Arguments: y_tilde (m, B, N) softmax output; y (B, N) one-hot. Returns the mean over the batch; released: the sum of
    absolute errors (D2, D5).
    """
    return _distance(y_tilde, y, variant)


def _distance(prediction, truth, variant):
    error = prediction - truth  # (m, B, width)
    if variant == "released":
        return np.sum(np.abs(error))
    return ops.mean(np.sum(ops.norm(error), axis=0))


@equation(9)
def total_loss(L_fal, L_tal, L_rl, L_cl, lambda_):
    r"""Eq. 9: the loss of the embedding stage, as one number to watch.

    $$ L = [\lambda L_{fal} + (1 - \lambda) L_{rl}] + 0.5 L_{tal} + L_{cl} $$

    No step descends the sum: its three summands belong to the three updates of a batch (D6).
    """
    return embedding_term(L_fal, L_rl, lambda_) + discriminator_term(L_tal) + L_cl


def embedding_term(L_fal, L_rl, lambda_):
    r"""The first summand of Eq. 9, $\lambda L_{fal} + (1 - \lambda) L_{rl}$: moves encoders and decoders."""
    return lambda_ * L_fal + (1 - lambda_) * L_rl


def discriminator_term(L_tal):
    r"""The second summand of Eq. 9, $0.5 L_{tal}$: moves the discriminator (D8).

    Adam divides by the gradient's size, so the 0.5 matters only against weight decay and epsilon.
    """
    return 0.5 * L_tal


def fusion_loss(M, y, variant="paper"):
    r"""Loss of the graph fusion network ("Experimental details"): mean square error between decision and label.

    $$ \frac{1}{B N} \sum_{b, n} (M_{bn} - y_{bn})^2 $$

    Arguments: M (B, N) output of Eq. 16, y (B, N) one-hot. Released: the sum of absolute errors (D7).
    """
    error = M - y
    return np.sum(np.abs(error)) if variant == "released" else ops.mean(error * error)
