"""Values as lines of JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from lattice_cli.formats.io import json_line

if TYPE_CHECKING:
    pass


def json_lines(*values: Any) -> str:
    """Values as lines of JSON, in ASCII if standard output does not speak UTF-8: JSON is for programs."""
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    return "".join(json_line(value, ascii_only) + "\n" for value in values)


def write_json(*values: Any) -> None:
    """Values as lines of JSON on standard output."""
    sys.stdout.write(json_lines(*values))
