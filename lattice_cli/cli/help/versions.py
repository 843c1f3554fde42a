"""What a report has to say of the program and what it runs on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from lattice_cli import __version__

_LIBRARIES = ("numpy", "click", "rich", "pyyaml", "numba", "torch", "onnxruntime")


def version_lines() -> str:
    """A line each: lattice, Python, the libraries, the platform. None of them is imported for it."""
    found = {"Python": platform.python_version(), **{name: _version(name) for name in _LIBRARIES}}
    lines = [f"{name} {number}" for name, number in found.items()]
    return "\n".join([f"lattice, version {__version__}", *lines, platform.platform()])


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"
