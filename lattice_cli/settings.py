"""Keys of configurations: fields of dataclasses that know what they mean and what they may be."""

from __future__ import annotations

from dataclasses import field
from typing import Any

#: Of what a network is made of, and of how often something is done: more is a slip of the hand, and would be tried for
#: as long as memory and patience last.
MOST_UNITS = 1_000_000
MOST_STEPS = 1_000_000_000


def setting(default: Any, meaning: str, **limits: Any) -> Any:
    """A field with its meaning. limits: choices (allowed texts), least and most (smallest and largest number),
    above and below (bounds)."""
    return field(default=default, metadata={"meaning": meaning, **limits})


def mapping(meaning: str) -> Any:
    """A field of names with any values, which are those of others: arguments of a class that is not ours."""
    return field(default_factory=dict, metadata={"meaning": meaning})
