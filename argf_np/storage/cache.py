"""A cache of what takes long to compute, and fingerprints of data."""

import functools
import hashlib
import os
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

from . import npz
from .files import replacing

SLICE = 4096  # rows of an array that are hashed together; features may be larger than the memory


def cached(depends_on, compute):
    """``compute()``, a tree of arrays, or what it returned before for equal dependencies.

    Arguments
        - depends_on: a dict of all inputs: strings, numbers, arrays or dicts of these. The versions
          of the libraries and the number of threads are added, since the bits depend on them.
    An unreadable file is computed again. Where nothing can be written, nothing is kept.
    """
    key = fingerprint(depends_on | versions() | _threads())
    try:
        path = _folder() / f"{key}.npz"
        return npz.load(path)
    except (OSError, ValueError, RuntimeError):  # RuntimeError: there is no home folder
        pass
    result = compute()
    try:
        path = _folder() / f"{key}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            npz.save(part, result)
    except RuntimeError as error:
        say_once(f"notice: nothing is cached: {error}")
    except OSError as error:
        say_once(f"notice: nothing is cached in {path.parent}: {error.strerror or error}")
    return result


@functools.cache
def say_once(text):
    """Print a line on stderr, each text once per process."""
    print(text, file=sys.stderr)


def _folder():
    """``argf_np/results`` in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "argf_np" / "results"


def _threads():
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
    return {name: os.environ.get(name, "") for name in names} | {"cores": os.cpu_count()}


def versions():
    """Versions of Python and of the libraries that compute."""
    python = sys.version.split()[0]
    return {"python": python, "numpy": np.__version__, "autograd": version("autograd")}


def fingerprint(value):
    """A short hexadecimal digest of strings, plain numbers, tuples, arrays, and dicts of these."""
    digest = hashlib.sha256()
    _add(digest, value)
    return digest.hexdigest()[:32]


def _add(digest, item):
    if isinstance(item, dict):
        digest.update(b"{")
        for key, child in item.items():
            _add(digest, key)
            _add(digest, child)
        digest.update(b"}")
    elif hasattr(item, "shape"):  # an array, or features that are read row by row
        digest.update(f"{item.dtype}{item.shape}".encode())
        for start in range(0, len(item), SLICE):
            digest.update(np.ascontiguousarray(item[start:start + SLICE]).data)
    else:
        digest.update(f"{type(item).__name__}:{item!r};".encode())
