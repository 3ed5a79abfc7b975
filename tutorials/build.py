"""Make the notebooks from their sources, run them, and write the tables of the README.

    python -m tutorials.build        everything
    python -m tutorials.build 08 09  these notebooks, and the README

A source is a py:percent script in sources/. What is computed in the committed outputs comes from
the synthetic corpus.
"""

import ast
import hashlib
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import jupytext
import nbformat
from nbclient import NotebookClient

from . import exercises

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent / "argf_np"
SOURCES = sorted((HERE / "sources").glob("*.py"))
MARK = "<!-- Below this line everything is written by build.py. -->\n"


def notebook(source):
    """The notebook of a source, without outputs. A cell's id is made from its text, so that it
    stays the same.
    """
    nb = jupytext.read(source)
    nb.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nb.nbformat, nb.nbformat_minor = 4, 5
    for number, cell in enumerate(nb.cells):
        earlier = sum(cell.source == other.source for other in nb.cells[:number])
        cell.id = hashlib.sha256(f"{earlier}{cell.source}".encode()).hexdigest()[:8]
        cell.metadata = {}
    return nb


def execute(nb):
    """Run all cells from the top, in place, in an empty folder without data, cache or network."""
    with tempfile.TemporaryDirectory() as folder:
        nowhere = {
            "ARGF_NP_DATA": "data",
            "XDG_CACHE_HOME": folder,
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",  # of t-SNE
            "PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent}",
            **{f"{scheme}_proxy": "http://localhost:9" for scheme in ("http", "https")},
        }
        with mock.patch.dict("os.environ", nowhere):
            NotebookClient(
                nb, timeout=300, record_timing=False, resources={"metadata": {"path": folder}}
            ).execute()
    nb.metadata["language_info"] = {"name": "python"}  # no version of Python
    return nb


def readme():
    """The text of the README: what stands above the mark, and the tables below it."""
    above, _ = (HERE / "README.md").read_text(encoding="utf-8").split(MARK)
    return above + MARK + "\n" + route() + "\n" + contents()


def route():
    """One row per notebook: title and the "Needs" line of its first cell."""
    rows = ["| notebook | needs | minutes of reading | paper |", "|---|---|---|---|"]
    for source in SOURCES:
        first = notebook(source).cells[0].source
        title = re.match(r"# (.+)", first)[1]
        needs, minutes, paper = re.search(
            r"\*Needs: (.+)\. Minutes: (\d+)\. Paper: (.+)\.\*", first
        ).groups()
        rows.append(f"| [{title}]({source.stem}.ipynb) | {needs} | {minutes} | {paper} |")
    return "\n".join(["## The route", "", *rows, ""])


def contents():
    """One row per equation, table and figure of the paper that a heading of a notebook names."""
    functions = functions_of_the_paper()
    rows = {}
    for source in SOURCES:
        number = source.stem[:2]
        solved = {
            f"Eq. {n}": name
            for name, function in exercises.of_notebook(int(number)).items()
            for n in function.equations
        }
        for cell in notebook(source).cells:
            for section, items in re.findall(r"^## (.+) \((.+)\)$", cell.source, re.M):
                place = f"[{number}]({source.stem}.ipynb) · {section}"
                for item in items_in(items):
                    computed_by = functions.get(item, [])
                    rows[item] = (
                        place,
                        ", ".join(f"`{name}`" for name in computed_by),
                        solved.get(item, ""),
                        links_to_tests(item, computed_by),
                    )
    lines = [
        f"| {item} | {' | '.join(rows[item])} |"
        for item in sorted(rows, key=lambda item: (item.split()[0], int(item.split()[1])))
    ]
    return "\n".join(
        [
            "## Where to find what is in the paper",
            "",
            "| paper | notebook | function | exercise | test |",
            "|---|---|---|---|---|",
            *lines,
            "",
        ]
    )


def items_in(text):
    """What of the paper a text names: "Tables 1 to 3, Eq. 9" is ["Table 1", "Table 2", "Table 3",
    "Eq. 9"].
    """
    return [
        f"{kind} {number}"
        for kind, first, last in re.findall(r"(Eq\.|Figure|Table)s? (\d+)(?: to (\d+))?", text)
        for number in range(int(first), int(last or first) + 1)
    ]


def functions_of_the_paper():
    """``{item: functions}``: ``{"Eq. 13": ["paper.graph_fusion_eq10_16.vertex_scores"], ...}``.

    A function belongs to what its docstring begins with, "Eq. 13:" or "Tables 1 to 3:", and to a
    "(Figure 4)" in the first line. The package is read, not imported: parts of it may need an
    extra.
    """
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                first_line = (ast.get_docstring(node) or "").partition("\n")[0]
                named = re.findall(
                    r"^(?:Eq\.|Figure|Table)[^:]*:|\((?:Figure|Table) \d+\)", first_line
                )
                for item in items_in(" ".join(named)):
                    found.setdefault(item, []).append(f"{module}.{node.name}")
    return found


TESTS = {  # of modules whose tests are not called test_MODULE.py
    "joint_embedding_eq1_9": "eq0[1-9]_*",
    "graph_fusion_eq10_16": "graph_fusion",
    "fusions_table6": "table6_fusions",
    "complexity_table4": "complexity",
}


def links_to_tests(item, functions):
    """Links to the tests of an equation, or of the modules in which these functions stand."""
    kind, number = item.split()
    modules = [module for function in functions for module in function.split(".")[:-1]]
    patterns = [TESTS.get(module, module) for module in dict.fromkeys(modules)]
    if kind == "Eq.":
        patterns = [f"eq{int(number):02d}_*"]
    files = []
    for pattern in patterns:
        files += sorted(path.name for path in (HERE.parent / "tests").glob(f"test_{pattern}.py"))
    return ", ".join(f"[{name}](../tests/{name})" for name in files)


def main(names):
    """Build the notebooks whose names begin like this, or all of them, and the README."""
    stems = [source.stem for source in SOURCES]
    if unknown := [name for name in names if not any(stem.startswith(name) for stem in stems)]:
        sys.exit(f"error: no source {unknown[0]!r}, expected one of {', '.join(stems)}")
    for source in SOURCES:
        if source.stem.startswith(tuple(names or stems)):
            begun = time.perf_counter()
            nbformat.write(execute(notebook(source)), HERE / f"{source.stem}.ipynb")
            print(f"{source.stem}: {time.perf_counter() - begun:.0f} s", flush=True)
    (HERE / "README.md").write_text(readme(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
