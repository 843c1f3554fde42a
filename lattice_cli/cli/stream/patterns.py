"""The inputs of a command: patterns for names, and folders of results."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence

from lattice_cli.cli.stream.manifest import results_in
from lattice_cli.errors import UsageError
from lattice_cli.remote import is_remote, remote_files

#: What makes a name a pattern; and what stands before the first folder or file that it is about.
_PATTERN = re.compile(r"[*?[]")


def expanded(given: Sequence[str]) -> list[tuple[str, str]]:
    """The files that are meant, and how each is called below the folder that it was looked for in.

    A name with * ? [ or ** in it that is no file stands for all files that it fits, in the order of their names: a
    shell does so, but not for what is quoted, nor for more than fit a command line. A folder that results were written
    into by input stands for them. Raises UsageError for a pattern that no file fits.
    """
    found: list[tuple[str, str]] = []
    for path in given:
        if (results := results_in(path)) is not None:
            found += [(each, os.path.relpath(each, path)) for each in results]
        elif is_remote(path) and "*" not in path:  # others have a meaning there
            found.append((path, os.path.basename(path)))
        elif _PATTERN.search(path) and not os.path.exists(path):
            fitting = remote_files(path) if is_remote(path) else _files(path)
            if not fitting:
                raise UsageError(f"{path}: no file fits this pattern")
            fixed = _fixed(path)
            found += [(each, os.path.relpath(each, fixed)) for each in fitting]
        else:
            found.append((path, os.path.basename(path)))
    return found


def _files(pattern: str) -> list[str]:
    return sorted(filter(os.path.isfile, glob.glob(pattern, recursive=True)))


def _fixed(pattern: str) -> str:
    """The folder before the first part of a pattern that is one."""
    parts = pattern.split("/")
    first = next(number for number, part in enumerate(parts) if _PATTERN.search(part))
    return "/".join(parts[:first]) or ("/" if pattern.startswith("/") else ".")
