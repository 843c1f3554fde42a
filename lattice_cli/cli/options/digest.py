"""A digest of what results depend on besides their inputs: it tells whether those of a folder still hold."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from lattice_cli import __version__
from lattice_cli.cli import stream
from lattice_cli.cli.options.groups import ORDER
from lattice_cli.cli.options.parameter_types import FileName
from lattice_cli.errors import UsageError
from lattice_cli.remote import is_remote, remote_state

#: Options that make no difference to what is in a file of results.
_OUTSIDE = ("output", "jobs", "cluster", "part", "keep_going", "no_path_ok", "every_row", "trust_code")


def digest(context: click.Context, inputs: Sequence[str]) -> str:
    """A digest of the command, its options, and what is in the files that they name, but for these inputs. Raises
    UsageError for one that can be read only once."""
    own, told = {*inputs}, []
    for parameter in context.command.params:
        name = str(parameter.name)
        if name in _OUTSIDE or name not in context.params:
            continue
        value = context.params[name]
        files: list[str] = []
        if isinstance(parameter.type, FileName):
            files = [each for each in ((value,) if not isinstance(value, tuple) else value) if isinstance(each, str)]
            if isinstance(parameter, click.Argument):
                files = value = [path for path in files if path not in own]
        for path in files:
            if path == "-" or (os.path.exists(path) and not os.path.isfile(path)):
                what = "standard input" if path == "-" else f"{path}, which is no file"
                raise UsageError(f"{parameter.opts[0]} is {what}: results in a folder need a file there")
        told.append((name, value, {path: _of_file(path) for path in files if is_remote(path) or os.path.isfile(path)}))
    # What stands behind what matters where the one is about the other.
    several = {parameter.name for parameter in context.command.params if getattr(parameter, "multiple", False)}
    order = [name for name in context.meta.get(ORDER, ()) if name in several]
    return stream.digest_of(context.command.name, __version__, told, order)


def _of_file(path: str) -> str:
    """What changes with the contents of a file."""
    return str(remote_state(path)) if is_remote(path) else stream.file_digest(path)
