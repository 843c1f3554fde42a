"""Keys of configurations: fields of dataclasses that know what they mean and what they may be."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def setting(default: Any, meaning: str, **limits: Any) -> Any:
    """A field with its meaning. limits: choices (allowed texts), least (smallest number), above and below (bounds)."""
    return field(default=default, metadata={"meaning": meaning, **limits})
