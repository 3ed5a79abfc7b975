"""The checks of the exercises accept the solutions, and refuse wrong answers with a fitting hint.

The wrong answers to the exercises of notebook 08 are in ``wrong_answers/notebook_08.py``.
"""

import pkgutil
import re
import runpy
from importlib import import_module
from pathlib import Path

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
