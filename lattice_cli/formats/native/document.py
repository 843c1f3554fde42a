"""The native document: a mapping from JSON or YAML to a Document, in all the forms of version 1.

`arcs` is a list of rows or mappings, or a mapping of columns; `emissions` is a matrix; `words` and `trie` are grammars
in short. Every error names the arc, and the line where the file gives one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, distinct
from lattice_cli.errors import FormatError, GraphError
from lattice_cli.formats.io import (
    ReadOptions,
    as_labels,
    as_list,
    as_mapping,
    as_node,
    as_number,
    as_text,
    blank_of,
    brief,
    is_null,
    known_keys,
    location,
    target_of,
)
from lattice_cli.formats.native.arcs import ArcTable, arc_table, integers
from lattice_cli.graph import Document, Graph, end_energies, weighted_sum

_COMMON = ("lattice", "id", "target", "blank")
_GRAPH_KEYS = (*_COMMON, "start", "final", "arcs", "labels", "nodes", "times", "scales", "factors")
_EMISSION_KEYS = (*_COMMON, "labels", "emissions")
#: Up to so many arcs Python's sets are faster than arrays.
_FEW = 1000


def read_document(value: Any, source: str, record_id: str, options: ReadOptions) -> Document:
    """The document that a parsed JSON or YAML value describes. Raises FormatError."""
    if not isinstance(value, dict) or "lattice" not in value:
        found = f"keys {', '.join(map(brief, [*value][:5]))}" if isinstance(value, dict) else brief(value)
        expected = 'a mapping with "lattice": 1, as lattice documents are, or a matrix as a list of rows'
        raise FormatError(
            f'{location(source, value)}: no "lattice" key, found {found or "nothing"}: expected {expected}'
        )
    record: dict[Any, Any] = value
    if str(record["lattice"]) != "1":
        raise FormatError(
            f"{location(source, record['lattice'])}: document version is {brief(record['lattice'])}, expected 1"
        )
    kind = _kind(record, source)
    if kind == "words":
        from lattice_cli.formats.notations import WORD_KEYS, word_grammar

        known_keys(record, (*_COMMON, *WORD_KEYS), source, "a word grammar")
        document = word_grammar(record, source, record_id)
    elif kind == "emissions":
        from lattice_cli.formats.matrices import emission_document

        known_keys(record, _EMISSION_KEYS, source, "an emission document")
        document = emission_document(record, source, record_id, options)
    else:
        known_keys(record, _GRAPH_KEYS, source, "a graph document")
        document = _graph_document(record, source, record_id)
    return _with_identity(document, record, source)


def _kind(record: dict[Any, Any], source: str) -> str:
    given = [key for key in ("arcs", "emissions", "words", "trie") if key in record]
    if len(given) != 1:
        if not given:
            known_keys(record, (*_GRAPH_KEYS, *_EMISSION_KEYS), source, "a document")
        found = " and ".join(given) or "none of them"
        raise FormatError(f"{location(source, record)}: found {found}, expected one of arcs, emissions, words, trie")
    return "words" if given[0] in ("words", "trie") else given[0]


def _with_identity(document: Document, record: dict[Any, Any], source: str) -> Document:
    """The document with the record's own id and target, where it has them."""
    record_id = record.get("id")
    if isinstance(record_id, int) and not isinstance(record_id, bool):
        record_id = str(record_id)
    own_id = document.id if is_null(record_id) else as_text(record_id, source, "id")
    blank = document.blank if is_null(record.get("blank")) else blank_of(record["blank"], document.graph.labels, source)
    target = target_of(record, source)
    same = target is None and own_id == document.id and blank == document.blank  # as of most small records
    return document if same else replace(document, id=own_id, target=target, blank=blank)


def _graph_document(record: dict[Any, Any], source: str, record_id: str) -> Document:
    labels = None
    if "labels" in record:
        labels = as_labels(record["labels"], source)
    table = arc_table(record["arcs"], source, labels)
    ends = {key: _ends(record, key, source) for key in ("start", "final")}
    names = _node_names(record, table, ends, source)
    # In a range a node is its own place.
    named = not isinstance(names, range)
    index: dict[int | str, int] = {name: position for position, name in enumerate(names)} if named else {}
    if table.integer_nodes is not None and not named:
        src, dst = table.integer_nodes
    else:
        src = np.array([index[node] for node in table.tails], dtype=np.intp)
        dst = np.array([index[node] for node in table.heads], dtype=np.intp)
    columns = {
        key: end_energies(len(names), {index[node]: energy for node, energy in found.items()} if named else found)
        for key, found in ends.items()
    }
    scales = {
        str(name): as_number(scale, source, f"scale {brief(name)}")
        for name, scale in as_mapping(record.get("scales", {}), source, "scales").items()
    }
    if set(scales) - set(table.scores):
        name = next(name for name in scales if name not in table.scores)
        raise FormatError(f"{source}: scales has {name!r}, but the arcs carry no such score")
    graph = Graph.of_valid(
        src, dst, table.ilabel, table.olabel, table.energy, columns["start"], columns["final"], table.labels
    )
    if table.scores:
        try:
            graph = graph.with_energy(weighted_sum(table.scores, scales))
        except GraphError as error:
            raise FormatError(f"{source}: {error}") from None
    found = Document(graph, record_id, source, names, _times(record, names, source), table.scores, scales)
    if "factors" not in record:
        return found
    from lattice_cli.formats.native.factors import factors_of

    return replace(found, factors=factors_of(record["factors"], graph, source))


def _ends(record: dict[Any, Any], key: str, source: str) -> dict[int | str, float]:
    """The start or final nodes with their energies: one node, a list, or a mapping."""
    if key not in record:
        raise FormatError(
            f"{location(source, record)}: no {key!r} key, expected a node, a list of nodes, or {{node: energy}}"
        )
    given = record[key]
    energies = given if isinstance(given, dict) else {}
    found: dict[int | str, float] = {}
    for value in given if isinstance(given, (dict, list)) else [given]:
        node = as_node(value, source, f"a {key} node")
        if node in found:  # of a mapping, as "0" and "-0"
            raise FormatError(f"{location(source, value)}: {key} names node {node!r} twice")
        found[node] = 0.0
        if value in energies:
            found[node] = as_number(energies[value], source, f"the {key} energy of node {brief(value)}")
    return found


def _node_names(
    record: dict[Any, Any], table: ArcTable, ends: dict[str, dict[int | str, float]], source: str
) -> Sequence[int | str]:
    """The nodes in order: as `nodes` lists them, else ascending if all are integers, else as they first appear.

    A range where they are numbered from 0 on.
    """
    names = _listed_names(record, table, ends, source)
    if isinstance(names, np.ndarray):
        dense = not len(names) or (names[0] == 0 and names[-1] == len(names) - 1)
        return range(len(names)) if dense else names.tolist()
    plain = range(len(names))
    return plain if not names or (names[0] == 0 and names[-1] == plain[-1] and names == list(plain)) else names


def _listed_names(
    record: dict[Any, Any], table: ArcTable, ends: dict[str, dict[int | str, float]], source: str
) -> list[int | str] | IntArray:
    """The same as a list, or as an array where all are integers that fit into one."""
    named = any(isinstance(node, str) for found in ends.values() for node in found)
    outer = integers([*ends["start"], *ends["final"]])
    if table.integer_nodes is not None and outer is not None and "nodes" not in record:
        if len(table.tails) < _FEW:
            return sorted({*table.tails, *table.heads, *ends["start"], *ends["final"]})
        return distinct(np.concatenate([*table.integer_nodes, outer]))
    if table.integer_nodes is not None:
        every = np.stack(table.integer_nodes, axis=1).reshape(-1)
        used: list[int | str] = list(dict.fromkeys(every.tolist())) if named else distinct(every).tolist()
    else:
        used = list(dict.fromkeys(node for pair in zip(table.tails, table.heads) for node in pair))
    mentioned = dict.fromkeys([*ends["start"], *used, *ends["final"]])
    if "nodes" in record:
        listed = [as_node(node, source, "an entry of nodes") for node in as_list(record["nodes"], source, "nodes")]
        position = dict.fromkeys(listed)
        if len(position) < len(listed):
            twice = next(node for node in listed if listed.count(node) > 1)
            raise FormatError(f"{source}: nodes lists {twice!r} twice")
        missing = next((node for node in mentioned if node not in position), None)
        if missing is not None:
            raise FormatError(f"{source}: node {missing!r} is used, but nodes does not list it")
        return listed
    if not set(map(type, mentioned)) - {int}:
        return sorted(mentioned)
    return list(mentioned)


def _times(record: dict[Any, Any], names: Sequence[int | str], source: str) -> FloatArray | None:
    """(nodes,) seconds, nan where a node has none."""
    if "times" not in record:
        return None
    given = as_list(record["times"], source, "times")
    if len(given) != len(names):
        raise FormatError(
            f"{location(source, given)}: times has {len(given)} entries, but there are {len(names)} nodes"
        )
    return np.array([np.nan if is_null(time) else as_number(time, source, "a time") for time in given])
