"""The checks of the exercises accept the solutions, and refuse wrong answers with a fitting hint.

The wrong answers to the exercises of notebook 08 are in ``wrong_answers/notebook_08.py``.
"""

import pkgutil
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
    expected = [f"exercise {number}: right" for number in exercises.of_notebook(notebook)]
    assert capsys.readouterr().out.splitlines() == expected


@pytest.mark.parametrize(("number", "notebook"), EXERCISES)
def test_typical_wrong_answers_are_refused_with_a_fitting_hint(number, notebook, capsys):
    wrong = import_module(f"wrong_answers.notebook_{notebook:02d}").WRONG[number]
    assert len(wrong) >= 2
    for hint, answer in wrong:
        with pytest.raises(AssertionError, match=f"^exercise {number}: .*{hint}"):
            exercises.check(number, answer)
    assert capsys.readouterr().out == ""


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


def test_a_notebook_without_checkers_has_no_exercises():
    assert exercises.of_notebook(99) == {}


def test_compare_names_what_is_wrong():
    x = np.arange(6.0).reshape(2, 3)
    expected = x ** 2

    def hint(answer, slips=None):
        with pytest.raises(AssertionError) as caught:
            exercises.compare(answer, (x,), expected, slips or {})
        return str(caught.value)

    exercises.compare(lambda x: x ** 2, (x,), expected, {"not squared": x})
    exercises.compare(lambda x: (x ** 2).tolist(), (x,), expected, {})
    assert hint(lambda x: x, {"not squared": x}) == "not squared"
    assert hint(lambda x: None) == "your function returns nothing; is the `return` missing?"
    assert hint(lambda x: x.T ** 2) == "your result has shape (3, 2), expected (2, 3)"
    assert hint(lambda x: x ** 2 / 2) == "every entry is 0.5 times what it should be"
    assert hint(lambda x: x ** 2 + (x == 4)) == "entry (1, 1) is 17, expected 16"
    assert hint(lambda x: x * np.nan) == "entry (0, 0) is nan, expected 0"


def test_an_answer_may_write_into_its_arguments():
    def answer(x):
        x *= 2
        return x

    x = np.arange(3.0)
    exercises.compare(answer, (x,), 2 * x, {})
    assert x.tolist() == [0, 1, 2]
