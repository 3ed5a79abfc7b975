"""ARGF: adversarial representation learning and graph fusion (Mai, Hu and Xing, AAAI 2020).

`argf_np.paper` holds the method, one file per part of the paper. `ARGF` is the whole of it as an
estimator; `load` reads a model that was saved.
"""

import sys

__version__ = "0.2.0"
__all__ = ["ARGF", "__version__", "load"]


def __getattr__(name):
    if name in ("ARGF", "load"):  # imported when first used: importing argf_np stays quick
        from . import estimator

        return getattr(estimator, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _say_interrupted(kind, error, traceback):
    """Show one line for Ctrl-C, and every other error as usual."""
    if issubclass(kind, KeyboardInterrupt):
        print("\ninterrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


if sys.argv[:1] == ["-m"]:  # while `python -m` imports a command, before its main can run
    sys.excepthook = _say_interrupted
