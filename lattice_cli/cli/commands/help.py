"""The help command: commands and topics, or the help of one."""

from __future__ import annotations

import click

from lattice_cli.cli import terminal
from lattice_cli.cli.help import pairs, read_topic, topic_names
from lattice_cli.cli.options import Group, StrictCommand
from lattice_cli.errors import UsageError


def _completions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Commands and topics that begin so, or the commands of a group that is named before."""
    given = tuple(ctx.params.get("names") or ())
    if given:
        found = _command(ctx.find_root(), given)
        names = [*found.listed()["Kinds"]] if isinstance(found, Group) and "Kinds" in found.listed() else []
    else:
        names = [*ctx.find_root().command.list_commands(ctx), *topic_names()]  # type: ignore[attr-defined]
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]


@click.command(cls=StrictCommand)
@click.argument("names", metavar="[TOPIC|COMMAND...]", nargs=-1, shell_complete=_completions)
@click.pass_context
def help(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Lists commands and topics; of a command shows --help, of a topic its page.

    On a terminal a page is set for it and goes through a pager ($PAGER, else less); into a pipe it is Markdown, as it
    is written. What is both the name of a command and of a page shows both.

    Examples:
      lattice help
      lattice help viterbi
      lattice help grammar words
      lattice help ctc | grep -n beam
    """
    root = ctx.find_root()
    if not names:
        click.echo(_overview(root))
        return
    command = _command(root, names)
    page = read_topic(names[0]) if len(names) == 1 else None
    if command is None and page is None:
        raise UsageError(_unknown(root, " ".join(names)))
    told = "" if command is None else _help_of(root, names)
    if page is None:
        click.echo(told)
    else:
        terminal.show_page(page.text, told)


def _command(root: click.Context, names: tuple[str, ...]) -> click.Command | None:
    """The command of this name, the names of groups before its own."""
    found: click.Command | None = root.command
    for name in names:
        found = found.get_command(root, name) if isinstance(found, click.Group) else None
    return found


def _help_of(root: click.Context, names: tuple[str, ...]) -> str:
    """What NAMES --help prints."""
    context = root
    for name in names:
        command = context.command.get_command(context, name)  # type: ignore[attr-defined]
        context = click.Context(command, info_name=name, parent=context)
    return str(context.command.get_help(context))


def _overview(root: click.Context) -> str:
    """All commands in their groups, then all pages."""
    groups = dict(root.command.listed())  # type: ignore[attr-defined]
    pages = {name: page.summary for name in topic_names() if (page := read_topic(name))}
    out = root.make_formatter()
    out.write("lattice help COMMAND shows the help of a command, lattice help TOPIC a page.\n")
    for title, rows in [*groups.items(), ("Topics", pages)]:
        pairs(out, title, rows.items())
    return out.getvalue().rstrip("\n")


def _unknown(root: click.Context, name: str) -> str:
    from difflib import get_close_matches

    names = list(dict.fromkeys([*root.command.list_commands(root), *topic_names()]))  # type: ignore[attr-defined]
    near = get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"no help on {name!r}.{hint} There is: {', '.join(names)}"
