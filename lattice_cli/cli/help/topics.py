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


def read_topics() -> dict[str, Topic]:
    """Name -> page, of all there are, sorted."""
    folder = files("lattice_cli") / "pages"
    pages = sorted((each for each in folder.iterdir() if each.name.endswith(".md")), key=lambda each: each.name)
    return {topic.name: topic for topic in (_topic(each.name, each.read_text("utf-8")) for each in pages)}


def topic_names() -> list[str]:
    """What the pages are called; none is read for it."""
    folder = files("lattice_cli") / "pages"
    return sorted(each.name.removesuffix(".md") for each in folder.iterdir() if each.name.endswith(".md"))


def _topic(file: str, text: str) -> Topic:
    title, _, rest = text.partition("\n")
    summary = rest.lstrip("\n").partition("\n")[0]
    return Topic(file.removesuffix(".md"), title.removeprefix("# "), summary, text)
