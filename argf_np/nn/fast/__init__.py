"""The operations of `nn.ops` with hand-written gradients: the same values in less time.

Each is a single operation of the tape, where the textbook version records several, or several per
time step. Every intermediate keeps the type of its input. Without this folder the package computes
the same.
"""

from .elementary import dropout, elu, log_softmax, mean, norm, sigmoid, softmax, softplus, take_rows
from .gru import gru
from .layers import batch_norm, dense_layer, pull_each
from .lstm import bilstm

OPERATIONS = {
    "batch_norm": batch_norm, "bilstm": bilstm, "dense_layer": dense_layer, "dropout": dropout,
    "elu": elu, "gru": gru, "log_softmax": log_softmax, "mean": mean, "norm": norm,
    "pull_each": pull_each, "sigmoid": sigmoid, "softmax": softmax, "softplus": softplus,
    "take_rows": take_rows,
}
