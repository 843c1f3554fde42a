"""What all options have in common: none is dropped in silence, and some belong together and reach a command as one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, TypeVar

import click

from lattice_cli.errors import UsageError

#: Where a command's context has the names of its parameters, in the order in which they are given.
ORDER = "lattice.order"
Command = TypeVar("Command", bound=Callable[..., Any])


class Option(click.Option):
    """An option that matters only beside others. needs: these, of which one will do; those that the command has."""

    def __init__(self, *arguments: Any, needs: Sequence[str] = (), **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.needs = needs


class StrictCommand(click.Command):
    """A command that refuses options of which one would be dropped: given twice, or without what it is for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments. Raises UsageError."""
        if not ctx.resilient_parsing:
            self._check(self._given(ctx, args))
        return super().parse_args(ctx, args)

    def _given(self, ctx: click.Context, args: list[str]) -> dict[click.Option, list[Any]]:
        """The options that are given, with all values of each."""
        repeatable = copy(self)
        repeatable.params = [copy(parameter) for parameter in self.params]
        options = [each for each in repeatable.params if isinstance(each, click.Option)]
        for option in options:
            option.multiple = not option.count
        values, _, order = repeatable.make_parser(ctx).parse_args(args=list(args))
        ctx.meta[ORDER] = [each.name for each in order]
        if not all(each in repeatable.params for each in order):
            return {}  # help is asked for
        own = dict(zip(repeatable.params, self.params))
        return {own[each]: values[each.name] for each in options if each in order}  # type: ignore[misc]

    def _check(self, given: dict[click.Option, list[Any]]) -> None:
        names = {name for option in given for name in option.opts}
        there = {name for parameter in self.params for name in parameter.opts}
        for option, values in given.items():
            name = max(option.opts, key=len)
            if not option.multiple and len(values) > 1 and not (option.is_flag and len(set(values)) == 1):
                found = " and ".join(option.opts + option.secondary_opts) if option.is_flag else ", ".join(values)
                raise UsageError(f"{name} is given {_times(len(values))}: {found}; expected once")
            needs = [each for each in getattr(option, "needs", ()) if each in there]
            if needs and not names & set(needs):
                raise UsageError(f"{name} makes no difference without {' or '.join(needs)}")


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"


def applied(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several click decorators as one; the first is listed first in the help."""

    def apply(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


def grouped(name: str, make: Callable[..., Any], *options: Callable[..., Any]) -> Callable[[Command], Command]:
    """Options that the command gets as one parameter: what `make` makes of their values when the command is run."""
    together: Callable[[Any], Any] = applied(*options)
    # A stand-in takes the options, to tell what they are called.
    names = [str(parameter.name) for parameter in together(lambda: None).__click_params__]

    def decorate(command: Any) -> Any:
        @functools.wraps(command)
        def with_group(**given: Any) -> Any:
            values = {each: given.pop(each) for each in names}
            return command(**given, **{name: make(**values)})

        return together(with_group)

    return decorate
