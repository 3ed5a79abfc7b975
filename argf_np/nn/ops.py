"""The operations that the equation files call, each either from `fast` (the default) or from `readable`.

`use` is the one place where that is chosen: ``nn.ops.use("readable")``.
"""

from typing import TYPE_CHECKING

from . import fast, readable

if TYPE_CHECKING:  # what `use` puts here, for the type checker
    from .fast import *  # noqa: F403

NAMES = fast.__all__


def use(implementation):
    """Make every operation of this module the one of "fast" or "readable", and return the name in use before."""
    global implementation_in_use
    previous = implementation_in_use
    module = {"fast": fast, "readable": readable}[implementation]
    globals().update({name: getattr(module, name) for name in NAMES})
    implementation_in_use = implementation
    return previous


implementation_in_use = "fast"
use("fast")
