"""Writing files so that a reader never sees half of one, and the cache of what takes long to compute."""

import csv
import hashlib
import io
import json
import os
import sys
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np

from .. import nn


@contextmanager
def replacing(path):
    """Yields the path of a new file beside ``path`` that takes its place when the block ends without an error."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk does not say where it is
        raise
    finally:
        part.unlink(missing_ok=True)


def remove_parts(folder):
    """Remove what a process that was killed left half-written in a folder. Nobody else may be writing there."""
    for part in folder.rglob(".*.part"):
        part.unlink()


def write_text(path, text):
    """Write a text file."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path, value):
    """Write indented JSON."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_csv(path, rows):
    """Write a list of dicts with the same keys, one row each under a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def cached(depends_on, compute):
    """``compute()``, a tree of arrays, or what it gave when it was called with equal dependencies before.

    Arguments
        depends_on: dict of all inputs: strings, numbers, arrays or dicts of these. The package's own code for
            networks, the versions of the libraries and the thread settings are added, since results depend on them.
    The cache is ``argf_np/results`` in the user's cache directory. An unreadable file is computed again, and where the
    directory cannot be written nothing is kept.
    """
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "argf_np" / "results"
    path = folder / f"{fingerprint(depends_on | surroundings())}.npz"
    try:
        return nn.load(path)
    except (OSError, ValueError):
        result = compute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            nn.save(part, result)
    except OSError as error:
        print(f"notice: nothing is cached: {error}", file=sys.stderr)
    return result


def surroundings():
    """What the bits of a result depend on besides its inputs: code, library versions, threads."""
    here = Path(__file__).parents[1]
    code = {path.name: path.read_text(encoding="utf-8") for path in sorted([here / "ucln.py", *here.glob("nn/*.py")])}
    threads = {name: os.environ.get(name, "") for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}
    return {"code": code, "versions": versions(), "threads": threads, "cores": os.cpu_count()}


def versions():
    """Versions of Python and of the libraries that compute."""
    return {"python": sys.version.split()[0], "numpy": np.__version__, "autograd": version("autograd")}


def fingerprint(value):
    """Short hexadecimal digest of strings, numbers, arrays and dicts of these."""
    digest = hashlib.sha256()

    def add(item):
        if isinstance(item, dict):
            digest.update(b"{")
            for key, child in item.items():
                add(key)
                add(child)
            digest.update(b"}")
        elif hasattr(item, "shape"):  # an array, or features that are read row by row
            digest.update(f"{item.dtype}{item.shape}".encode())
            for start in range(0, len(item), 4096):
                digest.update(np.ascontiguousarray(item[start:start + 4096]).data)
        else:
            digest.update(f"{type(item).__name__}:{item!r};".encode())

    add(value)
    return digest.hexdigest()[:32]
