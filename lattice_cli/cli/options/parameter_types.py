"""What values of options and arguments are: files, names with numbers, lists, numbers in a range."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def say_waiting() -> None:
    """A word on standard error where standard input is to be read, and that is a terminal."""
    if sys.stdin is not None and sys.stdin.isatty():
        end = "Ctrl-Z and Enter" if sys.platform == "win32" else "Ctrl-D"
        print(f"lattice: reading from the terminal; end with {end}", file=sys.stderr)


class FileName(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A file, or "-"; shells complete it. reads: "-" is standard input. folder: a folder instead."""

    def __init__(self, reads: bool = True, folder: bool = False) -> None:
        self.name = "dir" if folder else "file"
        self._reads = reads

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as it is given."""
        if value == "-" and self._reads:
            say_waiting()
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """What the shell knows of files."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type=self.name)]


#: What is read; what is written, or may be something else than a file.
file_read = FileName()
file_named = FileName(reads=False)
folder_named = FileName(reads=False, folder=True)


class NamedNumber(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """NAME=VALUE, the value a finite number."""

    def __init__(self, name: str = "NAME=VALUE") -> None:
        """name: how the help calls it."""
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        """(name, value) of one option."""
        name, equals, text = str(value).rpartition("=")
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not equals or not name or not abs(number) < float("inf"):
            self.fail(f"{value!r} is not {self.name} with a finite number", param, ctx)
        return name, number


class NamedRange(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """NAME=LOW:HIGH, finite numbers, LOW below HIGH; or NAME=LOW:HIGH:STEPS, with a whole number of at least 2."""

    def __init__(self, name: str, steps: bool = False) -> None:
        """name: how the help calls it."""
        self.name = name
        self._parts = 3 if steps else 2

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """(name, low, high, steps) of one option; 0 steps where there are none."""
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).rpartition("=")
        parts = text.split(":")
        try:
            low, high = (float(part) for part in parts[:2])
            steps = int(parts[2]) if self._parts == 3 else 2
        except (ValueError, IndexError):
            low = high = steps = 0
        if (
            not (equals and name and -float("inf") < low < high < float("inf") and steps > 1)
            or len(parts) != self._parts
        ):
            self.fail(
                f"{value!r} is not {self.name} with LOW below HIGH{' and 2 STEPS at least' * (self._parts == 3)}",
                param,
                ctx,
            )
        return name, low, high, steps


class Operator(click.Choice):  # type: ignore[type-arg,unused-ignore]
    """The name of an operator, or two weights with a comma between them."""

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Names, and what else there may be."""
        return f"[{'|'.join(map(str, self.choices))}|A,B]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it was given."""
        parts = str(value).split(",")
        if len(parts) != 2:
            found: str = super().convert(value, param, ctx)
            return found
        try:
            if all(abs(float(part)) < float("inf") for part in parts):
                return str(value)
        except ValueError:
            pass
        self.fail(f"{value!r} is not two finite numbers with a comma between them", param, ctx)


class SideName(click.Choice):  # type: ignore[type-arg,unused-ignore]
    """A side to report on, or the name or number of a grammar: which there are shows when they are read."""

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Names, and what else there may be."""
        return f"[{'|'.join(map(str, self.choices))}|NAME|NUMBER]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it was given."""
        return str(value)


class BetaList(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """Inverse temperatures, one or several separated by commas."""

    name = "B[,B...]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """The temperatures as numbers above 0."""
        if isinstance(value, tuple):
            return value
        try:
            betas = tuple(float(part) for part in str(value).split(","))
        except ValueError:
            betas = ()
        if not betas or not all(0 < beta < float("inf") for beta in betas):
            self.fail(f"{value!r} is not a finite number above 0, or several separated by commas", param, ctx)
        return betas


class SizeList(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """Sizes of layers separated by commas; 0 alone stands for none."""

    name = "N[,N...]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The sizes as numbers of at least 1."""
        if isinstance(value, tuple):
            return value
        parts = str(value).split(",")
        if parts == ["0"]:
            return ()
        if not all(part.strip().isascii() and part.strip().isdigit() and int(part) > 0 for part in parts):
            self.fail(f"{value!r} is not a whole number above 0, or several separated by commas", param, ctx)
        return tuple(int(part) for part in parts)


class Number(click.FloatRange):
    """A number in a range; nan, which no comparison refuses, is in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        found = super().convert(value, param, ctx)
        if found != found:
            self.fail(f"{value} is not a number", param, ctx)
        return found


class Threshold(FileName):
    """A confidence from 0 to 1, or a file that has one; what reads as a number is one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or the name of the file."""
        try:
            number = float(value)
        except ValueError:
            return super().convert(value, param, ctx)
        if not 0 <= number <= 1:
            self.fail(f"{value} is not a confidence from 0 to 1", param, ctx)
        return number


finite_number = Number(min=-float("inf"), max=float("inf"), min_open=True, max_open=True)
#: A number above 0; an infinite one would make every energy one.
not_negative = Number(min=0, max=float("inf"), max_open=True)
positive = Number(min=0, min_open=True, max=float("inf"), max_open=True)


class PartOf(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """K/N, the K-th of N parts."""

    name = "K/N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """(K, N)."""
        if isinstance(value, tuple):
            return value
        part, _, of = str(value).partition("/")
        if not (part.isdecimal() and of.isdecimal() and 1 <= int(part) <= int(of)):
            self.fail(f"{value!r} is not K/N with whole numbers, K from 1 to N", param, ctx)
        return int(part), int(of)
