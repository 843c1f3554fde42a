"""Pages of Markdown: set for a terminal, through a pager; as they are into a pipe."""

from __future__ import annotations

import io
import os
import shutil
import sys
from typing import Any

import click

_WIDEST = 100


def show_page(markdown: str, before: str = "") -> None:
    """A page, behind what is to stand before it."""
    if not sys.stdout.isatty():
        click.echo(f"{before}\n\n{markdown}" if before else markdown, nl=not markdown.endswith("\n"))
        return
    # As git has it: no pager for what fits, colours, and what was read stays on the screen.
    os.environ.setdefault("LESS", "FIRX")
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    shown = _set(markdown, min(shutil.get_terminal_size().columns, _WIDEST), plain)
    click.echo_via_pager(f"{before}\n\n{shown}" if before else shown, color=not plain)


def _set(markdown: str, width: int, plain: bool) -> str:
    """The page as a terminal of that width shows it. Lines of code are never broken."""
    from rich.console import Console
    from rich.markdown import CodeBlock, Heading, Markdown
    from rich.text import Text
    from rich.theme import Theme

    class Code(CodeBlock):
        def __rich_console__(self, console: Any, options: Any) -> Any:
            lines = str(self.text).rstrip().split("\n")
            indent = "  " if max(map(len, lines)) + 2 <= options.max_width else ""
            for line in lines:
                yield Text(indent + line, style="cyan", no_wrap=True, overflow="ignore")

    class Plain(Heading):
        def __rich_console__(self, console: Any, options: Any) -> Any:
            yield Text(self.text.plain, style="bold")

    class Page(Markdown):
        elements = {**Markdown.elements, "fence": Code, "code_block": Code, "heading_open": Plain}  # noqa: RUF012

    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=not plain,
        color_system=None if plain else "standard",
        no_color=plain,
        theme=Theme({"markdown.code": "cyan"}),
    )
    console.print(Page(markdown), crop=False)
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))
