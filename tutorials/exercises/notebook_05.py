"""Exercises of notebook 05, a joint embedding space."""

import numpy as np

from argf_np import nn
from argf_np.nn import ops
from argf_np.paper.joint_embedding_eq1_9 import classification_loss, reconstruction_loss

from . import compare, exercise, require

B, d, N = 5, 7, 4


def _bell(x):
    return np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


@exercise("5.1", 1)
def density(answer, rng):
    """The density of tanh(w x + b) for x of the standard normal distribution."""
    x_e, w, b = rng.uniform(-0.9, 0.9, 6), -1.7, 0.4
    x = (np.arctanh(x_e) - b) / w
    p = _bell(x)
    slope = w * (1 - x_e ** 2)
    swapped = _bell((np.arctanh(x_e) + b) / w)
    compare(answer, (x_e, w, b), p / np.abs(slope), {
        "a density is never negative; here w is, so divide by its absolute value":
            p / slope,
        "it looks like the density of x, without the change of width: divide by the slope of E": p,
        "it looks like a product with the slope: where E is steep, probability is spread out":
            p * np.abs(slope),
        "the w is missing in the slope of tanh(w x + b): the chain rule": p / (1 - x_e ** 2),
        "the slope is 1 - tanh(w x + b)^2, and tanh(w x + b) is x_e itself":
            p / np.abs(w * (1 - np.tanh(x_e) ** 2)),
        "it looks like the density at x_e: first find the x that is encoded as x_e":
            _bell(x_e) / np.abs(slope),
        "the x that is encoded as x_e is (arctanh(x_e) - b) / w: subtract b, and do it first":
            swapped / np.abs(slope),
        "the slope is needed at x, not at x_e: tanh(w x + b) is x_e itself":
            p / np.abs(w * (1 - np.tanh(w * x_e + b) ** 2)),
        "b stands inside the tanh, beside w x: subtract it first, then divide by w":
            _bell(np.arctanh(x_e) / w - b) / np.abs(slope),
    })
    return "and this is Eq. 1 in one dimension"


@exercise("5.2", 5, 6)
def unavoidable_loss(answer, rng):
    """Eq. 6 of the best reconstruction of x (3, B, d) with entries from -1 to 1."""
    x = 2 * rng.standard_normal((3, B, d))
    right = reconstruction_loss(np.clip(x, -1, 1), x)
    beyond = np.abs(x - np.clip(x, -1, 1))
    compare(answer, (x,), np.array(right), {
        "it looks as if entries below -1 were forgotten: a tanh has two ends":
            np.array(reconstruction_loss(np.minimum(x, 1), x)),
        "it looks like the mean over the modalities: Eq. 6 adds them up": np.array(right / 3),
        "it looks like the sum over the batch: the loss is a mean": np.array(B * right),
        "it looks divided by the number of modalities: the mean is over the utterances":
            np.array(B * right / 3),
        "it looks like absolute errors, as in the authors' code: Eq. 6 is the Euclidean norm":
            np.array(beyond.sum(axis=(0, 2)).mean()),
        "it looks like the square of the norm: take the root of each utterance and modality":
            np.array((beyond ** 2).sum(axis=(0, 2)).mean()),
        "it looks like one norm over everything: each utterance and modality has its own":
            np.array(np.sqrt((beyond ** 2).sum())),
        "it looks like the length of x itself: only what is beyond -1 or 1 is lost":
            np.array(reconstruction_loss(0 * x, x)),
        "it looks like the loss of tanh(x): the decoder may choose what the tanh is applied to":
            np.array(reconstruction_loss(np.tanh(x), x)),
    })
    return "and no decoder that ends in a tanh gets below it"


@exercise("5.3", 6)
def gradient_of_the_reconstruction_loss(answer, rng):
    """The gradient of Eq. 6 with respect to x_tilde (3, B, d), where some errors are 0."""
    x_tilde, x = rng.standard_normal((2, 3, B, d))
    x_tilde[1, 2] = x[1, 2]
    e = x_tilde - x
    _, gradient = nn.value_and_grad(lambda tree: reconstruction_loss(tree["x_tilde"], x),
                                    {"x_tilde": x_tilde})
    right = gradient["x_tilde"]

    def finite(x_tilde, x):
        result = answer(x_tilde, x)
        require(result is None or np.isfinite(result).all(),
                "your gradient has NaN or infinity where the reconstruction is perfect: 0 / 0; a "
                "perfect reconstruction is pulled nowhere, so set its gradient to 0")
        return result

    compare(finite, (x_tilde, x), right, {
        "the 1/B is missing: the loss is a mean over the batch": B * right,
        "it looks like the square of the norm: Eq. 6 is the norm, its gradient has length 1 / B":
            2 * e / B,
        "it looks like absolute errors, as in the authors' code: Eq. 6 is the Euclidean norm":
            np.sign(e) / B,
        "it looks like one norm over all utterances: each utterance and modality has its own":
            e / np.sqrt((e * e).sum()),
        "the wrong sign: the loss falls when x_tilde moves towards x": -right,
    })
    return "and every utterance pulls with the same force, however large its error"


@exercise("5.4", 7, 8)
def gradient_by_the_logits(answer, rng):
    """The gradient of Eq. 8 with respect to the logits z (3, B, N) of the classifier."""
    z, y = rng.standard_normal((3, B, N)), np.eye(N)[rng.integers(N, size=B)]

    def through_softmax(axis):
        _, gradient = nn.value_and_grad(
            lambda tree: classification_loss(ops.softmax(tree["z"], axis), y), {"z": z})
        return gradient["z"]

    y_tilde = ops.softmax(z)
    _, gradient = nn.value_and_grad(lambda tree: classification_loss(tree["y"], y), {"y": y_tilde})
    g = gradient["y"]
    right = through_softmax(axis=-1)

    def from_probabilities(g):
        return y_tilde * (g - (g * y_tilde).sum(axis=-1, keepdims=True))

    e = y_tilde - y
    compare(answer, (z, y), right, {
        "it looks like the gradient with respect to the probabilities: go on through the softmax":
            g,
        "it looks like the cross-entropy, whose gradient is the error itself: Eq. 8 is a norm":
            (y_tilde - y) / B,
        "it looks like y_tilde (1 - y_tilde) g: in a softmax each logit changes every probability":
            y_tilde * (1 - y_tilde) * g,
        "the 1/B is missing: the loss is a mean over the batch": B * right,
        "it looks like a softmax over the batch: the classes are the last axis":
            through_softmax(axis=1),
        "it looks like y_tilde_i g_i, or y_tilde_i (g_i - sum of g), which is the same, as that "
        "sum is 0: each logit changes every probability, so weigh the sum with the probabilities":
            y_tilde * g,
        "it looks like g_i minus the sum of y_tilde_j g_j: the factor y_tilde_i in front is "
        "missing":
            g - (g * y_tilde).sum(axis=-1, keepdims=True),
        "it looks like the error without its length: the gradient of a norm is e / |e|":
            from_probabilities(e / B),
        "it looks like the square of the norm: Eq. 8 is the norm itself":
            from_probabilities(2 * e / B),
        "it looks like one norm over everything: each utterance and modality has its own":
            from_probabilities(e / np.sqrt((e * e).sum())),
        "it looks like absolute errors, as in the authors' code: Eq. 8 is the Euclidean norm":
            from_probabilities(np.sign(e) / B),
        "it looks like the mean over the modalities: Eq. 8 adds them up": right / 3,
        "the wrong sign: the gradient points up the loss": -right,
    })
    return "and for two classes this force vanishes at both ends, as in the picture"
