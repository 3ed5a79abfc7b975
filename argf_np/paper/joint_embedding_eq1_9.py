r"""The joint embedding space ("Joint Embedding Space Learning"), Eq. 1 to 9 in printed order.

Encoders (Eq. 1) map every modality into one space. There, a discriminator judges whether a vector
comes from the target modality, and the other encoders learn to deceive it (Eq. 2 to 4). Decoders
(Eq. 5, 6) keep what was said, and a classifier (Eq. 7, 8) keeps the classes apart.

The encoders are m networks of one shape. They are kept as a bank: every weight has the modality as
its first axis. So are the decoders. The discriminator and the classifier are one network each,
shared by all modalities (D4). The layer sizes are those of Figure 3.

``rng=None`` means no dropout: evaluation. ``variant="paper"``: each loss is the mean over the batch
of what the paper prints for one sample. ``"released"``: Eq. 6 and 8 are the sums of the authors'
code (D2, D3, D5). The adversarial losses stay means, so the balance between the losses depends on
the batch size.
"""

import autograd.numpy as np

from .. import nn
from ..nn import ops


def init_encoders(rng, modalities, d, k):
    """Parameters of the encoders (Figure 3), a bank of networks d -> 10d -> 10k -> k -> k."""
    bank = (modalities,)
    return {
        "dense_1": nn.init_dense(rng, d, 10 * d, bank=bank, norm=True),
        "dense_2": nn.init_dense(rng, 10 * d, 10 * k, bank=bank, norm=True),
        "dense_3": nn.init_dense(rng, 10 * k, k, bank=bank, norm=True),
        "dense_4": nn.init_dense(rng, k, k, bank=bank),
    }


def encode(params, x, drop_rate=0.0, rng=None):
    r"""Eq. 1: draw the encoded representations of a batch from the transformed distributions.

    $$ p_{\theta_m}(x_m^e) = \int_{x_m} q(x_m^e | x_m, \theta_m) p(x_m) dx_m $$

    The encoder function q puts all its mass on $E_m(x_m)$. Encoding samples of $p(x_m)$ therefore
    gives samples of $p_{\theta_m}(x_m^e)$. Layers: three times dense, dropout, batch norm, leaky
    ReLU 0.01; then dense, tanh.

    Arguments
        - params: of `init_encoders`.
        - x (m, B, d): standardised features or outputs of a UCLN, without unit.
    Returns $x^e$ (m, B, k), each entry in (-1, 1).
    """
    h = ops.dense_layer(params["dense_1"], x, "leaky_relu_0.01", drop_rate, rng)  # (m, B, 10d)
    h = ops.dense_layer(params["dense_2"], h, "leaky_relu_0.01", drop_rate, rng)  # (m, B, 10k)
    h = ops.dense_layer(params["dense_3"], h, "leaky_relu_0.01", drop_rate, rng)  # (m, B, k)
    return ops.dense_layer(params["dense_4"], h, "tanh")  # (m, B, k)


def init_discriminator(rng, k):
    """Parameters of the discriminator D (Figure 3): k -> 64 -> 16 -> 1."""
    return {
        "dense_1": nn.init_dense(rng, k, 64),
        "dense_2": nn.init_dense(rng, 64, 16),
        "dense_3": nn.init_dense(rng, 16, 1),
    }


def discriminate(params, x_e):
    r"""The discriminator: how sure D is that each vector comes from the target modality.

    Layers: dense, leaky ReLU 0.2; dense, tanh; dense. The sigmoid comes with the losses: Eq. 3 and
    4 start from the logits, since the logarithm of a saturated sigmoid would be infinite.

    Arguments
        - params: of `init_discriminator`.
        - x_e (m, B, k): output of `encode`.
    Returns the logits z (m, B, 1), with $D(x_m^e) = \mathrm{sigmoid}(z_m)$.
    """
    h = ops.dense_layer(params["dense_1"], x_e, "leaky_relu_0.2")  # (m, B, 64)
    h = ops.dense_layer(params["dense_2"], h, "tanh")  # (m, B, 16)
    return ops.dense_layer(params["dense_3"], h, "identity")  # (m, B, 1)


def adversarial_loss(L_fal, L_tal):
    r"""Eq. 2: the adversarial loss, as one number to watch.

    $$ L_{al} = L_{fal}(x_a^e, x_v^e) + L_{tal}(x_l^e, x_a^e, x_v^e) $$

    No update descends this sum: the encoders descend $L_{fal}$, the discriminator $L_{tal}$.
    """
    return L_fal + L_tal


def fake_adversarial_loss(z, target, w=1.0):
    r"""Eq. 3: the source encoders want D to take their output for the target modality.

    $$ L_{fal} = -w [\log(D(x_a^e)) + \log(D(x_v^e))] $$

    The encoders descend it while D stays fixed. This is the non-saturating form: its gradient does
    not vanish where D is sure that a vector is a source.

    Arguments
        - z (m, B, 1): logits of `discriminate`; $-\log D$ is softplus(-z).
        - target: index of the target modality; the other modalities are the sources (D15).
        - w: weight of the adversarial loss (D1).
    Returns the mean over the batch, in nats.
    """
    sources = ops.take_rows(z, _sources(z, target))  # (m - 1, B, 1)
    per_sample = np.sum(ops.softplus(-sources), axis=0)  # (B, 1)
    return w * ops.mean(per_sample)


def true_adversarial_loss(z, target, w=1.0):
    r"""Eq. 4: the discriminator wants to call the target modality true and the sources false.

    $$ L_{tal} = -w [\log(1 - D(x_a^e)) + \log(1 - D(x_v^e)) + \log(D(x_l^e))] $$

    The discriminator descends it while the encoders stay fixed.

    Arguments: as in Eq. 3; $-\log(1 - D)$ is softplus(z).
    Returns the mean over the batch, in nats.
    """
    sources = ops.take_rows(z, _sources(z, target))  # (m - 1, B, 1)
    true = ops.take_rows(z, [target])  # (1, B, 1)
    called_false = np.sum(ops.softplus(sources), axis=0)  # (B, 1)
    called_true = np.sum(ops.softplus(-true), axis=0)  # (B, 1)
    return w * ops.mean(called_false + called_true)


def _sources(z, target):
    return [m for m in range(len(z)) if m != target]


def init_decoders(rng, modalities, d, k):
    """Parameters of the decoders (Figure 3), a bank of networks k -> 512 -> 64 -> d."""
    bank = (modalities,)
    return {
        "dense_1": nn.init_dense(rng, k, 512, bank=bank),
        "dense_2": nn.init_dense(rng, 512, 64, bank=bank, norm=True),
        "dense_3": nn.init_dense(rng, 64, d, bank=bank),
    }


def decode(params, x_e, drop_rate=0.0, rng=None):
    r"""Eq. 5: draw the reconstructions of a batch.

    $$ p_{\theta_{dm}}(\tilde x_m) = \int_{x_m^e} q(\tilde x_m | x_m^e, \theta_{dm})
       p_{\theta_m}(x_m^e) dx_m^e $$

    As in Eq. 1, q puts all its mass on the output of the decoder. Layers: dense, dropout, leaky
    ReLU 0.2; dense, dropout, batch norm, leaky ReLU 0.2; dense, tanh.

    Arguments
        - params: of `init_decoders`.
        - x_e (m, B, k): output of `encode`.
    Returns $\tilde x$ (m, B, d), each entry in (-1, 1).
    """
    h = ops.dense_layer(params["dense_1"], x_e, "leaky_relu_0.2", drop_rate, rng)  # (m, B, 512)
    h = ops.dense_layer(params["dense_2"], h, "leaky_relu_0.2", drop_rate, rng)  # (m, B, 64)
    return ops.dense_layer(params["dense_3"], h, "tanh")  # (m, B, d)


def reconstruction_loss(x_tilde, x, variant="paper"):
    r"""Eq. 6: how far the reconstructions are from the features.

    $$ L_{rl}(\tilde x_f, x_f) = \sum_m \| \tilde x_m - x_m \|_2, \quad m \in \{v, a, l\} $$

    Arguments
        - x_tilde (m, B, d): output of `decode`.
        - x (m, B, d): input of `encode`.
    Returns the mean over the batch; released: the sum of absolute errors (D2, D3).
    """
    return _distance(x_tilde, x, variant)


def init_classifier(rng, k, N):
    """Parameters of the classifier C (Figure 3): k -> k -> N."""
    return {
        "norm": nn.init_batch_norm(k),
        "dense_1": nn.init_dense(rng, k, k),
        "dense_2": nn.init_dense(rng, k, N),
    }


def classify(params, x_e, drop_rate=0.0, rng=None):
    r"""Eq. 7: the label, predicted from the encoded representation of each modality alone.

    $$ \tilde y_m = C(x_m^e; \Theta_c), \quad m \in \{v, a, l\} $$

    The paper gives C the domain $R^{3k}$, but applies it to one modality; here its domain is $R^k$
    (D4). Each modality is normalised by its own batch statistics. Layers: batch norm, dropout,
    dense, tanh, dropout, dense, softmax.

    Arguments
        - params: of `init_classifier`.
        - x_e (m, B, k): output of `encode`.
    Returns the probabilities $\tilde y$ (m, B, N).
    """
    h = ops.dropout(ops.batch_norm(params["norm"], x_e), drop_rate, rng)  # (m, B, k)
    h = ops.dropout(ops.dense_layer(params["dense_1"], h, "tanh"), drop_rate, rng)  # (m, B, k)
    return ops.dense_layer(params["dense_2"], h, "softmax")  # (m, B, N)


def classification_loss(y_tilde, y, variant="paper"):
    r"""Eq. 8: how far the classifier's probabilities are from the one-hot label.

    $$ L_{cl}(\tilde y, y) = \sum_m \| \tilde y_m - y \|_2 $$

    Arguments
        - y_tilde (m, B, N): output of `classify`.
        - y (B, N): one-hot labels.
    Returns the mean over the batch; released: the sum of absolute errors (D2, D5).
    """
    return _distance(y_tilde, y, variant)


def _distance(prediction, truth, variant):
    error = prediction - truth  # (m, B, width)
    if variant == "released":
        return np.sum(np.abs(error))
    per_sample = np.sum(ops.norm(error), axis=0)  # (B,)
    return ops.mean(per_sample)


def total_loss(L_fal, L_tal, L_rl, L_cl, lambda_):
    r"""Eq. 9: the loss of the embedding stage, as one number to watch.

    $$ L = [\lambda L_{fal} + (1 - \lambda) L_{rl}] + 0.5 L_{tal} + L_{cl} $$

    No update descends the sum: its three summands belong to three updates of a batch (D6).
    """
    return embedding_term(L_fal, L_rl, lambda_) + discriminator_term(L_tal) + L_cl


def embedding_term(L_fal, L_rl, lambda_):
    r"""First summand of Eq. 9, $\lambda L_{fal} + (1 - \lambda) L_{rl}$: encoders, decoders."""
    return lambda_ * L_fal + (1 - lambda_) * L_rl


def discriminator_term(L_tal):
    r"""Second summand of Eq. 9, $0.5 L_{tal}$: the discriminator (D8).

    Adam divides by the size of the gradient. The 0.5 therefore matters only through weight decay
    and Adam's epsilon.
    """
    return 0.5 * L_tal
