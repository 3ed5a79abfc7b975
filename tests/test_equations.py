r"""Code, tests and paper are tied together by number: sixteen equations, each with its function, its file, its marker.

Where the paper's text is at hand, the LaTeX of each docstring is compared with the printed formula.
"""

import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import argf_np

NUMBERS = range(1, 17)
HERE = Path(__file__).resolve().parent
PAPER = HERE.parents[1] / "shared" / "paper" / "ARGF.md"
each_number = pytest.mark.parametrize("number", NUMBERS)


def functions():
    """(number, function) for every function that carries `.equation`."""
    found = set()
    for module in pkgutil.iter_modules(argf_np.__path__):
        for _, function in inspect.getmembers(importlib.import_module(f"argf_np.{module.name}"), inspect.isfunction):
            if hasattr(function, "equation"):
                found.add((function.equation, function))
    return found


def function_of(number):
    return dict(functions())[number]


def test_sixteen_equations_sixteen_functions():
    assert sorted(number for number, _ in functions()) == list(NUMBERS)


@each_number
def test_docstring_begins_with_the_number(number):
    assert re.match(rf"Eq\. {number}: \S", function_of(number).__doc__)


@each_number
def test_module_names_its_equations(number):
    """`gfn_eq10_16.py` holds 10 to 16, `embedding_eq1_5_7.py` 1, 5 and 7."""
    numbers = [int(n) for n in re.findall(r"\d+", function_of(number).__module__.split("_eq")[1])]
    assert number in numbers or (len(numbers) == 2 and numbers[0] < number < numbers[1])


@pytest.fixture(scope="module")
def selections():
    """{marker: files of the tests that carry it, which is what `pytest -m` selects}; collected in another process."""
    script = """
import json, os, sys, pytest

class Markers:
    def pytest_collection_finish(self, session):
        self.files = {}
        for item in session.items:
            for marker in item.iter_markers():
                self.files.setdefault(marker.name, set()).add(item.path.name)

markers, out = Markers(), sys.stdout
with open(os.devnull, "w") as sys.stdout:
    pytest.main(["--collect-only", "-p", "no:cacheprovider", *sys.argv[1:]], [markers])
json.dump({name: sorted(files) for name, files in markers.files.items()}, out)
"""
    command = [sys.executable, "-c", script, *map(str, HERE.glob("test_eq*.py"))]
    return json.loads(subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=True).stdout)


@each_number
def test_marker_selects_the_equations_file(number, selections):
    file, = selections[f"eq{number}"]
    assert re.fullmatch(rf"test_eq{number:02}_[a-z_]+\.py", file)


@each_number
def test_each_equation_has_formula_and_gradient_tested(number):
    file, = HERE.glob(f"test_eq{number:02}_*.py")
    tests = re.findall(r"^def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert {"test_formula", "test_gradient"} < set(tests)


def normalise(latex):
    r"""LaTeX without what is only looks, so that formulas compare as strings.

    Fonts (\mathbf, \mathcal), braces, spaces, alignment (&) and dots of multiplication (\cdot) go; a line break within
    a formula becomes a comma.
    """
    latex = re.sub(r"\\(begin|end)\{aligned\}|\\math(bf|cal)|\\quad|\\cdot|&", "", latex)
    return re.sub(r"[{}\s]", "", latex.replace(r"\\", ","))


@pytest.fixture(scope="module")
def printed():
    """{number: formula as the paper prints it}."""
    if not PAPER.exists():
        pytest.skip(f"needs the paper's text in {PAPER}")
    blocks = re.findall(r"\$\$(.+?)\((\d+)\)\s*\$\$", PAPER.read_text(encoding="utf-8"), re.DOTALL)
    return {int(number): formula for formula, number in blocks}


@each_number
def test_docstring_holds_the_printed_formula(number, printed):
    """Eq. 1 and 5 print the same line for l, a and v; the docstring has it once, for m."""
    docstring = normalise(function_of(number).__doc__)
    if number in (1, 5):
        lines = normalise(printed[number]).split(",p_")
        assert len(lines) == 3
        for modality, line in zip("lav", lines, strict=True):
            assert line.removeprefix("p_") in re.sub(r"(?<=[_d])m", modality, docstring)
    else:
        assert normalise(printed[number]) in docstring


def test_the_paper_prints_sixteen_equations(printed):
    assert sorted(printed) == list(NUMBERS)
