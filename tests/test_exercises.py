"""The checks of the exercises accept the solutions, and refuse wrong answers with a fitting hint.

The wrong answers to the exercises of notebook 08 are in ``wrong_answers/notebook_08.py``.
"""

import pkgutil
import re
import runpy
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from tutorials import exercises

TUTORIALS = Path(__file__).parents[1] / "tutorials"
NOTEBOOKS = [int(module.name[-2:]) for module in pkgutil.iter_modules(exercises.__path__)]
EXERCISES = [(number, notebook) for notebook in NOTEBOOKS
             for number in exercises.of_notebook(notebook)]


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_solutions_are_right(notebook, capsys, monkeypatch):
    monkeypatch.syspath_prepend(TUTORIALS)  # as where notebooks run
    [solutions] = TUTORIALS.glob(f"solutions/{notebook:02d}_*.py")
    runpy.run_path(solutions)
    lines = capsys.readouterr().out.splitlines()
    for line, number in zip(lines, exercises.of_notebook(notebook), strict=True):
        assert re.fullmatch(f"exercise {number}: right(, .*)?", line)


@pytest.mark.parametrize(("number", "notebook"), EXERCISES)
def test_typical_wrong_answers_are_refused_with_a_fitting_hint(number, notebook, capsys):
    wrong = import_module(f"wrong_answers.notebook_{notebook:02d}").WRONG[number]
    assert len(wrong) >= 3
    for hint, answer in wrong:
        exercises.check(number, answer)
        [line] = capsys.readouterr().out.splitlines()
        assert re.match(f"exercise {number}: .*(?:{hint})", line)
        assert not re.fullmatch(f"exercise {number}: right(, .*)?", line)


@pytest.mark.parametrize(("number", "notebook"), EXERCISES)
def test_an_answer_not_given_yet_stops_nothing(number, notebook, capsys):
    def answer(*_):
        raise NotImplementedError(f"exercise {number}")

    exercises.check(number, answer)
    assert capsys.readouterr().out == f"exercise {number}: still to be done\n"


def test_every_wrong_answer_belongs_to_an_exercise():
    for notebook in NOTEBOOKS:
        wrong = import_module(f"wrong_answers.notebook_{notebook:02d}").WRONG
        assert [*wrong] == [*exercises.of_notebook(notebook)]


def hint_of(answer, x, expected, slips=None):
    """What `compare` says of a wrong answer."""
    with pytest.raises(AssertionError) as caught:
        exercises.compare(answer, (x,), expected, slips or {})
    return str(caught.value)


def test_compare_names_what_is_wrong():
    x = np.arange(6.0).reshape(2, 3)
    expected = x ** 2

    def hint(answer, slips=None):
        return hint_of(answer, x, expected, slips)

    exercises.compare(lambda x: x ** 2, (x,), expected, {"not squared": x})
    exercises.compare(lambda x: (x ** 2).tolist(), (x,), expected, {})
    exercises.compare(lambda x: (x ** 2).astype(int), (x,), expected, {})
    assert hint(lambda x: x, {"not squared": x}) == "not squared"
    assert hint(lambda x: None) == "your function returns nothing; is the `return` missing?"
    assert hint(lambda x: x.T ** 2) == "your result has shape (3, 2), expected (2, 3)"
    assert hint(lambda x: x ** 2 / 2) == "every entry is 0.5 times what it should be"
    assert hint(lambda x: x ** 2 + (x == 4)) == "entry (1, 1) is 17, expected 16"
    assert hint(lambda x: 0 * x) == "entry (0, 1) is 0, expected 1"


def test_compare_names_nan_and_infinity():
    x = np.arange(6.0).reshape(2, 3)
    assert hint_of(lambda x: x * np.nan, x, x).startswith(
        "entry (0, 0) is NaN, expected 0; look for 0 / 0")
    assert hint_of(lambda x: np.where(x == 4, np.inf, x), x, x).startswith(
        "entry (1, 1) is infinite, expected 4; look for a division by 0")
    exercises.compare(lambda x: -x, (np.array([np.inf]),), np.array([-np.inf]), {})


def test_compare_names_a_wrong_dtype():
    x = np.arange(6.0).reshape(2, 3)
    assert hint_of(lambda x: x.astype("float32"), x, x) == (
        "your result has dtype float32, expected float64")
    assert hint_of(lambda x: (x > 3).astype(int), x, x > 3) == (
        "your result has dtype int64, expected bool")
    assert hint_of(lambda x: x > 0, x, np.sign(x)) == "your result has dtype bool, expected float64"
    assert hint_of(lambda x: "many", x, x) == "your result has dtype <U4, expected float64"


def test_of_single_numbers_and_of_zeros_no_factor_is_named():
    x = np.array(3.0)
    assert hint_of(lambda x: x / 2, x, x) == "your result is 1.5, expected 3"
    assert hint_of(lambda x: x * np.nan, x, x).startswith("your result is NaN, expected 3; ")
    zeros = np.zeros(3)
    assert hint_of(lambda x: x + 1, zeros, zeros) == "entry (0,) is 1, expected 0"


def test_an_answer_that_stops_is_told_where(capsys):
    def answer(*arguments):
        return arguments[0] @ np.ones((3, 19))

    exercises.check("8.1", answer)
    said = capsys.readouterr().out
    assert said.startswith("exercise 8.1: your function stops at "
                           "`return arguments[0] @ np.ones((3, 19))`: ValueError: matmul")
    exercises.check("9.1", lambda unimodal, bimodal: 7)
    assert capsys.readouterr().out == (
        "exercise 9.1: what your function returns cannot be checked: TypeError: "
        "'int' object is not iterable\n")


def test_three_hidden_units_are_enough_for_xor():
    """Exercise 8.4: the fewest that we know of."""
    params = {
        "dense_1": {"W": [[-2.11, 1.31, -3.21], [2.13, 2.99, -1.43]], "b": [[-0.01, -0.2, -0.13]]},
        "dense_2": {"W": [[-2.14], [2.76], [2.5]], "b": [[-1.48]]},
    }
    params = {name: {key: np.array(value) for key, value in layer.items()}
              for name, layer in params.items()}
    assert exercises.outcome("8.4", lambda: params).startswith("right, with 3 hidden units")


def test_an_answer_may_write_into_its_arguments():
    def answer(x):
        x *= 2
        return x

    x = np.arange(3.0)
    exercises.compare(answer, (x,), 2 * x, {})
    assert x.tolist() == [0, 1, 2]
