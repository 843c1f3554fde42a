"""What form a file has: told from its first bytes, and from its name only where the bytes leave it open."""

from __future__ import annotations

import re

from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats.io import Source
from lattice_cli.formats.registry import FORMATS, Format, readable

#: Columns of nodes, labels and weights: in none of our own forms does a document begin so.
_COLUMNS = re.compile(rb"\s*[0-9]+([ \t]+[^\s:=]+){0,4}[ \t]*\r?(\n|$)")
#: The lines that a Sphinx-3 word graph begins with, behind its comments.
_SPHINX = re.compile(rb"(#[^\n]*\n|\s)*Frames[ \t]+[0-9]+[ \t\r]*\n(#[^\n]*\n|\s)*Nodes[ \t]+[0-9]")


def form_read(source: Source, path: str, name: str) -> Format:
    """The form that `name` asks for, or for auto the one that an input has.

    Raises FormatError where it cannot be told, UsageError for a name of none.
    """
    if name == "auto":
        return _sniffed(source, path.removesuffix(".gz"))
    if name not in readable():
        raise UsageError(f"no form {name!r} is read, expected one of {', '.join(readable())}")
    return FORMATS[name]


def _sniffed(source: Source, name: str) -> Format:
    head = source.head
    if not head.strip():
        raise FormatError(f"{source.name}: is empty, expected a document")
    if _SPHINX.match(head):
        expected = "HTK SLF, which its programs write with -outlatfmt htk"
        raise FormatError(f"{source.name}: a word graph of Sphinx-3, which is not read, expected {expected}")
    found = _signed(head, binary=True) or _named(name, "before") or _signed(head, binary=False) or _named(name, "after")
    if found is None and _COLUMNS.match(head):
        forms = "att (OpenFst), gtn or k2"
        raise FormatError(f"{source.name}: a graph in columns of text, expected --format to say which: {forms}")
    return found or FORMATS["yaml"]


def _signed(head: bytes, binary: bool) -> Format | None:
    """The form whose signature the first bytes are."""
    forms = [form for form in reversed(readable().values()) if form.signature and form.binary == binary]
    return next((form for form in forms if re.match(form.signature, head)), None)


def _named(name: str, when: str) -> Format | None:
    """The form that a name tells at this time: .fst.txt tells more than .txt."""
    told = {ending: form for form in readable().values() if form.by_name == when for ending in form.endings}
    return told[max(endings, key=len)] if (endings := [ending for ending in told if name.endswith(ending)]) else None
