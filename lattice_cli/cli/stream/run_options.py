"""How records go through a command, and how their results look."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RunOptions:
    """keep_going: after a bad record. color: of tables: auto, always or never. jobs: processes. as_json: lines of JSON
    instead of tables."""

    keep_going: bool = False
    color: str = "auto"
    jobs: int = 1
    as_json: bool = False
