"""The exercises of the tutorials: `check` runs an answer on fixed inputs against the package and
hints at the mistake.

The exercises of notebook 08 are in `notebook_08`, and so on. An exercise is one short function that
is given the answer (the student's function) and a generator; it ends in `compare`, or in `require`
where there are many right answers. Both raise AssertionError with a hint, which `check` prints. All
dimensions of the inputs differ, so that a transposed answer is not right by accident.
"""

from copy import deepcopy
from importlib import import_module
from traceback import extract_tb

import numpy as np

EXERCISES = {}  # "8.1": function, once its module is imported


def exercise(number, *equations):
    """Decorator: this function checks an answer to the exercise of this number, on these equations
    of the paper.
    """

    def register(function):
        function.equations = equations
        EXERCISES[number] = function
        return function

    return register


def of_notebook(notebook):
    """``{number: function}`` of all exercises of a notebook, in their order."""
    import_module(f"{__name__}.notebook_{notebook:02d}")
    return {
        number: function
        for number, function in EXERCISES.items()
        if int(number.split(".")[0]) == notebook
    }


def check(number, answer):
    """Check the answer to an exercise, such as "8.1", and print the `outcome`.

    A wrong answer raises nothing, so that a notebook runs on.
    """
    print(f"exercise {number}: {outcome(number, answer)}")


def outcome(number, answer):
    """What `check` says of an answer: "right", "still to be done", or a hint at the mistake.

    An answer that still raises NotImplementedError is to be done. After "right" comes the remark
    that the exercise returns, if any.
    """
    function = of_notebook(int(number.split(".")[0]))[number]
    try:
        remark = function(answer, np.random.default_rng(0))
    except NotImplementedError:
        return "still to be done"
    except AssertionError as error:
        return str(error) or "an assert in your function fails"
    except Exception as error:  # a slip in the answer may raise anything
        return f"{_place(answer, error)}: {type(error).__name__}: {error}"
    return f"right, {remark}" if remark else "right"


def _place(answer, error):
    """Where an error has arisen: at a line of the answer, or later, with what it returned."""
    file = getattr(getattr(answer, "__code__", None), "co_filename", None)
    lines = [frame.line for frame in extract_tb(error.__traceback__) if frame.filename == file]
    if lines:
        return f"your function stops at `{lines[-1]}`"
    return "what your function returns cannot be checked"


def require(holds, hint):
    """Raise AssertionError with the hint unless the condition holds."""
    if not holds:
        raise AssertionError(hint)


def compare(answer, arguments, expected, slips):
    """Raise AssertionError unless ``answer(*arguments)`` is ``expected``, an array.

    slips: ``{hint: what somebody gets who makes this mistake}``. The hint that fits is the message;
    failing that, the message names a wrong shape, type or factor, or the first wrong entry.
    """
    result = answer(*deepcopy(arguments))
    require(result is not None, "your function returns nothing; is the `return` missing?")
    result = np.asarray(result)
    require(result.dtype.kind in "biuf",
            f"your result has dtype {result.dtype}, expected {expected.dtype}")
    for hint, slip in slips.items():
        require(not _equal(result, slip), hint)
    require(
        result.shape == expected.shape,
        f"your result has shape {result.shape}, expected {expected.shape}",
    )
    _require_dtype(result, expected)
    wrong = ~_close(result, expected)
    if wrong.any():
        _require_finite(result, expected)
        _require_no_factor(result, expected)
        place, where = _first(wrong)
        given, right = result[place], expected[place] + 0  # + 0 makes 0 of -0
        digits = 6 if f"{given:.6g}" != f"{right:.6g}" else 12
        raise AssertionError(f"{where} is {given:.{digits}g}, expected {right:.{digits}g}")


def _require_dtype(result, expected):
    """True and False where they are expected, otherwise whole numbers or float64 or wider."""
    kind = result.dtype.kind
    wide = kind in "iu" or (kind == "f" and result.dtype.itemsize >= 8)
    fits = kind == "b" if expected.dtype == bool else wide
    require(fits, f"your result has dtype {result.dtype}, expected {expected.dtype}")


def _require_finite(result, expected):
    for name, found, causes in (
        ("NaN", np.isnan, "0 / 0, 0 times infinity (as in 0 log 0), infinity minus infinity, the "
                          "log or root of a negative number"),
        ("infinite", np.isinf, "a division by 0, log(0), exp of a large number"),
    ):
        wrong = found(result) & np.isfinite(expected)
        if wrong.any():
            place, where = _first(wrong)
            raise AssertionError(f"{where} is {name}, expected {expected[place]:.6g}; look for "
                                 f"{causes}")


def _require_no_factor(result, expected):
    """A single number is a multiple of every other, and zeros are a multiple of all: no hint."""
    if result.size == 1 or not expected.any():
        return
    factor = np.sum(result * expected) / np.sum(expected * expected)
    found = abs(factor) > 1e-6 and _equal(result, factor * expected)
    require(not found, f"every entry is {factor:.9g} times what it should be")


def _first(wrong):
    """The place of the first True, a tuple of int, and its name in a hint."""
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    return place, f"entry {place}" if place else "your result"


def _close(x, y):
    return np.isclose(x, y, rtol=1e-7, atol=1e-9)


def _equal(x, y):
    return x.shape == y.shape and _close(x, y).all()
