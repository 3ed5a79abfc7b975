"""Pickles from strangers, read without running anything of theirs.

A pickle is a program that can import and call anything. Here it can build numbers, text, tuples,
lists, dicts and NumPy arrays. Every name that it may ask for is in `NAMES`, where it stands for a
method of this module.

Python's documentation restricts `find_class`. That leaves three holes, which are closed here, too:
- A file of nine bytes makes the unpickler that is written in C allocate gigabytes, since its memo
  has room for the largest place that the file names. This builds on the unpickler in Python.
- BUILD sets attributes of anything; here it sets none.
- Hashing a very deep tuple, as a key or in a set, overflows the interpreter's stack. Here keys are
  text, and sets become lists.
"""

import math
import mmap
import pickle
import re
from typing import ClassVar

import numpy as np

from ...errors import DataError
from .foreign import kind_of

# What a pickle may name, and the method that stands for it.
NAMES = {
    "numpy.ndarray": "ndarray",
    "numpy.dtype": "dtype",
    "numpy.core.multiarray._reconstruct": "reconstruct",
    "numpy.core.multiarray.scalar": "scalar",
    "numpy.core.numeric._frombuffer": "frombuffer",
    "__builtin__.set": "set",
    "__builtin__.bytes": "encode",
    "_codecs.encode": "encode",
}
RENAMED = {  # since NumPy 2 and Python 3
    "numpy._core.multiarray": "numpy.core.multiarray",
    "numpy._core.numeric": "numpy.core.numeric",
    "builtins": "__builtin__",
}
ADVICE = {  # what to do, by the library whose objects a pickle holds
    "pandas": " (from a data frame, argf_np.data.from_arrays makes a corpus)",
    "torch": " (save the .numpy() of tensors)",
}


def read_pickle(path):
    """The value of a pickle of any protocol, of Python 2 or 3, of NumPy 1 or 2.

    Sets become lists, in the order of the file.

    Raises
    ------
    DataError
        One line for a file that is not a pickle, is broken, or asks for anything but NumPy arrays
        of numbers and text and plain containers. None of it has run, and memory is taken only for
        what the file really holds.
    """
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return Unpickler(data).load()
    except RefusedError as error:
        advice = ADVICE.get(str(error).partition(".")[0], "")
        raise DataError(f"{path}: asks for {error}, expected NumPy arrays and plain containers"
                        f"{advice}; nothing of it has run") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except Exception as error:  # a broken file can go wrong in every line of an unpickler
        kind = kind_of(path)
        if kind:
            raise DataError(f"{path}: {kind}") from None
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise DataError(f"{path}: not a pickle, or a broken one ({reason:.100}); "
                        "python -m argf_np.data describe shows the formats") from None


class RefusedError(Exception):
    """What a pickle asks for and does not get."""


class Unpickler(pickle._Unpickler):
    """Builds plain data only. `data` is the file as an `mmap`: reading gives what is there."""

    # No frozen sets, and no registered extensions, which need not pass `find_class`.
    dispatch: ClassVar = pickle._Unpickler.dispatch.copy()
    for code in pickle.FROZENSET + pickle.EXT1 + pickle.EXT2 + pickle.EXT4:
        del dispatch[code]
    dispatch[pickle.BYTEARRAY8[0]] = dispatch[pickle.BINBYTES8[0]]

    def __init__(self, data):
        super().__init__(data, encoding="latin-1")  # in Python 2, text and bytes are one
        self.size = self.allowance = len(data)

    def find_class(self, module, name):
        try:
            return getattr(self, NAMES[f"{RENAMED.get(module, module)}.{name}"])
        except KeyError:
            raise RefusedError(f"{module}.{name}") from None

    def load_build(self):
        state = self.stack.pop()
        if not isinstance(self.stack[-1], Array | Type):
            raise RefusedError("attributes of its own")
        self.stack[-1].build(self, *state)

    def load_dict(self):
        if self.pop_mark():
            raise ValueError("a dict that is not filled entry by entry")
        self.append(Entries())

    def load_empty_dict(self):
        self.append(Entries())

    def load_empty_set(self):
        self.append(Members())

    dispatch[pickle.BUILD[0]] = load_build
    dispatch[pickle.DICT[0]] = load_dict
    dispatch[pickle.EMPTY_DICT[0]] = load_empty_dict
    dispatch[pickle.EMPTY_SET[0]] = load_empty_set

    def spend(self, n):
        """Count n items or bytes that are copied: in all no more than the file has bytes."""
        self.allowance -= n
        if self.allowance < 0:
            raise ValueError("it is larger than it can be")

    # What the `NAMES` stand for.

    def ndarray(self, *arguments):
        raise RefusedError("an empty array")

    def dtype(self, code, align=False, copy=False):
        return Type(code)

    def reconstruct(self, kind, shape, code):
        return Array(0)

    def frombuffer(self, data, dtype, shape, order):
        array = Array(0)
        array.build(self, 1, shape, dtype, order == "F", data)
        return array

    def scalar(self, dtype, data):
        return np.frombuffer(self.encode(data), dtype.dtype)[0].item()

    def set(self, items=()):
        return items

    def encode(self, data="", encoding="latin1"):
        if isinstance(data, str):
            self.spend(len(data))
            return data.encode("latin-1")
        return data


class Entries(dict):
    """A dict whose keys are text."""

    def __setitem__(self, key, value):
        if not isinstance(key, str):
            raise ValueError("a dict with keys that are not text")
        super().__setitem__(key, value)


class Members(list):
    """The members of a set, in the order of the file."""

    add = list.append


class Type:
    """The `dtype` of an array of numbers, text or objects; byte order comes later."""

    def __init__(self, code):
        if not re.fullmatch("[?biufSUO][0-9]{0,8}", code):
            raise RefusedError(f"arrays of {code!r:.60}")
        self.dtype = np.dtype(code)

    def build(self, unpickler, version, order, *state):
        if state[:3] != (None, None, None):
            raise RefusedError("arrays with fields")
        self.dtype = self.dtype.newbyteorder(order)


class Array(np.ndarray):
    """An array that gets its content after it was made."""

    __setitem__ = None

    def build(self, unpickler, version, shape, dtype, fortran, data):
        data = unpickler.encode(data)
        dtype = dtype.dtype
        if dtype.kind == "O" or not dtype.isnative:  # only of these does NumPy make a copy
            unpickler.spend(len(data))
        itemsize = 1 if dtype.kind == "O" else dtype.itemsize
        possible = all(0 <= n <= unpickler.size for n in shape)
        if not (possible and math.prod(shape) * itemsize == len(data)):
            raise ValueError(f"{len(data)} bytes for an array of shape {shape}")
        self.__setstate__((1, shape, dtype, bool(fortran), data))
