"""A class in a person's own file: run, made, and what goes wrong in it told with its line."""

from __future__ import annotations

import hashlib
import inspect
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from types import ModuleType
from typing import Any

from lattice_cli.errors import LatticeError, UsageError


@dataclass(frozen=True, eq=False)
class UserCode:
    """path: of the file; text: what is in it; name: of the class."""

    path: str
    text: str
    name: str

    def __reduce__(self) -> tuple[type[UserCode], tuple[str, str, str]]:
        """To another process goes the text, which is run there again."""
        return UserCode, (self.path, self.text, self.name)

    @property
    def digest(self) -> str:
        """SHA-256 of the text: that the code is the one a model was trained with."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def made_by(self) -> Any:
        """The class; the file is run for it. Raises UsageError for a file that cannot be, or has none of that name."""
        stem = PurePath(self.path).stem
        module = ModuleType(f"lattice_user_code.{stem}_{self.digest[:12]}")
        module.__file__ = self.path
        sys.modules[module.__name__] = module  # what looks itself up while it is defined finds itself
        folder = str(PurePath(self.path).parent)
        sys.path.insert(0, folder)  # files beside it may be imported
        try:
            with self.mistakes("running it"):
                exec(compile(self.text, self.path, "exec"), module.__dict__)
        finally:
            sys.path.remove(folder)
        found = module.__dict__.get(self.name)
        if not isinstance(found, type):
            classes = [
                name
                for name, each in module.__dict__.items()
                if isinstance(each, type) and each.__module__ == module.__name__
            ]
            have = f"its classes are {', '.join(classes)}" if classes else "it has no class"
            raise UsageError(f"{self.path}: there is no class {self.name!r}: {have}")
        return found

    def make(self, known: Mapping[str, Any], arguments: Mapping[str, Any]) -> Any:
        """An object of the class. known: arguments that it gets if it asks for them by name; arguments: those it gets
        anyway. Raises UsageError."""
        made_by = self.made_by
        asked = inspect.signature(made_by).parameters
        given = {name: value for name, value in known.items() if name in asked} | dict(arguments)
        with self.mistakes(f"{self.name}({', '.join(f'{name}={value!r}' for name, value in given.items())})"):
            return made_by(**given)

    @contextmanager
    def mistakes(self, doing: str) -> Iterator[None]:
        """What code within raises is a UsageError that names the last line of the file that it came from."""
        try:
            yield
        except (LatticeError, MemoryError, KeyboardInterrupt):
            raise
        except Exception as error:
            lines = [each.lineno for each in traceback.extract_tb(error.__traceback__) if each.filename == self.path]
            line = error.lineno if isinstance(error, SyntaxError) and error.filename == self.path else None
            line = line or (lines[-1] if lines else None)
            where = f"{self.path}:{line}" if line else self.path
            told = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
            if len(told) > 300:
                told = f"{told[:300]}..."
            raise UsageError(f"{where}: {doing}: {type(error).__name__}: {told}") from None
