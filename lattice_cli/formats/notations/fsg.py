"""Finite-state grammars as CMU Sphinx writes them: FSG_BEGIN, states, and TRANSITION from to probability [word]."""

from __future__ import annotations

from math import log

from lattice_cli.errors import FormatError
from lattice_cli.formats.io import ReadOptions, Row, brief, node_of, rows_of, weight_of
from lattice_cli.graph import Arc, Document, Graph, LabelIndex, epsilon_free, graph_of, numbered_document

_KEYS = {
    "NUM_STATES": "N",
    "START_STATE": "S",
    "FINAL_STATE": "F",
    "N": "N",
    "S": "S",
    "F": "F",
    "TRANSITION": "T",
    "T": "T",
}
_MOST_STATES = 10_000_000


def read_fsg_grammar(text: str, source: str, record_id: str, options: ReadOptions) -> Document:
    """The acceptor of a grammar. Raises FormatError."""
    return numbered_document(read_fsg(text, source), record_id, source)


def read_fsg(text: str, source: str) -> Graph:
    """The acceptor of the grammar of a text; energies are -log probability. Raises FormatError, with the line."""
    rows = [(line, fields) for line, fields in map(_without_comment, rows_of(text)) if fields]
    if not rows or rows[0][1][0] != "FSG_BEGIN":
        at = f"{source}:{rows[0][0]}: found {brief(rows[0][1][0])}" if rows else f"{source}: found nothing"
        raise FormatError(f"{at}, expected FSG_BEGIN")
    header: dict[str, int] = {}
    labels = LabelIndex()
    arcs: list[Arc] = []
    for place, (line, fields) in enumerate(rows[1:], 2):
        at = f"{source}:{line}"
        key = _KEYS.get(fields[0])
        if fields[0] == "FSG_END":
            if place < len(rows):
                found = brief(" ".join(rows[place][1]))
                raise FormatError(f"{source}:{rows[place][0]}: found {found} behind FSG_END, expected one grammar")
            return _graph(arcs, header, labels, at)
        if key == "T":
            arcs += _transition(fields, labels, header.get("N"), at)
        elif key is None or len(fields) != 2:
            expected = "NUM_STATES, START_STATE or FINAL_STATE and a number, TRANSITION, or FSG_END"
            raise FormatError(f"{at}: found {brief(' '.join(fields))}, expected {expected}")
        elif key in header:
            raise FormatError(f"{at}: {fields[0]} is given twice")
        else:
            header[key] = node_of(fields[1], at) if key == "N" else _state(fields[1], header.get("N"), at)
    raise FormatError(f"{source}: ends without FSG_END")


def _without_comment(row: Row) -> Row:
    line, fields = row
    begin = next((place for place, field in enumerate(fields) if field.startswith("#")), len(fields))
    return line, fields[:begin]


def _state(text: str, states: int | None, at: str) -> int:
    if states is None:
        raise FormatError(f"{at}: found a state before NUM_STATES, expected NUM_STATES first")
    state = node_of(text, at)
    if state >= states:
        raise FormatError(f"{at}: state {state}, but there are {states} states, expected 0 to {states - 1}")
    return state


def _transition(fields: list[str], labels: LabelIndex, states: int | None, at: str) -> list[Arc]:
    """The arc of a transition; none for a probability of 0."""
    if not 4 <= len(fields) <= 5:
        raise FormatError(f"{at}: found {len(fields)} columns, expected TRANSITION from to probability [word]")
    tail, head = (_state(text, states, at) for text in fields[1:3])
    probability = weight_of(fields[3], at, "probability")
    if not 0 <= probability <= 1:
        raise FormatError(f"{at}: probability is {fields[3]}, expected 0 to 1")
    label = labels.number(fields[4]) if len(fields) == 5 else 0
    return [(tail, head, label, label, 0.0 - log(probability))] if probability else []


def _graph(arcs: list[Arc], header: dict[str, int], labels: LabelIndex, at: str) -> Graph:
    names = {"N": "NUM_STATES", "S": "START_STATE", "F": "FINAL_STATE"}
    missing = next((name for key, name in names.items() if key not in header), None)
    if missing is not None:
        raise FormatError(f"{at}: the grammar ends without {missing}")
    if header["N"] > _MOST_STATES:
        raise FormatError(f"{at}: {header['N']} states, expected at most {_MOST_STATES}")
    whole = graph_of(arcs, {header["S"]: 0.0}, {header["F"]: 0.0}, header["N"], labels.table)
    return epsilon_free(whole)
