"""The pages that `lattice help TOPIC` shows: Markdown in the package's folder `pages`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Topic:
    """A page. title: its first line, without the mark. summary: what it is about, a line. text: all of it, Markdown."""

    name: str
    title: str
    summary: str
    text: str


#: The map of the package is a page too.
_ARCHITECTURE = "architecture"


def read_topic(name: str) -> Topic | None:
    """A page; None if there is none of that name."""
    if name not in topic_names():
        return None
    package = files("lattice_cli")
    file = package / "README.md" if name == _ARCHITECTURE else package / "pages" / f"{name}.md"
    text = file.read_text("utf-8")
    title, _, rest = text.removeprefix("# ").partition("\n")
    summary = f"{title}." if name == _ARCHITECTURE else rest.lstrip("\n").partition("\n")[0]
    return Topic(name, title, summary.replace("`", ""), text)


def topic_names() -> list[str]:
    """What the pages are called; none is read for it."""
    names = [each.name for each in (files("lattice_cli") / "pages").iterdir()]
    return sorted([_ARCHITECTURE, *(name.removesuffix(".md") for name in names if name.endswith(".md"))])
