"""What form a file has: its bytes tell, and its name decides between readings that both fit."""

from __future__ import annotations

import re

from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats.io import FIELDS, Source, brief, decoded, is_id, is_odd_number, note
from lattice_cli.formats.registry import FORMATS, Format, readable

#: So many lines are looked at.
_LINES = 100
#: Forms whose names are all that tells them from any other text.
_LOOSE = ("words", "dict", "yaml")
#: A key and its value, or a mapping, a list or a document that begins: what is not YAML if it has none of these.
_YAML = re.compile(r"""\s*([{\[]|---|%YAML|- |[^\s"'#]+\s*:(\s|$)|"[^"]*"\s*:|'[^']*'\s*:)""")
#: What was printed for people and for other programs: tables, columns between tabs, sclite's .trn.
_RESULTS = re.compile(r"\s*[╭┏┌]|id\trank\t|(.*\S )?\([^\s()]+\)$")
#: What begins a document or a grammar of other systems: markup, ABNF, HTK's and Julius' grammars, Lisp.
_NO_WORD = re.compile(r"<[?!][a-zA-Z]|#ABNF\b|#!MLF!#|%PDF-|\$[A-Za-z_]\w* *=|\(+\"|[A-Z_]+ +: +[A-Z_]+( |$)")
#: So many characters of a file that is not understood stand in the message.
_TOLD = 20
#: Of a dictionary: `word(2)`, what HTK, Kaldi and MFA have before the phones, and what keeps these from the word.
_VARIANT = re.compile(r"(.+)\([0-9]+\)")
_BEFORE_PHONES = re.compile(r"\[.*\]|[0-9]?\.[0-9]+")
_APART = re.compile(r"[^ \t]+( *\t|  )")
#: In the mean, phones are no longer, where they are kept from the word or not; there are no more of them.
_PHONE_APART, _PHONE, _PHONES = 3.5, 2.5, 200
_GRAPHS = {"att": "OpenFst", "gtn": "GTN", "k2": "k2"}
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
    named, signed = _named(name), signed_form(head)
    if signed is not None:
        return named if named is not None and named.name in signed.also else signed
    lines = _first_lines(head)
    columns = _in_columns(lines)
    if not columns and lines[0].startswith("id\trank\t"):
        raise FormatError(f"{source.name}: {_not_understood(lines[0])}")
    if not columns and _is_words(named) and (alien := next(filter(_NO_WORD.match, lines), None)):
        raise FormatError(f"{source.name}: {_not_understood(alien)}")
    if not columns and (_is_words(named) or (named is None and not _YAML.match(lines[0]))) and _pronounces(lines):
        note(source.name, "read as dict (words and their phones)")
        return FORMATS["dict"]
    if named is not None and (named.name not in _LOOSE or not columns):
        return named
    if len(columns) == 1:
        if named is not None or columns[0] != "matrix":
            note(source.name, f"read as {columns[0]} ({FORMATS[columns[0]].note.partition(':')[0]})")
        return FORMATS[columns[0]]
    if columns:
        forms = " or ".join(f"{each} ({_GRAPHS[each]})" for each in columns)
        raise FormatError(f"{source.name}: a graph in columns of text, expected --format to say which: {forms}")
    first = next((line for line in lines if line.lstrip()[:1] not in ("", "#")), "")
    if "\ufffd" in first:
        decoded(b"\n".join(head.split(b"\n")[: len(lines)]), source.name)  # says which byte is no text
    if "\0" in first:
        raise FormatError(f"{source.name}: binary data, in no form that is known; lattice help formats lists them")
    if first and not _YAML.match(first):
        raise FormatError(f"{source.name}: {_not_understood(first)}")
    return FORMATS["yaml"]


def _not_understood(line: str) -> str:
    """What is said of a text that is in no form that is known."""
    if _RESULTS.match(line):
        return "a table of results, expected graphs (with --json the command before gives what can be read again)"
    forms = ", ".join(name for name in readable() if name not in ("words", "dict"))
    shorter = line.strip()[:_TOLD]  # it may be of any file, named by a configuration that another wrote
    return (
        f"found {brief(shorter)}, in no form that is known ({forms}); "
        "--format says which it is: words for a word list, dict for a dictionary"
    )


def signed_form(head: bytes) -> Format | None:
    """The form whose signature the first bytes are; those of binary forms are looked for first."""
    forms = sorted(readable().values(), key=lambda form: not form.binary)
    return next((form for form in forms if form.signature and re.match(form.signature, head)), None)


def _named(name: str) -> Format | None:
    """The form that a name tells: .fst.txt tells more than .txt."""
    told = {ending: form for form in readable().values() if form.by_name for ending in form.endings}
    return told[max(endings, key=len)] if (endings := [ending for ending in told if name.endswith(ending)]) else None


def _is_words(named: Format | None) -> bool:
    return named is not None and named.name == "words"


def _first_lines(head: bytes) -> list[str]:
    """The first lines, whole ones only; all of them where there are few."""
    lines = head.decode("utf-8", "replace").removeprefix("\ufeff").split("\n")
    return [line.removesuffix("\r") for line in lines[: _LINES if len(lines) > _LINES else None]]


def _pronounces(lines: list[str]) -> bool:
    """Whether lines are of a pronunciation dictionary: each has a word and what seem to be phones."""
    from lattice_cli.formats.matrices import is_number

    rows = [(line.strip(), FIELDS.findall(line)) for line in lines]
    rows = [(line, fields) for line, fields in rows if fields and fields[0].strip("#") and fields[0][:3] != ";;;"]
    phones = [[field for field in fields[1:] if not _BEFORE_PHONES.fullmatch(field)] for _, fields in rows]
    every = [phone for own in phones for phone in own]
    if not rows or not all(phones) or 3 * sum(map(is_number, every)) > len(every):
        return False
    words = {fields[0] for _, fields in rows}
    if any(found[1] in words for word in words if (found := _VARIANT.fullmatch(word))):
        return True
    if all(own[0][0] == "▁" or own[-1] == "|" for own in phones):
        return True  # a lexicon of word pieces
    apart = all(_APART.match(line) or len(fields) > 1 + len(own) for (line, fields), own in zip(rows, phones))
    mean = sum(map(len, every)) / len(every)
    if apart:
        return mean <= _PHONE_APART and any(len(own) > 1 for own in phones)
    return mean <= _PHONE and len(set(every)) <= _PHONES and len(every) >= 2 * len(rows)


def _in_columns(lines: list[str]) -> list[str]:
    """The forms in columns of numbers that lines of text can be: those of graphs, or a matrix."""
    rows = [fields for line in lines if (fields := FIELDS.findall(line))]
    arcs = [row for row in rows if len(row) > 2]
    if arcs and all(is_id(row[0]) and (len(row) < 3 or is_id(row[1])) and len(row) < 6 for row in rows):
        return _graphs_in_columns(rows, arcs)
    return ["matrix"] if _is_matrix([line for line in lines if line.strip() and line[0] != "#"]) else []


def _graphs_in_columns(rows: list[list[str]], arcs: list[list[str]]) -> list[str]:
    """Which of OpenFst, GTN and k2 can have written these rows.

    k2 ends with the final state, which arcs with the label -1 enter; GTN begins with two lines of nodes.
    """
    last = rows[-1]
    if len(last) == 1 and len(arcs) == len(rows) - 1 and any(row[1] == last[0] and row[2] == "-1" for row in arcs):
        return ["k2"]
    found = ["att"]
    if len(rows) > 2 and all(map(is_id, rows[0] + rows[1])) and all(len(row) > 2 for row in rows[2:]):
        labels = [label for row in rows[2:] for label in row[2:4]]
        if all(is_id(label) or label == "-1" for label in labels):
            found.append("gtn")
    if not any(len(row) < 3 for row in rows):
        found.append("k2")  # its last line is still to come
    return found


def _is_matrix(lines: list[str]) -> bool:
    """Whether lines are rows of as many numbers, one of them at least with a fraction, behind one of labels or none."""
    from lattice_cli.formats.matrices import columns_of, is_number

    def is_meant(field: str) -> bool:
        return is_number(field) or is_odd_number(field)  # one odd value is for the reader to refuse

    rows = columns_of(lines) if lines else []
    separated = len(lines) > 1 and any(each in lines[0] for each in ",;")
    numbers = [*map(is_meant, rows[0])] if rows else []
    headed = not all(numbers) and (
        separated or (len(lines) > 1 and "\t" in lines[0] and (not any(numbers) or not rows[0][0]))
    )
    body = rows[1:] if headed else rows
    width = len(rows[0]) if rows else 0
    if width < 2 or not all(len(row) == width and all(map(is_meant, row)) for row in body):
        return False
    if not separated and not headed and width == 2 and all(is_id(row[0]) for row in body):
        return False  # words and their energies
    return separated or all(any(set(field) & set(".eE") for field in row) for row in body)
