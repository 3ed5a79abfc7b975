r"""Code, tests and paper are tied together by number.

Each of the sixteen equations has its function, its test file and its marker. Where the paper's text
is at hand, the LaTeX of each docstring is compared with the printed formula.
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

from argf_np import paper

NUMBERS = range(1, 17)
HERE = Path(__file__).resolve().parent
PAPER = HERE.parents[1] / "shared" / "paper" / "ARGF.md"
each_number = pytest.mark.parametrize("number", NUMBERS)


def equations():
    """``[(number, function)]`` for every function whose docstring begins with "Eq. N: "."""
    found = []
    for name in (module.name for module in pkgutil.iter_modules(paper.__path__)):
        module = importlib.import_module(f"argf_np.paper.{name}")
        for _, function in inspect.getmembers(module, inspect.isfunction):
            number = re.match(r"Eq\. (\d+): \S", function.__doc__ or "")
            if number and function.__module__ == module.__name__:  # not one that was imported
                found.append((int(number[1]), function))
    return found


FUNCTIONS = dict(equations())


def test_sixteen_equations_sixteen_functions():
    assert sorted(number for number, _ in equations()) == list(NUMBERS)


@pytest.mark.parametrize("module", ["joint_embedding_eq1_9", "graph_fusion_eq10_16"])
def test_a_file_has_its_equations_in_the_paper_order(module):
    """Eq. 10 to 16 stand in `graph_fusion_eq10_16.py` from top to bottom, without a gap."""
    lines = {}
    for number, function in equations():
        if function.__module__ == f"argf_np.paper.{module}":
            lines[number] = inspect.getsourcelines(function)[1]
    first, last = re.findall(r"\d+", module)
    assert sorted(lines, key=lines.get) == [*range(int(first), int(last) + 1)]


COLLECT = """
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


@pytest.fixture(scope="module")
def selections():
    """``{marker: files of the tests that carry it}``, which is what ``pytest -m`` selects.

    The tests are collected in another process.
    """
    command = [sys.executable, "-c", COLLECT, *map(str, HERE.glob("test_eq*.py"))]
    done = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@each_number
def test_marker_selects_the_file_of_the_equation(number, selections):
    file, = selections[f"eq{number}"]
    assert re.fullmatch(rf"test_eq{number:02}_[a-z_]+\.py", file)


@each_number
def test_each_equation_has_formula_and_gradient_tested(number):
    file, = HERE.glob(f"test_eq{number:02}_*.py")
    tests = re.findall(r"^def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert {"test_formula", "test_gradient"} < set(tests)


def normalise(latex):
    r"""LaTeX without what concerns the layout only, so that formulas compare as strings.

    Fonts (\mathbf, \mathcal), braces, spaces, alignment (&) and dots of multiplication (\cdot) are
    removed. A line break within a formula becomes a comma.
    """
    latex = re.sub(r"\\(begin|end)\{aligned\}|\\math(bf|cal)|\\quad|\\cdot|&", "", latex)
    return re.sub(r"[{}\s]", "", latex.replace(r"\\", ","))


@pytest.fixture(scope="module")
def printed():
    """``{number: formula as the paper prints it}``."""
    if not PAPER.exists():
        pytest.skip(f"needs the paper's text in {PAPER}")
    text = PAPER.read_text(encoding="utf-8")
    blocks = re.findall(r"\$\$(.+?)\((\d+)\)\s*\$\$", text, re.DOTALL)
    return {int(number): formula for formula, number in blocks}


@each_number
def test_docstring_holds_the_printed_formula(number, printed):
    """The paper prints Eq. 1 and 5 three times, for l, a and v; the docstring has them for m."""
    docstring = normalise(FUNCTIONS[number].__doc__)
    if number not in (1, 5):
        assert normalise(printed[number]) in docstring
        return
    lines = normalise(printed[number]).split(",p_")
    assert len(lines) == 3
    for modality, line in zip("lav", lines, strict=True):
        assert line.removeprefix("p_") in re.sub(r"(?<=[_d])m", modality, docstring)


def test_the_paper_prints_sixteen_equations(printed):
    assert sorted(printed) == list(NUMBERS)
