"""Values as lines of JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def _encoder(encoding: str) -> Callable[[Any], str]:
    """Made once, since records may be small: full float precision, and an error rather than a NaN."""
    return json.JSONEncoder(ensure_ascii=encoding.lower().replace("-", "") != "utf8", allow_nan=False).encode


def json_lines(*values: Any) -> str:
    """Values as lines of JSON, in ASCII if standard output does not speak UTF-8: JSON is for programs."""
    encoded = _encoder(sys.stdout.encoding or "")
    return "".join([encoded(value) + "\n" for value in values])


def write_json(*values: Any) -> None:
    """Values as lines of JSON on standard output."""
    sys.stdout.write(json_lines(*values))
