"""Table 6, "Tensor Fusion" (Zadeh et al. 2017, EMNLP): every product of entries of the modalities, and dense layers."""

import autograd.numpy as np

from .. import nn
from ..nn import ops

HIDDEN = 32  # what Table 4's number of parameters says; Zadeh et al. have 128, and ReLU


def init(rng, modalities, k, N):
    """Parameters: dense (k + 1)^m -> 32 -> 32 -> N: 32 (k + 1)^m + 1,088 + 33 N scalars."""
    return {
        "dense_1": nn.init_dense(rng, (k + 1) ** modalities, HIDDEN),
        "dense_2": nn.init_dense(rng, HIDDEN, HIDDEN),
        "dense_3": nn.init_dense(rng, HIDDEN, N),
    }


def outer_product(x_e):
    r"""Every product of one entry of each modality, or of fewer modalities, since each is extended by a 1.

    $$ Z = [x_a^e; 1] \otimes [x_l^e; 1] \otimes [x_v^e; 1] $$ x_e (m, B, k) -> (B, (k + 1)^m).
    """
    ones = np.ones((*x_e.shape[:-1], 1), x_e.dtype)
    Z, *others = np.concatenate([x_e, ones], axis=-1)  # each (B, k + 1)
    for x in others:
        Z = np.reshape(Z[:, :, None] * x[:, None, :], (len(x), -1))  # (B, (k + 1)^2), then ^3
    return Z


def fuse(params, x_e, variant="paper"):
    r"""$$ M = FC(Z) $$ with FC: dense, leaky ReLU 0.01; the same again; dense, softmax. x_e (m, B, k) -> M (B, N)."""
    h = ops.dense_layer(params["dense_1"], outer_product(x_e), "leaky_relu_0.01")  # (B, 32)
    h = ops.dense_layer(params["dense_2"], h, "leaky_relu_0.01")  # (B, 32)
    return {"M": ops.dense_layer(params["dense_3"], h, "softmax")}
