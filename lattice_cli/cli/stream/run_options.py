"""How records go through a command, and how their results look."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from lattice_cli.cli.stream.manifest import RunPart, Shards
from lattice_cli.executors import Place


@dataclass(frozen=True)
class RunOptions:
    """keep_going: after a bad record. color: of tables: auto, always or never. place: where records are solved. form:
    table, json, tsv, or one of those that a command has besides. every_row: tables are not cut short on a terminal.
    output: the file that results go to, whole or not at all; None: standard output. no_path_ok: records without a path
    make no difference to the exit status. part: of the inputs. shards: where each input has a file of results of its
    own, None for one place for all."""

    keep_going: bool = False
    color: str = "auto"
    place: Place = field(default_factory=Place)
    form: str = "table"
    every_row: bool = False
    output: str | None = None
    no_path_ok: bool = False
    part: RunPart = field(default_factory=RunPart)
    shards: Shards | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """How they go to other processes: where results go is for this one."""
        return RunOptions, tuple(None if each.name == "shards" else getattr(self, each.name) for each in fields(self))

    @property
    def as_json(self) -> bool:
        """True for a line of JSON a result."""
        return self.form == "json"
