"""A small library for neural networks that knows nothing of ARGF.

Parameter trees, gradients, operations and layers, optimisers and a gradient check. The equations
call the operations as ``ops.softmax(...)``, so that `use` can choose which functions these are.
"""

from . import ops
from .batch_statistics import batch_norm_statistics
from .gradient_check import check_gradient
from .gradients import value_and_grad, vjp
from .implementations import use
from .init import init_batch_norm, init_bilstm, init_dense, init_gru, redraw_as_pytorch
from .optimisers import adadelta, adam, init_adadelta, init_adam, init_rmsprop, rmsprop
from .trees import build, cast, count, leaves, map_leaves, restore

__all__ = [
    "adadelta", "adam", "batch_norm_statistics", "build", "cast", "check_gradient", "count",
    "init_adadelta", "init_adam", "init_batch_norm", "init_bilstm", "init_dense", "init_gru",
    "init_rmsprop", "leaves", "map_leaves", "ops", "redraw_as_pytorch", "restore", "rmsprop",
    "use", "value_and_grad", "vjp",
]
