"""The exercises of the tutorials: `check` runs an answer on fixed inputs against the package and
hints at the mistake.

The exercises of notebook 08 are in `notebook_08`, and so on. An exercise is one short function that
is given the answer (the student's function) and a generator; it ends in `compare`, or in `require`
where there are many right answers. All dimensions of its inputs differ, so that a transposed answer
is not right by accident.
"""

from copy import deepcopy
from importlib import import_module
from importlib.util import find_spec

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
    """``{number: function}`` of all exercises of a notebook, in their order; of one without a
    module, none.
    """
    module = f"{__name__}.notebook_{notebook:02d}"
    if find_spec(module):
        import_module(module)
    return {
        number: function
        for number, function in EXERCISES.items()
        if int(number.split(".")[0]) == notebook
    }


def check(number, answer):
    """Check the answer to an exercise, such as "8.1", and print the outcome.

    Raises AssertionError, with a hint, if it is wrong. An answer that still raises
    NotImplementedError is to be done, which is no error.
    """
    try:
        of_notebook(int(number.split(".")[0]))[number](answer, np.random.default_rng(0))
    except NotImplementedError:
        print(f"exercise {number}: still to be done")
    except AssertionError as error:
        raise AssertionError(f"exercise {number}: {error}") from None
    else:
        print(f"exercise {number}: right")


def require(holds, hint):
    """Raise AssertionError with the hint unless the condition holds."""
    if not holds:
        raise AssertionError(hint)


def compare(answer, arguments, expected, slips):
    """Raise AssertionError unless ``answer(*arguments)`` is ``expected``, an array.

    slips: ``{hint: what somebody gets who makes this mistake}``. The hint that fits is the message;
    failing that, the message names a wrong shape, a wrong factor or the first wrong entry.
    """
    result = answer(*deepcopy(arguments))
    require(result is not None, "your function returns nothing; is the `return` missing?")
    result = np.asarray(result)
    for hint, slip in slips.items():
        require(not _equal(result, slip), hint)
    require(
        result.shape == expected.shape,
        f"your result has shape {result.shape}, expected {expected.shape}",
    )
    if _equal(result, expected):
        return
    factor = np.sum(result * expected) / np.sum(expected * expected)
    require(
        not _equal(result, factor * expected),
        f"every entry is {factor:.6g} times what it should be",
    )
    place = tuple(int(i) for i in np.argwhere(~_close(result, expected))[0])
    raise AssertionError(f"entry {place} is {result[place]:.6g}, expected {expected[place]:.6g}")


def _close(x, y):
    return np.isclose(x, y, rtol=1e-7, atol=1e-9)


def _equal(x, y):
    return x.shape == y.shape and _close(x, y).all()
