"""Exercises of notebook 05, a joint embedding space."""

import numpy as np

from argf_np import nn
from argf_np.paper.joint_embedding_eq1_9 import init_decoders
from argf_np.paper.joint_embedding_eq1_9 import classification_loss, reconstruction_loss
from argf_np.nn import ops

from . import compare, exercise

B, d, k, N = 5, 7, 11, 4


@exercise("5.1", 1)
def density(answer, rng):
    """The density of tanh(w x + b) for x of the standard normal distribution."""
    x_e, w, b = rng.uniform(-0.9, 0.9, 6), -1.7, 0.4
    x = (np.arctanh(x_e) - b) / w
    p, slope = np.exp(-x * x / 2) / np.sqrt(2 * np.pi), w * (1 - x_e ** 2)
    compare(answer, (x_e, w, b), p / np.abs(slope), {
        "a density is not negative: w is, and it is the width of the interval that counts": p / slope,
        "it looks like the density of x, without the change of width: divide by the slope of E": p,
        "it looks like multiplied by the slope: where E is steep, probability is spread out": p * np.abs(slope),
        "the w is missing in the slope of tanh(w x + b): the chain rule": p / (1 - x_e ** 2),
        "the slope is 1 - tanh(w x + b)^2, and tanh(w x + b) is x_e itself": p / np.abs(w * (1 - np.tanh(x_e) ** 2)),
    })


@exercise("5.2", 5)
def parameters_of_the_decoders(answer, rng):
    """The number of parameters of the three decoders."""
    right = nn.count(init_decoders(rng, 3, d, k))
    compare(answer, (d, k), np.array(right), {
        "it looks like one decoder: there are three": np.array(right // 3),
        "the biases are missing: one for each unit of a dense layer": np.array(right - 3 * (512 + 64 + d)),
        "the batch norm after the second layer is missing": np.array(right - 3 * 2 * 64),
        "a batch norm has a scale and a shift for each unit": np.array(right - 3 * 64),
        "the first layer has no batch norm: only the second has": np.array(right + 3 * 2 * 512),
    })


@exercise("5.3", 6)
def gradient_of_the_reconstruction_loss(answer, rng):
    """The gradient of Eq. 6 by x_tilde (3, B, d), where some errors are 0."""
    x_tilde, x = rng.standard_normal((2, 3, B, d))
    x_tilde[1, 2] = x[1, 2]
    e = x_tilde - x
    right = nn.value_and_grad(lambda p: reconstruction_loss(p["x_tilde"], x), {"x_tilde": x_tilde})[1]["x_tilde"]
    compare(answer, (x_tilde, x), right, {
        "the 1/B is missing: the loss is a mean over the batch": B * right,
        "it looks like the square of the norm: Eq. 6 is the norm itself, its gradient has length 1 (or 1/B)": 2 * e / B,
        "it looks like the sum of absolute errors, D3: Eq. 6 is the Euclidean norm": np.sign(e) / B,
        "it looks like one norm over all utterances: each utterance and modality has one of its own":
            e / np.sqrt((e * e).sum()),
        "the wrong sign: the loss falls when x_tilde moves towards x": -right,
    })


@exercise("5.4", 7, 8)
def gradient_by_the_logits(answer, rng):
    """The gradient of Eq. 8 by the logits z (3, B, N) of the classifier."""
    z, y = rng.standard_normal((3, B, N)), np.eye(N)[rng.integers(N, size=B)]
    by_y = lambda p: classification_loss(p["y"], y)  # noqa: E731
    y_tilde = ops.softmax(z)
    g = nn.value_and_grad(by_y, {"y": y_tilde})[1]["y"]
    right = nn.value_and_grad(lambda p: by_y({"y": ops.softmax(p["z"])}), {"z": z})[1]["z"]
    compare(answer, (z, y), right, {
        "it looks like the gradient by the probabilities: go on through the softmax": g,
        "it looks like the cross-entropy, whose gradient is the error itself: Eq. 8 is a norm": (y_tilde - y) / B,
        "it looks like y (1 - y) g: in a softmax each logit moves every probability": y_tilde * (1 - y_tilde) * g,
        "the 1/B is missing: the loss is a mean over the batch": B * right,
        "it looks like a softmax over the batch: the classes are the last axis": nn.value_and_grad(
            lambda p: by_y({"y": ops.softmax(p["z"], axis=1)}), {"z": z})[1]["z"],
    })
