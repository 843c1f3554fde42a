"""Where the arcs of a composition come from, as native documents have it: `factors`, one entry for each graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from lattice_cli.arrays import IntArray
from lattice_cli.errors import FormatError
from lattice_cli.formats.io import as_list, as_mapping, as_node, as_number, as_text, brief, known_keys, location
from lattice_cli.formats.native.arcs import arc_table, integers
from lattice_cli.graph import Graph, KnownFactor

_KEYS = ("name", "source", "weight", "arcs", "arc", "node")


def factors_of(value: Any, graph: Graph, source: str) -> tuple[KnownFactor, ...]:
    """The factors of a composed graph. Raises FormatError."""
    found: list[KnownFactor] = []
    for place, entry in enumerate(as_list(value, source, "factors")):
        factor = _factor(as_mapping(entry, source, f"factor {place}"), graph, source, f"factor {place}")
        if any(factor.name == other.name for other in found):
            raise FormatError(f"{location(source, entry)}: two factors are called {factor.name!r}")
        found.append(factor)
    return tuple(found)


def _factor(entry: dict[Any, Any], graph: Graph, source: str, what: str) -> KnownFactor:
    known_keys(entry, _KEYS, source, what)
    for key in _KEYS:
        if key not in entry:
            raise FormatError(f"{location(source, entry)}: {what} has no {key!r}")
    given = dict(as_mapping(entry["arcs"], source, f"{what}: arcs"))
    numbers = _whole(given.pop("arc", None), source, f"{what}: arcs: arc")
    table = arc_table(given, source, None)
    if len(numbers) != len(table.tails) or (numbers < 0).any() or len(set(numbers.tolist())) < len(numbers):
        raise FormatError(f"{source}: {what}: its arcs need a number each in 'arc', from 0 and no two the same")
    at = [as_node(node, source, f"{what}: node") for node in as_list(entry["node"], source, f"{what}: node")]
    if len(at) != graph.nodes:
        raise FormatError(f"{source}: {what}: node has {len(at)} entries, but the graph has {graph.nodes} nodes")
    names = list(dict.fromkeys([*at, *table.tails, *table.heads]))
    index = {name: number for number, name in enumerate(names)}
    src, dst, node = (
        np.array([index[name] for name in each], dtype=np.intp) for each in (table.tails, table.heads, at)
    )
    nowhere = np.full(len(names), np.inf)
    own = Graph(src, dst, table.ilabel, table.olabel, table.energy, nowhere, nowhere, table.labels)
    arc = _whole(entry["arc"], source, f"{what}: arc")
    if len(arc) != graph.arcs:
        raise FormatError(f"{source}: {what}: arc has {len(arc)} entries, but the graph has {graph.arcs} arcs")
    place_of = {number: place for place, number in enumerate(numbers.tolist())}
    strange = next((number for number in arc.tolist() if number >= 0 and number not in place_of), None)
    if strange is not None:
        raise FormatError(f"{source}: {what}: arc names arc {strange}, which is none of its arcs")
    places = np.array([place_of.get(number, -1) for number in arc.tolist()], dtype=np.intp)
    return KnownFactor(
        as_text(entry["name"], source, f"{what}: name"),
        as_text(entry["source"], source, f"{what}: source"),
        as_number(entry["weight"], source, f"{what}: weight"),
        own,
        names,
        numbers,
        places,
        node,
    )


def _whole(value: Any, source: str, what: str) -> IntArray:
    """A list of numbers of arcs, -1 where it has null."""
    column = [-1 if each is None else each for each in as_list(value, source, what)]
    found = integers(column)
    if found is None and column:
        wrong = next((each for each in column if type(each) is not int), column[0])
        raise FormatError(f"{location(source, value)}: {what} has {brief(wrong)}, expected numbers of arcs")
    return np.zeros(0, dtype=np.intp) if found is None else found
