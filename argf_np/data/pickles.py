"""Pickles from strangers, read without running anything of theirs.

A pickle is a program that can import and call whatever it likes. Here it can build numbers, text, tuples, lists, dicts
and NumPy arrays; every name that it asks for stands in `NAMES`, and stands there for a method of this module.

Restricting `find_class`, as Python's documentation has it, leaves three holes that are closed too. A file of nine bytes
makes the unpickler that is written in C allocate gigabytes, since its memo has room for the largest place that the file
names; so this builds on the one in Python. BUILD sets attributes of anything; here of nothing. And a key or a member of
a set that is a very deep tuple overflows the interpreter's stack when it is hashed; here keys are text, and sets lists.
"""

import math
import mmap
import pickle
import re
from typing import ClassVar

import numpy as np

from .corpus import DataError

# What a pickle may name, and the method that stands for it.
NAMES = {"numpy.ndarray": "ndarray", "numpy.dtype": "dtype", "numpy.core.multiarray._reconstruct": "reconstruct",
         "numpy.core.multiarray.scalar": "scalar", "numpy.core.numeric._frombuffer": "frombuffer",
         "__builtin__.set": "set", "__builtin__.bytes": "encode", "_codecs.encode": "encode"}
RENAMED = {"numpy._core.multiarray": "numpy.core.multiarray", "numpy._core.numeric": "numpy.core.numeric",
           "builtins": "__builtin__"}  # since NumPy 2 and Python 3


def read_pickle(path):
    """The value of a pickle of any protocol, of Python 2 or 3, NumPy 1 or 2. Sets become lists, in the file's order.

    Raises
    ------
    DataError
        One line for a file that is not a pickle, is broken, or asks for anything but NumPy arrays of numbers and text
        and plain containers. None of it has run, and memory is taken only for what the file really holds.
    """
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return Unpickler(data).load()
    except RefusedError as error:
        raise DataError(f"{path}: asks for {error}, expected NumPy arrays and plain containers; nothing of it has run"
                        ) from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except Exception as error:  # a broken file can go wrong in every line of an unpickler
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise DataError(f"{path}: not a pickle, or a broken one ({reason:.100})") from None


def numbers(path, what, value, *ndim):
    """A value that must be an array, or a list, of numbers with one of some numbers of dimensions, as an array."""
    if isinstance(value, list) and all(isinstance(item, int | float) for item in value):
        value = np.array(value, float)
    if not (isinstance(value, np.ndarray) and value.ndim in ndim and value.dtype.kind in "biuf"):
        found = f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
        raise DataError(f"{path}: {what} is {found}, expected numbers in {' or '.join(map(str, ndim))} dimensions")
    return np.asarray(value)


def texts(path, what, value):
    """A value that must be a list, or an array, of texts, as a list."""
    items = value.tolist() if isinstance(value, np.ndarray) else value
    if not (isinstance(items, list) and all(isinstance(item, str) for item in items)):
        raise DataError(f"{path}: {what}, expected a list of texts")
    return items


class RefusedError(Exception):
    """What a pickle asks for and does not get."""


class Unpickler(pickle._Unpickler):
    """Builds plain data only; `data` is the file as an `mmap`, which gives no more than there is."""

    # No frozen sets, and no registered extensions, which need not pass `find_class`.
    dispatch: ClassVar = {code: load for code, load in pickle._Unpickler.dispatch.items()
                          if code not in pickle.FROZENSET + pickle.EXT1 + pickle.EXT2 + pickle.EXT4}
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

    dispatch |= {pickle.BUILD[0]: load_build, pickle.DICT[0]: load_dict,
                 pickle.EMPTY_DICT[0]: lambda self: self.append(Entries()),
                 pickle.EMPTY_SET[0]: lambda self: self.append(Members())}

    def spend(self, n):
        """Count n items or bytes that are copied: no more of them than the file has bytes, however often it says so."""
        self.allowance -= n
        if self.allowance < 0:
            raise ValueError("it is larger than it can be")

    # What the names stand for.

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
        if dtype.kind == "O" or not dtype.isnative:  # NumPy copies these, and uses the others where they are
            unpickler.spend(len(data))
        if not (all(0 <= n <= unpickler.size for n in shape)
                and math.prod(shape) * (dtype.kind == "O" or dtype.itemsize) == len(data)):
            raise ValueError(f"{len(data)} bytes for an array of shape {shape}")
        self.__setstate__((1, shape, dtype, bool(fortran), data))
