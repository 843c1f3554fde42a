"""How records go through a command, and how their results look."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from lattice_cli.executors import Place


@dataclass(frozen=True)
class RunPart:
    """Of N runs that share inputs, the K-th: every N-th input, from the K-th on."""

    number: int = 1
    of: int = 1

    @property
    def manifest(self) -> str:
        """The name of its manifest."""
        return "manifest.jsonl" if self.of == 1 else f"manifest.{self.number}-of-{self.of}.jsonl"

    def own(self, inputs: Sequence[str]) -> list[str]:
        """Its inputs."""
        return list(inputs[self.number - 1 :: self.of])


@dataclass(frozen=True)
class Shards:
    """folder: of the results. names: of the inputs below the folder that they are in, which their results have as well.
    digest: of all that results depend on besides their inputs, given these."""

    folder: str
    names: dict[str, str]
    digest: Callable[[Sequence[str]], str]


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


def names_folder(path: str) -> bool:
    """Whether results are to go into a folder, a file for each input: it is there, or its name ends as that of one."""
    return path.endswith(("/", os.sep)) or os.path.isdir(path)
