"""What is not about ARGF: parameter trees, gradients, operations and layers, optimisers, gradient check.

The equation files call the operations as ``ops.softmax(...)``, so that `ops.use` can choose readable or fast ones.
"""

from . import ops
from .check import check_gradient
from .freeze import freeze
from .gradients import value_and_grad, vjp
from .init import init_batch_norm, init_bilstm, init_dense
from .optimisers import adadelta, adam, init_adadelta, init_adam
from .trees import buffer, build, count, leaves, load, map_leaves, pack, save

__all__ = ["adadelta", "adam", "buffer", "build", "check_gradient", "count", "freeze", "init_adadelta", "init_adam",
           "init_batch_norm", "init_bilstm", "init_dense", "leaves", "load", "map_leaves", "ops", "pack", "save",
           "value_and_grad", "vjp"]
