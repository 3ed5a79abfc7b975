"""Make the notebooks from their sources, run them, and write the tables of the README.

    python -m tutorials.build                    everything
    python -m tutorials.build 08_graph_fusion_1  this notebook, and the README

A source is a py:percent script in sources/. The committed outputs are those of the synthetic corpus.
"""

import hashlib
import importlib
import inspect
import os
import pkgutil
import re
import sys
import tempfile
from pathlib import Path
from unittest import mock

import jupytext
import nbformat
from nbclient import NotebookClient

import argf_np

from . import exercises

HERE = Path(__file__).resolve().parent
SOURCES = sorted((HERE / "sources").glob("*.py"))
MARK = "<!-- Below this line everything is written by build.py. -->\n"


def notebook(source):
    """The notebook of a source, without outputs. A cell's id is made from its text, so that it stays the same."""
    nb = jupytext.read(source)
    nb.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                   "language_info": {"name": "python"}}
    nb.nbformat, nb.nbformat_minor = 4, 5
    for number, cell in enumerate(nb.cells):
        earlier = sum(cell.source == other.source for other in nb.cells[:number])
        cell.id = hashlib.sha256(f"{earlier}{cell.source}".encode()).hexdigest()[:8]
        cell.metadata = {}
    return nb


def execute(nb):
    """Run all cells from the top, in place: in an empty folder, without real data, cache and network."""
    with tempfile.TemporaryDirectory() as folder:
        nowhere = {"ARGF_NP_DATA": "data", "XDG_CACHE_HOME": folder, "OPENBLAS_NUM_THREADS": "1",
                   "PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent}",
                   **{f"{scheme}_proxy": "http://localhost:9" for scheme in ("http", "https")}}
        with mock.patch.dict("os.environ", nowhere):
            NotebookClient(nb, timeout=300, record_timing=False, resources={"metadata": {"path": folder}}).execute()
    nb.metadata["language_info"] = {"name": "python"}  # no version of Python
    return nb


def readme():
    """The text of the README: what stands above the mark, and the tables below it."""
    above, _ = (HERE / "README.md").read_text(encoding="utf-8").split(MARK)
    return above + MARK + "\n" + route() + "\n" + contents()


def route():
    """One row a notebook: title and the "Needs" line of its first cell."""
    rows = ["| notebook | needs | minutes | paper |", "|---|---|---|---|"]
    for source in SOURCES:
        first = notebook(source).cells[0].source
        title = re.match(r"# (.+)", first)[1]
        needs, minutes, paper = re.search(r"\*Needs: (.+)\. Minutes: (\d+)\. Paper: (.+)\.\*", first).groups()
        rows.append(f"| [{title}]({source.stem}.ipynb) | {needs} | {minutes} | {paper} |")
    return "\n".join(["## The route", "", *rows, ""])


def contents():
    """One row an equation, table and figure of the paper that a heading of a notebook names."""
    functions = functions_of_the_paper()
    rows = {}
    for source in SOURCES:
        number = source.stem[:2]
        solved = {f"Eq. {n}": name for name, function in exercises.of_notebook(int(number)).items()
                  for n in function.equations}
        for cell in notebook(source).cells:
            for section, items in re.findall(r"^## (.+) \((.+)\)$", cell.source, re.M):
                for item in re.findall(r"(?:Eq\.|Figure|Table) \d+", items):
                    place = f"[{number}]({source.stem}.ipynb) · {section}"
                    rows[item] = (place, functions.get(item, ""), solved.get(item, ""), link_to_test(item))
    order = sorted(rows, key=lambda item: (item.split()[0], int(item.split()[1])))
    lines = [f"| {item} | {' | '.join(rows[item])} |" for item in order]
    return "\n".join(["## Where to find what is in the paper", "",
                      "| paper | notebook | function | exercise | test |", "|---|---|---|---|---|", *lines, ""])


def functions_of_the_paper():
    """``{"Eq. 13" or "Figure 2": function}``: what carries an equation's mark or a docstring that begins like this."""
    found = {}
    for module in pkgutil.walk_packages(argf_np.__path__, "argf_np."):
        if module.name.endswith("__main__"):
            continue
        for name, function in inspect.getmembers(importlib.import_module(module.name), inspect.isfunction):
            begins = re.match(r"(Figure|Table) \d+(?=:)", function.__doc__ or "")
            if function.__module__ == module.name and (begins or hasattr(function, "equation")):
                item = begins[0] if begins else f"Eq. {function.equation}"
                found[item] = f"`{module.name.removeprefix('argf_np.')}.{name}`"
    return found


def link_to_test(item):
    """Link to the tests of an equation; for a figure or table, nothing."""
    kind, number = item.split()
    if kind != "Eq.":
        return ""
    (file,) = (HERE.parent / "tests").glob(f"test_eq{int(number):02d}_*.py")
    return f"[{file.name}](../tests/{file.name})"


def main(names):
    """Build the notebooks of these names, or all of them, and the README."""
    if unknown := set(names) - {source.stem for source in SOURCES}:
        sys.exit(f"error: no source {min(unknown)!r}, expected one of {', '.join(source.stem for source in SOURCES)}")
    for source in SOURCES:
        if source.stem in names or not names:
            nbformat.write(execute(notebook(source)), HERE / f"{source.stem}.ipynb")
            print(source.stem)
    (HERE / "README.md").write_text(readme(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
