"""The rooms of the package and who may enter: imports point one way, and each heavy library has one door."""

from __future__ import annotations

import ast
import functools
import re
import sys

import pytest
from support import ROOT
from support.doors import DOORS

from lattice_cli.formats import Format
from lattice_cli.formats.registry import FORMATS, loaded
from lattice_cli.lazy import names_given

PACKAGE = ROOT / "lattice_cli"
MODULES = {
    ".".join(("lattice_cli", *path.relative_to(PACKAGE).with_suffix("").parts)): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

#: The rooms from the ground up: a room may import from those of lower floors only.
FLOORS = (
    {"lazy", "errors", "settings", "choices"},
    {"remote"},
    {"arrays", "executors"},
    {"graph", "learning.networks", "learning.optimizers", "learning.segmentation"},
    {"sweep", "composition", "formats.io", "learning.modules"},
    {"learning.recognizers"},
    {"search", "grammars", "formats.exchange"},
    {"emissions", "formats.notations", "formats.matrices", "learning.grammars"},
    {"records", "formats.native"},
    {"analysis", "formats", "formats.binary", "learning.losses"},
    {"learning.variational", "learning.tuning"},
    {"learning.training"},
    {"models"},
    {"library", "torch"},
    {"cli.terminal"},
    {"cli.stream", "cli.web", "cli.help"},
    {"cli.reports"},
    {"cli.options"},
    {"cli.commands"},
    {"cli"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
ENGINE = (
    "arrays", "graph", "sweep", "composition", "search", "grammars", "emissions", "records", "analysis", "learning",
)  # fmt: skip
MOST_LINES = 400
MOST_FILES = 12
#: Of commands and reports there is one for each command.
MOST_COMMANDS = 21


def room(module: str) -> str:
    """The part of the package that a module belongs to; "" for those at its top."""
    parts = module.split(".")[1:]
    for length in range(min(len(parts), 2), 0, -1):
        if ".".join(parts[:length]) in FLOOR:
            return ".".join(parts[:length])
    return ""


@functools.cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


@functools.cache
def imported(module: str) -> set[str]:
    """The full names of all modules that a module imports, at its top, in functions or for type checking only."""
    package = module.split(".")[:-1]
    found: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            if f"{name}.__init__" not in MODULES:  # of a room only what is taken from it counts
                found.add(name)
            found.update(f"{name}.{alias.name}" for alias in node.names)
    return found


def libraries(module: str) -> set[str]:
    """The top names of what a module imports."""
    return {name.split(".")[0] for name in imported(module)}


def literal_imports(module: str) -> list[str]:
    """Modules named in calls that import by string."""
    calls = [node for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    names = {"import_module", "__import__"}
    return [
        ast.unparse(call.args[0])
        for call in calls
        if (getattr(call.func, "attr", None) in names or getattr(call.func, "id", None) in names) and call.args
    ]


def test_there_is_something_to_look_at() -> None:
    assert {room(module) for module in MODULES} >= {"cli", "formats", "search", "graph", ""}
    assert "lattice_cli.graph.Graph" in imported("lattice_cli.sweep.forward_backward")
    assert "numpy" in libraries("lattice_cli.graph.graph")


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    own = room(module)
    entered = {room(name) for name in imported(module) if name.startswith("lattice_cli")} - {"", own}
    if own:
        assert all(FLOOR[other] < FLOOR[own] for other in entered), entered
    elif module.endswith("__main__"):
        assert entered == {"cli"}
    else:  # what the package itself gives
        assert all(FLOOR[other] <= FLOOR["library"] for other in entered)


def test_no_module_is_imported_by_what_it_imports() -> None:
    """Modules one by one, imports inside of functions too; a name of a package counts as the module that has it."""
    given = {
        f"{module.removesuffix('.__init__')}.{name}": home
        for module in MODULES
        if module.endswith("__init__")
        for name, home in names_given(module.removesuffix(".__init__")).items()
    }
    arrows = {
        module: {given.get(name, name) for name in imported(module)} & set(MODULES) - {module}
        for module in MODULES
        if not module.endswith("__init__")
    }
    while arrows:
        leaves = {module for module, others in arrows.items() if not others & set(arrows)}
        assert leaves, f"a cycle among {sorted(arrows)}"
        for module in leaves:
            del arrows[module]


def test_folders_are_small() -> None:
    for folder in {path.parent for path in MODULES.values()}:
        files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        most = MOST_COMMANDS if folder.name in ("commands", "reports") else MOST_FILES
        assert len(files) <= most, folder


def test_no_two_modules_and_no_two_classes_have_one_name() -> None:
    """Commands are called as what they do, in words that rooms have too."""
    modules = [path.stem for path in MODULES.values() if path.parent.name != "commands" and path.stem[:2] != "__"]
    classes = [node.name for module in MODULES for node in tree(module).body if isinstance(node, ast.ClassDef)]
    for names in (modules, classes):
        assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("module", [module for module in MODULES if room(module).split(".")[0] in ENGINE])
def test_the_engine_knows_no_files_and_no_terminals(module: str) -> None:
    assert not libraries(module) & {"click", "rich", "yaml", "json", "argparse", "gzip"}
    third_party = libraries(module) - set(sys.stdlib_module_names) - {"lattice_cli"}
    assert third_party <= {"numpy", DOORS.get(module, "numpy")}


@pytest.mark.parametrize("module", [module for module in MODULES if room(module).split(".")[0] in ENGINE])
def test_the_engine_speaks_of_no_options(module: str) -> None:
    """What it says is said to a person who imports it, too."""
    nodes = list(ast.walk(tree(module)))
    scopes = [node for node in nodes if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))]
    docstrings = {id(scope.body[0].value) for scope in scopes if isinstance(scope.body[0], ast.Expr)}
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in docstrings]
    named = [text for text in texts if isinstance(text, str) and re.search(r"(^|[\s(])(--[a-z]|-[a-z]\b)", text)]
    assert not named


@pytest.mark.parametrize("module", MODULES)
def test_each_library_has_its_door(module: str) -> None:
    used = libraries(module)
    assert "rich" not in used or room(module) == "cli.terminal"
    assert "click" not in used or room(module).startswith("cli")
    assert "yaml" not in used or room(module) == "formats.io"
    third_party = used - set(sys.stdlib_module_names) - {"lattice_cli", "safetensors"}
    assert "safetensors" not in used or module == "lattice_cli.models.module_weights"
    allowed = {"numpy", "click", "rich", "yaml", DOORS.get(module, "numpy")}
    assert third_party <= allowed, "not a dependency of the package"


@pytest.mark.parametrize("module", MODULES)
def test_imports_by_name_are_few_and_known(module: str) -> None:
    """An import by string would go around the tests above."""
    names = literal_imports(module)
    if module == "lattice_cli.cli.main":
        assert all("lattice_cli.cli.commands." in name for name in names)
    elif module == "lattice_cli.formats.registry":
        assert names == ["module"]  # one of lattice_cli.formats, as the next test holds
    elif module == "lattice_cli.lazy":
        # What the package imports for type checking, and the package itself.
        assert sorted(names) == ["home[name]", "package"]
    else:
        assert not names


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_what_the_registry_names_is_in_the_room_of_formats(form: Format) -> None:
    named = [name for name in (form.read, form.split, form.write) if name]
    assert named
    for name in named:
        assert name.startswith("."), "relative to lattice_cli.formats"
        assert f"lattice_cli.formats{name.partition(':')[0]}" in MODULES
        assert callable(loaded(name))


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is_for(module: str) -> None:
    assert ast.get_docstring(tree(module)), f"{MODULES[module]} has no docstring"


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_short(module: str) -> None:
    lines = len(MODULES[module].read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES, f"{MODULES[module]} has {lines} lines"
