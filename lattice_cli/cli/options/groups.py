"""What all commands and options have in common: help in two forms, no option dropped in silence, groups of options."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lattice_cli.cli.options.parameter_types import file_read
from lattice_cli.errors import UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

#: Where a command's context has the names of its parameters, in the order in which they are given.
ORDER = "lattice.order"
#: Where it has its inputs, and how each is called below the folder that it was looked for in.
NAMES = "lattice.names"
Command = TypeVar("Command", bound=Callable[..., Any])


class Option(click.Option):
    """An option that matters only beside others. needs: these, of which one will do; those that the command has."""

    def __init__(self, *arguments: Any, needs: Sequence[str] = (), **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.needs = needs


def _shows(form: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    def show(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        if value and not ctx.resilient_parsing:
            from lattice_cli.cli import help as help_texts  # nothing of it is loaded before help is asked for

            click.echo(getattr(help_texts, form)(ctx))
            ctx.exit()

    return show


#: -h is one screen, --help is everything.
_HELP = [
    click.Option(names, is_flag=True, is_eager=True, expose_value=False, callback=_shows(form), help=text)
    for names, form, text in (
        (["-h", "brief"], "brief", "The help on one screen: examples, and the options used most."),
        (["--help"], "full", "All of the help."),
    )
]


class Helped(click.Command):
    """A command with two forms of help."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own parameters, then -h and --help."""
        return [*self.params, *_HELP]

    def get_help(self, ctx: click.Context) -> str:
        """All of its help."""
        from lattice_cli.cli.help import full

        return full(ctx)


class Group(Helped, click.Group):
    """A group of commands, in the order in which they are defined; by itself it says what there is."""

    def listed(self) -> dict[str, dict[str, str]]:
        """Heading -> command -> what it does."""
        return {"Commands": {name: each.get_short_help_str(200) for name, each in self.commands.items()}}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return [name for group in self.listed().values() for name in group]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments. Without any it says on standard output what there is."""
        return super().parse_args(ctx, args if args or ctx.resilient_parsing else ["-h"])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands and options that begin so; none is loaded for it."""
        from click.shell_completion import CompletionItem

        found = {name: about for group in self.listed().values() for name, about in group.items()}
        items = [CompletionItem(name, help=about) for name, about in found.items() if name.startswith(incomplete)]
        return [*items, *click.Command.shell_complete(self, ctx, incomplete)]


class StrictCommand(Helped):
    """A command that refuses options of which one would be dropped: given twice, or without what it is for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments. Raises UsageError."""
        if not ctx.resilient_parsing:
            self._check(self._given(ctx, args))
        left = super().parse_args(ctx, args)
        if not ctx.resilient_parsing:
            self._expand(ctx)
        return left

    def _expand(self, ctx: click.Context) -> None:
        """Patterns among the inputs are the files that they stand for."""
        from lattice_cli.cli.stream import expanded

        for parameter in self.params:
            if isinstance(parameter, click.Argument) and parameter.nargs == -1 and parameter.type is file_read:
                names = expanded(ctx.params[parameter.name])  # type: ignore[index,unused-ignore]
                ctx.params[parameter.name] = tuple(path for path, _ in names)  # type: ignore[index,unused-ignore]
                ctx.meta.setdefault(NAMES, {}).update(names)

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
