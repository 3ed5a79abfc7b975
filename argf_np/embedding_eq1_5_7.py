r"""The joint embedding space: encoders (Eq. 1), decoders (Eq. 5), classifier (Eq. 7) and discriminator.

A modality is a row: arrays have the modalities a, l, v in that order along their first axis, so that ``x[1]`` is
$x_l$. The encoders are three networks of one shape, kept as one bank; likewise the decoders. The discriminator and the
classifier are one network each, which every modality passes through (D4). Layer sizes: Figure 3.

Symbols: d width of the input features, k width of the embedding, N classes, B utterances of a batch, m = 3 modalities.
``rng=None`` means no dropout: evaluation.
"""

from . import nn
from .equations import equation
from .nn import ops


def init_encoders(rng, modalities, d, k):
    """Parameters of the encoders (Figure 3), a bank of ``modalities`` networks d -> 10d -> 10k -> k -> k."""
    bank = (modalities,)
    return {
        "dense_1": nn.init_dense(rng, d, 10 * d, bank=bank, norm=True),
        "dense_2": nn.init_dense(rng, 10 * d, 10 * k, bank=bank, norm=True),
        "dense_3": nn.init_dense(rng, 10 * k, k, bank=bank, norm=True),
        "dense_4": nn.init_dense(rng, k, k, bank=bank),
    }


@equation(1)
def encode(params, x, drop_rate=0.0, rng=None):
    r"""Eq. 1: draw the encoded representations of a batch from the transformed distributions.

    $$ p_{\theta_m}(x_m^e) = \int_{x_m} q(x_m^e | x_m, \theta_m) p(x_m) dx_m $$

    The encoder function q puts all its mass on $E_m(x_m)$, so encoding samples of $p(x_m)$ gives samples of
    $p_{\theta_m}(x_m^e)$. Layers: [dense, dropout, batch norm, leaky ReLU 0.01] three times, then dense and tanh.

    Arguments: params of `init_encoders`; x (m, B, d), unitless standardised features.
    Returns $x^e$ (m, B, k), each entry in (-1, 1).
    """
    h = ops.dense_layer(params["dense_1"], x, "leaky_relu_0.01", drop_rate, rng)  # (m, B, 10d)
    h = ops.dense_layer(params["dense_2"], h, "leaky_relu_0.01", drop_rate, rng)  # (m, B, 10k)
    h = ops.dense_layer(params["dense_3"], h, "leaky_relu_0.01", drop_rate, rng)  # (m, B, k)
    return ops.dense_layer(params["dense_4"], h, "tanh")


def init_decoders(rng, modalities, d, k):
    """Parameters of the decoders (Figure 3), a bank of ``modalities`` networks k -> 512 -> 64 -> d."""
    bank = (modalities,)
    return {
        "dense_1": nn.init_dense(rng, k, 512, bank=bank),
        "dense_2": nn.init_dense(rng, 512, 64, bank=bank, norm=True),
        "dense_3": nn.init_dense(rng, 64, d, bank=bank),
    }


@equation(5)
def decode(params, x_e, drop_rate=0.0, rng=None):
    r"""Eq. 5: draw the reconstructions of a batch.

    $$ p_{\theta_{dm}}(\tilde x_m) = \int_{x_m^e} q(\tilde x_m | x_m^e, \theta_{dm}) p_{\theta_m}(x_m^e) dx_m^e $$

    As in Eq. 1, q puts all its mass on the output of the decoder. Layers: dense, dropout, leaky ReLU 0.2; dense,
    dropout, batch norm, leaky ReLU 0.2; dense, tanh.

    Arguments: params of `init_decoders`; x_e (m, B, k). Returns $\tilde x$ (m, B, d), each entry in (-1, 1).
    """
    h = ops.dense_layer(params["dense_1"], x_e, "leaky_relu_0.2", drop_rate, rng)  # (m, B, 512)
    h = ops.dense_layer(params["dense_2"], h, "leaky_relu_0.2", drop_rate, rng)  # (m, B, 64)
    return ops.dense_layer(params["dense_3"], h, "tanh")  # (m, B, d)


def init_discriminator(rng, k):
    """Parameters of the discriminator D (Figure 3): k -> 64 -> 16 -> 1."""
    return {
        "dense_1": nn.init_dense(rng, k, 64),
        "dense_2": nn.init_dense(rng, 64, 16),
        "dense_3": nn.init_dense(rng, 16, 1),
    }


def discriminate(params, x_e):
    r"""The discriminator: how sure D is that each vector comes from the target modality.

    Arguments: params of `init_discriminator`; x_e (m, B, k).
    Returns z (m, B, 1), the logits: $D(x_m^e) = \mathrm{sigmoid}(z_m)$. Eq. 3 and 4 start from z, since the logarithm
    of a saturated sigmoid would be infinite. Layers: dense, leaky ReLU 0.2; dense, tanh; dense.
    """
    h = ops.dense_layer(params["dense_1"], x_e, "leaky_relu_0.2")  # (m, B, 64)
    h = ops.dense_layer(params["dense_2"], h, "tanh")  # (m, B, 16)
    return ops.dense_layer(params["dense_3"], h, "identity")  # (m, B, 1)


def init_classifier(rng, k, N):
    """Parameters of the classifier C (Figure 3): k -> k -> N."""
    return {
        "norm": nn.init_batch_norm(k),
        "dense_1": nn.init_dense(rng, k, k),
        "dense_2": nn.init_dense(rng, k, N),
    }


@equation(7)
def classify(params, x_e, drop_rate=0.0, rng=None):
    r"""Eq. 7: the label, predicted from the encoded representation of each modality alone.

    $$ \tilde y_m = C(x_m^e; \Theta_c), \quad m \in \{v, a, l\} $$

    The paper gives C the domain $R^{3k}$, but applies it to one modality: here it takes $R^k$ (D4). Each modality is
    normalised by its own batch statistics. Layers: batch norm, dropout, dense, tanh, dropout, dense, softmax.

    Arguments: params of `init_classifier`; x_e (m, B, k). Returns $\tilde y$ (m, B, N), probabilities.
    """
    h = ops.dropout(ops.batch_norm(params["norm"], x_e), drop_rate, rng)
    h = ops.dropout(ops.dense_layer(params["dense_1"], h, "tanh"), drop_rate, rng)
    return ops.dense_layer(params["dense_2"], h, "softmax")  # (m, B, N)
