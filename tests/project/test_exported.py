"""What packages give: each says what it is for, with a line for each module, and its names load when they are used."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pathlib
import re
import subprocess
import sys

import pytest
from support import ROOT
from support.doors import DOORS

import lattice_cli
from lattice_cli.lazy import names_given

FOLDERS = sorted(path.parent for path in (ROOT / "lattice_cli").rglob("__init__.py"))
PACKAGES = {".".join(folder.relative_to(ROOT).parts): folder for folder in FOLDERS}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_a_line_for_each_of_its_modules(package: str) -> None:
    docstring = ast.get_docstring(ast.parse((PACKAGES[package] / "__init__.py").read_text())) or ""
    listed = set(re.findall(r"^(\w+/?) {2,}\S", docstring, re.MULTILINE))
    modules = {path.stem for path in PACKAGES[package].glob("*.py")} - {"__init__", "__main__"}
    inner = {f"{path.parent.name}/" for path in PACKAGES[package].glob("*/__init__.py")}
    assert listed == modules | (inner if package != "lattice_cli" else set())


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_package_gives_is_there(package: str) -> None:
    module = importlib.import_module(package)
    for name, home in names_given(package).items():
        if home in DOORS and importlib.util.find_spec(DOORS[home]) is None:
            continue
        assert getattr(module, name) is getattr(importlib.import_module(home), name)
        # Importing a module sets an attribute of its package, which must not be one of the names.
        assert not (PACKAGES[package] / f"{name}.py").exists()
        assert not (PACKAGES[package] / name).exists()
        assert not name.startswith("_")


def test_what_the_library_promises_is_what_it_gives() -> None:
    assert sorted(names_given("lattice_cli")) == lattice_cli.__all__
    with pytest.raises(AttributeError, match="'lattice_cli' has no attribute 'decode_all'"):
        lattice_cli.decode_all  # noqa: B018


def test_packages_load_nothing_before_it_is_used() -> None:
    script = f"import sys, {', '.join(PACKAGES)}\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert not {"numpy", "click", "rich", "yaml"} & set(loaded.split())
    own = {name for name in loaded.split() if name.startswith("lattice_cli")}
    assert own == {*PACKAGES, "lattice_cli.lazy"}


def test_the_map_of_the_package_names_every_room() -> None:
    text = (ROOT / "lattice_cli" / "README.md").read_text(encoding="utf-8")
    for package, folder in PACKAGES.items():
        if package.count(".") == 1:
            assert f"**{folder.name}**" in text, package
    named = re.findall(r"`((?:\w+/)+\w+)`", text)
    missing = [name for name in named if not pathlib.Path(ROOT, "lattice_cli", f"{name}.py").exists()]
    assert not missing
