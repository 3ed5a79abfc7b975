"""The committed notebooks are those of their sources, and each runs without error or warning.

They run as `tutorials.build` runs them: without real data, cache and network. ``pytest -s`` shows
the time of each.
"""

import re
import time
from functools import cache
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="needs the extra 'tutorials'")
pytest.importorskip("jupytext", reason="needs the extra 'tutorials'")
pytest.importorskip("nbclient", reason="needs the extra 'tutorials'")
pytest.importorskip("ipykernel", reason="needs the extra 'tutorials'")

from tutorials import build, exercises  # noqa: E402, after what build needs

FOLDER = build.HERE
each_source = pytest.mark.parametrize("source", build.SOURCES, ids=lambda source: source.stem)


def committed(source):
    return nbformat.read(FOLDER / f"{source.stem}.ipynb", as_version=4)


def complaints(nb):
    """Outputs that are errors, or that say on stderr anything but that the data is synthetic."""
    outputs = [output for cell in nb.cells if cell.cell_type == "code" for output in cell.outputs]
    return [output for output in outputs
            if output.output_type == "error"
            or (output.get("name") == "stderr"
                and not output.text.startswith("notice: the data is SYNTHETIC"))
            or "Traceback" in output.get("text", "") or "Warning" in output.get("text", "")]


def test_every_notebook_has_a_source():
    notebooks = [path.stem for path in sorted(FOLDER.glob("*.ipynb"))]
    assert notebooks == [source.stem for source in build.SOURCES]


@each_source
def test_committed_notebook_is_that_of_its_source(source):
    """Otherwise: python -m tutorials.build"""
    cells = [[(cell.id, cell.cell_type, cell.source, cell.metadata) for cell in nb.cells]
             for nb in (committed(source), build.notebook(source))]
    assert cells[0] == cells[1]


@each_source
def test_committed_outputs(source):
    nb = committed(source)
    nbformat.validate(nb)
    assert complaints(nb) == []
    counts = [cell.execution_count for cell in nb.cells if cell.cell_type == "code"]
    assert counts == [*range(1, len(counts) + 1)]
    text = nbformat.writes(nb)
    assert len(text) < 2e6
    assert str(Path.home()) not in text


@each_source
def test_runs_from_the_top(source):
    nb = build.notebook(source)
    begun = time.perf_counter()
    build.execute(nb)
    print(f"{source.stem}: {time.perf_counter() - begun:.0f} s")
    assert complaints(nb) == []


@each_source
def test_exercises_are_open(source):
    """Each exercise has a cell that raises NotImplementedError with its number, then a check.

    The check has printed that the exercise is to be done: a mistake in it would raise nothing.
    """
    outputs = [output for cell in committed(source).cells for output in cell.get("outputs", [])]
    printed = "".join(output.get("text", "") for output in outputs)
    cells = [cell.source for cell in build.notebook(source).cells
             if "NotImplementedError(" in cell.source]
    numbers = list(exercises.of_notebook(int(source.stem[:2])))
    assert len(cells) == len(numbers) >= 2
    for number, cell in zip(numbers, cells, strict=True):
        assert f'raise NotImplementedError("exercise {number}")' in cell
        assert f'\ncheck("{number}", ' in cell
        assert f"exercise {number}: still to be done\n" in printed


@cache
def sections():
    """``{item: (notebook, text, code, types of outputs)}`` of sections that name an item."""
    found = {}
    for path in sorted(FOLDER.glob("*.ipynb")):
        section = None
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                if section:
                    section[2].append(cell.source)
                    for output in cell.outputs:
                        section[3].update(output.get("data", {}))
                continue
            for part in re.split(r"^(?=## )", cell.source, flags=re.MULTILINE):
                if part.startswith("## "):
                    section = (path, [], [], set())
                    found |= dict.fromkeys(build.items_in(part.partition("\n")[0]), section)
                if section:
                    section[1].append(part)
    return found


@pytest.mark.parametrize("number", range(1, 17))
def test_each_equation_is_printed_computed_checked_and_drawn(number):
    notebook, text, code, outputs = sections()[f"Eq. {number}"]
    assert rf"\tag{{{number}}}" in "".join(text)
    code = "".join(code)
    assert "np.allclose(" in code  # the loop against the package
    assert "nn.check_gradient(" in code
    assert outputs & {"image/png", "image/gif"}
    solved = exercises.of_notebook(int(notebook.stem[:2])).values()
    assert any(number in exercise.equations for exercise in solved)


def test_readme_is_made_from_the_code():
    """Otherwise: python -m tutorials.build"""
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == build.readme()


def test_everything_in_the_paper_has_a_row():
    """16 equations, 6 figures, 6 tables: each has a section, a function and a test."""
    rows = {}
    for line in build.contents().splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if cells and re.fullmatch(r"(Eq\.|Figure|Table) \d+", cells[0]):
            rows[cells[0]] = cells[1:]
    expected = build.items_in("Eq. 1 to 16, Figures 1 to 6, Tables 1 to 6")
    assert list(rows) == expected
    for item, (notebook, function, exercise, test) in rows.items():
        assert all([notebook, function, test]), item
        assert exercise or not item.startswith("Eq."), item
