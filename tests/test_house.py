"""The order of the house: which part may import which, and how large anything may be.

Everything is read from the source with `ast`, so nothing is imported here.
"""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "argf_np"

# From the ground up. A part imports from the floors below its own, and from no part beside it.
FLOORS = [
    ("errors", "nn"),
    ("settings", "metrics", "storage", "paper"),
    ("commands",),
    ("data", "figures"),
    ("baselines",),
    ("pipeline",),
    ("estimator", "run_folder"),
    ("evaluate", "predict"),
    ("train",),
    ("experiments",),
    ("search",),
]
# What the floors alone would allow, but these parts do not.
ONLY = {"nn": set(), "errors": set(), "paper": {"nn", "errors"}, "settings": {"errors"}}


def module_name(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


SOURCES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}


def imports_of(name):
    """The modules of the package that a module imports, wherever the import stands."""
    is_folder = SOURCES[name].name == "__init__.py"
    found = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            inside = [alias.name for alias in node.names if alias.name.startswith("argf_np")]
            assert not inside, f"{name}: a relative import, please: {inside}"
        if not isinstance(node, ast.ImportFrom) or node.level == 0:
            continue
        parts = name.split(".") if name else []
        ups = node.level - is_folder
        base = parts[:len(parts) - ups] + (node.module.split(".") if node.module else [])
        for alias in node.names:
            submodule = ".".join([*base, alias.name])
            if submodule in SOURCES:
                found.add(submodule)
            elif alias.name != "__version__":
                found.add(".".join(base))
    return found


IMPORTS = {name: imports_of(name) for name in SOURCES if name}  # argf_np itself: see below


def part_of(name):
    return name.split(".")[0]


def floor_of(part):
    """The number of its floor; a part that does not exist is above all."""
    numbers = [number for number, parts in enumerate(FLOORS) if part in parts]
    return numbers[0] if numbers else len(FLOORS)


def test_every_part_has_a_floor():
    on_floors = [part for parts in FLOORS for part in parts]
    assert sorted(on_floors) == sorted({part_of(name) for name in IMPORTS})


def test_a_module_imports_only_parts_below_its_own():
    offences = []
    for name, imported in IMPORTS.items():
        part = part_of(name)
        for other in {part_of(module) for module in imported} - {part}:
            allowed = floor_of(other) < floor_of(part) and other in ONLY.get(part, {other})
            if not allowed:
                offences.append(f"{name} imports {other}")
    assert offences == []


def test_no_module_imports_itself_by_a_circle():
    TopologicalSorter(IMPORTS).prepare()  # raises CycleError, which names the circle


def test_importing_the_package_imports_nothing_but_sys():
    """`argf_np.ARGF` and `argf_np.load` are imported when they are first used."""
    imports = [node for node in TREES[""].body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in imports] == ["import sys"]


# Sizes

FOLDERS = ("argf_np", "tests", "benchmarks", "tutorials")
COMPREHENSIONS = ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp


def found(kinds, names=SOURCES):
    """``(place, node)`` of every node of some kinds in some modules."""
    for name in names:
        for node in ast.walk(TREES[name]):
            if isinstance(node, kinds):
                yield f"{name}, line {node.lineno}", node


def test_no_line_is_longer_than_100_columns():
    offences = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            lines = path.read_text(encoding="utf-8").splitlines()
            numbers = [number for number, line in enumerate(lines, 1) if len(line) > 100]
            if numbers:
                offences.append(f"{path.relative_to(ROOT)}: lines {numbers}")
    assert offences == []


def test_no_lambda_has_a_name():
    assignments = found((ast.Assign, ast.AnnAssign, ast.NamedExpr))
    assert [place for place, node in assignments if isinstance(node.value, ast.Lambda)] == []


def test_no_function_is_longer_than_50_lines():
    """The docstring counts too."""
    offences = []
    for place, function in found(ast.FunctionDef):
        if function.end_lineno - function.lineno >= 50:
            offences.append(f"{place}: {function.name}")
    assert offences == []


def test_no_comprehension_of_the_method_holds_another():
    offences = []
    method = [name for name in SOURCES if part_of(name) in ("paper", "nn")]
    for place, outer in found(COMPREHENSIONS, method):
        if sum(isinstance(node, COMPREHENSIONS) for node in ast.walk(outer)) > 1:
            offences.append(place)
    assert offences == []
