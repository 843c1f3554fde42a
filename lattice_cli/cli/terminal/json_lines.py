"""Values as lines of JSON."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from lattice_cli.errors import all_seen


@cache
def _encoder(encoding: str) -> Callable[[Any], str]:
    """Made once, since records may be small: full float precision, and an error rather than a NaN."""
    return json.JSONEncoder(ensure_ascii=encoding.lower().replace("-", "") != "utf8", allow_nan=False).encode


def json_lines(*values: Any) -> str:
    """Values as lines of JSON, in ASCII if standard output does not speak UTF-8: JSON is for programs.

    JSON has no infinity, the energy of no way at all, and no nan, what cannot be told: null stands for them.
    """
    encoded = _encoder(sys.stdout.encoding or "")
    try:
        text = "".join([encoded(value) + "\n" for value in values])
    except ValueError:
        text = "".join([encoded(_finite(value)) + "\n" for value in values])
    return all_seen(text)


def _finite(value: Any) -> Any:
    """The value with null for every number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def write_json(*values: Any) -> None:
    """Values as lines of JSON on standard output."""
    sys.stdout.write(json_lines(*values))
