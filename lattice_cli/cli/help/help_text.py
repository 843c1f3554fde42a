"""-h and --help: what a command says of itself, on one screen, or whole.

The text of a command is its docstring. Paragraphs are wrapped; one that is indented stays as it is. What stands under
"Examples:" comes first, behind the usage line.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from inspect import cleandoc
from typing import Any

import click
from click.formatting import HelpFormatter, wrap_text

from lattice_cli.cli.help.blocks import BLOCKS, BRIEF, OF_COMMAND, PAGES

#: Under which options stand that have no place in BLOCKS, so that none is hidden.
OTHERS = "Others"
_FAULT = (
    "To report a fault: an issue where this copy comes from, with the command, the smallest input that shows it, and "
    "what lattice --version prints."
)
_FEW_OPTIONS, _FEW_EXAMPLES = 10, 2
#: Columns for what options are called; longer ones stand on a line of their own.
_NAMES = 26
#: Columns for choices in -h.
_CHOICES = 17


def _heading(text: str) -> str:
    """A heading: bold on a terminal that has such a thing."""
    plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return f"{text}:" if plain else click.style(f"{text}:", bold=True)


def full(ctx: click.Context) -> str:
    """All of a command's help: usage, examples, what it does, its options in blocks."""
    out = ctx.make_formatter()
    paragraphs, examples = _parts(ctx.command.help or "")
    out.write_usage(ctx.command_path, " ".join(ctx.command.collect_usage_pieces(ctx)))
    _section(out, "Examples", examples)
    for paragraph in paragraphs:
        out.write("\n")
        _paragraph(out, paragraph)
    for title, commands in _commands(ctx.command).items():
        pairs(out, title, commands.items())
    for title, options in in_blocks(ctx).items():
        pairs(out, title, [(_names(option), _whole(option, ctx)) for option in options])
    if further := _further(ctx):
        out.write("\n")
        _paragraph(out, further)
    return out.getvalue().rstrip("\n")


def brief(ctx: click.Context) -> str:
    """One screen: usage, two examples, the options or commands used most, and where there is more."""
    out = ctx.make_formatter()
    _, examples = _parts(ctx.command.help or "")
    out.write_usage(ctx.command_path, " ".join(ctx.command.collect_usage_pieces(ctx)))
    _paragraph(out, ctx.command.get_short_help_str(200), indent="")
    commands = _commands(ctx.command)
    gap = "" if commands else "\n"  # a table of commands is long
    out.write(gap)
    starts = [place for place, line in enumerate(examples) if re.match(r"  \S", line)]
    end = starts[_FEW_EXAMPLES] if len(starts) > _FEW_EXAMPLES else len(examples)
    out.write("".join(f"{line}\n" for line in examples[:end]))
    if commands:
        _table(out, commands)
    else:
        options = {_long(option): option for option in _options(ctx)}
        wanted = BRIEF.get(str(ctx.command.name), [*options][:_FEW_OPTIONS])
        chosen = [options[name] for name in wanted if name in options]
        if chosen:
            shown = [(_names(option, shorter=True), _first(option.help or "")) for option in chosen]
            pairs(out, "Options used most" if len(chosen) < len(options) else "Options", shown)
    pages = "".join(f", lattice help {topic}" for topic in _pages(ctx)[:2])
    out.write(f"{gap}More: {ctx.command_path} --help{pages or ', lattice help'}\n")
    return out.getvalue().rstrip("\n")


def in_blocks(ctx: click.Context) -> dict[str, list[click.Option]]:
    """Heading -> the options of a command below it."""
    of_option = {name: (title, place) for title, names in BLOCKS.items() for place, name in enumerate(names)}
    found: dict[str, list[tuple[int, click.Option]]] = {title: [] for title in (*BLOCKS, OTHERS)}
    for option in ctx.command.get_params(ctx):
        if isinstance(option, click.Option) and not option.hidden:
            name = _long(option)
            title, place = of_option.get(name, (OTHERS, 0))
            found[OF_COMMAND.get(f"{ctx.command.name} {name}", title)].append((place, option))
    return {title: [each for _, each in sorted(of, key=lambda pair: pair[0])] for title, of in found.items() if of}


def _options(ctx: click.Context) -> list[click.Option]:
    return [each for each in ctx.command.params if isinstance(each, click.Option) and not each.hidden]


def _long(option: click.Option) -> str:
    """What an option is called in the tables: the first of its long names."""
    return next((name for name in option.opts if name.startswith("--")), option.opts[0])


def _parts(text: str) -> tuple[list[str], list[str]]:
    """The paragraphs of a docstring, and the lines of its examples."""
    said, _, shown = cleandoc(text).partition("\nExamples:\n")
    examples, _, behind = shown.partition("\n\n")
    paragraphs = [each for part in (said, behind) for each in part.split("\n\n") if each.strip()]
    return [each.strip("\n") for each in paragraphs], examples.rstrip("\n").split("\n") if examples else []


def _commands(command: click.Command) -> dict[str, dict[str, str]]:
    """Heading -> command -> what it does, of a group of commands."""
    listed = getattr(command, "listed", None)
    return listed() if listed else {}


def _section(out: HelpFormatter, title: str, lines: Sequence[str]) -> None:
    if lines:
        out.write(f"\n{_heading(title)}\n" + "".join(f"{line}\n" for line in lines))


def _paragraph(out: HelpFormatter, text: str, indent: str = "  ") -> None:
    kept = text.startswith("  ")
    shown = text if kept else wrap_text(" ".join(text.split()), out.width, indent, indent)
    out.write(f"{shown}\n")


def pairs(out: HelpFormatter, title: str, rows: Iterable[tuple[str, str]]) -> None:
    """Names and what they are, in two columns below a heading."""
    out.write(f"\n{_heading(title)}\n")
    with out.indentation():
        out.write_dl([*rows], col_max=_NAMES)


def _table(out: HelpFormatter, commands: dict[str, dict[str, str]]) -> None:
    """Commands, a line each, with the heading of a group before its first one."""
    width = max(map(len, commands)) + 1
    name_width = max(len(name) for group in commands.values() for name in group)
    for title, group in commands.items():
        for number, (name, about) in enumerate(group.items()):
            begin = _heading(title) + " " * (width - len(title) - 1) if number == 0 else " " * width
            room = out.width - width - name_width - 3
            out.write(f"{begin} {name:<{name_width}}  {about if len(about) <= room else _first(about)}\n")


def _names(option: click.Option, shorter: bool = False) -> str:
    """An option as it is written: -n, --nbest N. shorter: without the choices of its value."""
    names = sorted(option.opts, key=lambda name: name.startswith("--"))
    if option.secondary_opts:
        names = [" / ".join([*names, *option.secondary_opts])]
    value = "" if option.is_flag or option.count else f" {_metavar(option, shorter)}"
    return ", ".join(names) + value


def _metavar(option: click.Option, shorter: bool) -> str:
    kind: Any = option.type
    if option.metavar:
        return option.metavar
    if isinstance(kind, click.Choice):
        choices = f"[{'|'.join(map(str, kind.choices))}]"
        return "NAME" if shorter and len(choices) > _CHOICES else choices
    if isinstance(kind, click.types.IntParamType):
        return "N"
    return "X" if isinstance(kind, click.types.FloatParamType) else str(kind.name).upper()


def _whole(option: click.Option, ctx: click.Context) -> str:
    """An option's text with its default."""
    default = option.get_default(ctx, call=False)
    shown = ", ".join(map(str, default)) if isinstance(default, tuple) else default
    if isinstance(shown, float):
        shown = f"{shown:g}"
    said = isinstance(shown, (str, int)) and not isinstance(shown, bool) and shown != "" and not option.is_flag
    behind = "  [required]" if option.required else f"  [default: {shown}]" if said else ""
    return (option.help or "") + behind


def _first(text: str) -> str:
    """The first sentence of a text, up to a colon or semicolon."""
    return re.split(r"[.;:](?:\s|$)", text, maxsplit=1)[0] + "."


def _pages(ctx: click.Context) -> tuple[str, ...]:
    """The pages on a command, or on the group that it is of."""
    own = PAGES.get(str(ctx.command.name), ())
    return own if own or ctx.parent is None or ctx.parent.parent is None else _pages(ctx.parent)


def _further(ctx: click.Context) -> str:
    """Where there is more, and of the whole program where a report goes."""
    pages = ", ".join(_pages(ctx))
    told = [f"Pages on it: {pages} (lattice help PAGE shows one)."] if pages else []
    return " ".join([*told, _FAULT] if ctx.parent is None else told)
