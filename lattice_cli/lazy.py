"""Packages whose names are loaded when they are used (PEP 562), so that a package costs nothing to import."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

_IMPORT = re.compile(r"^    from (lattice_cli\.[\w.]+) import (?:\(([^)]*)\)|(.*))$", re.MULTILINE)


def lazy_names(package: str) -> Callable[[str], Any]:
    """The `__getattr__` of a package: its names are those that its `__init__.py` imports for type checking.

    A name that has been used is one of the package's own from then on.
    """

    def load(name: str) -> Any:
        if not home:
            home.update(names_given(package))
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = sys.modules[package].__dict__[name] = getattr(import_module(home[name]), name)
        return value

    home: dict[str, str] = {}
    return load


def names_given(package: str) -> dict[str, str]:
    """Name -> module, of all names that a package gives."""
    module = import_module(package)
    text = module.__loader__.get_data(module.__file__).decode()  # type: ignore[union-attr]
    return {
        name: module for module, several, one in _IMPORT.findall(text) for name in re.findall(r"\w+", several or one)
    }
