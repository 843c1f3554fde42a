"""What is common to all that is asked of records: groups to be swept as one, and faults in the records' own terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from lattice_cli.arrays import IntArray, finite
from lattice_cli.errors import Diverged, NoPath, NumericOverflow, listed_nodes
from lattice_cli.graph import Graph, evaluation_order
from lattice_cli.records.interpretation import CascadePart, Interpretation

if TYPE_CHECKING:
    from lattice_cli.composition import Composition

#: Interpretation graphs are swept together up to this many arcs.
_UNION_ARCS = 200_000


def grouped(interpretations: Iterable[Interpretation]) -> Iterator[list[Interpretation]]:
    """Interpretations in groups small enough to be swept as one union."""
    group: list[Interpretation] = []
    arcs = 0
    for interpretation in interpretations:
        group.append(interpretation)
        arcs += interpretation.graph.arcs
        if arcs >= _UNION_ARCS:
            yield group
            group, arcs = [], 0
    if group:
        yield group


@dataclass(frozen=True)
class Origin:
    """Where a cycle of an interpretation is, in terms of a file. nodes: of the record, indices. names: what its file
    calls them; if nothing of the record moves on the cycle, what the grammar's file calls its nodes there. grammar:
    that file, else ""."""

    nodes: list[int]
    names: list[str]
    grammar: str = ""


def origin(interpretation: Interpretation, nodes: IntArray) -> Origin:
    """Where a cycle of these nodes of an interpretation is: in the record, or, if nothing of the record moves on it, in
    the grammar. Nodes are in the order of their file, wherever the cycle was entered."""
    document, whole = interpretation.document, interpretation.composition
    own = sorted(set((nodes if whole is None else whole.first.node[nodes]).tolist()))
    if whole is not None and interpretation.grammars:
        within = np.zeros(whole.graph.nodes, dtype=bool)
        within[nodes] = True
        round_it = within[whole.graph.src] & within[whole.graph.dst]
        sides = [(document.source, interpretation.side("recognition"))]
        for number, part in enumerate(interpretation.grammars, 1):
            assert part.document is not None
            sides.append((part.document.source, interpretation.side(str(number))))
        moving = [each for each in sides if each[1].arc_of is not None and (each[1].arc_of[round_it] >= 0).any()]
        if moving and moving[0] is not sides[0]:
            source, side = moving[0]
            assert side.node_of is not None
            names = [str(side.names[node]) for node in sorted(set(side.node_of[nodes].tolist()))]
            return Origin(own, names, source)
    return Origin(own, [str(document.names[node]) for node in own])


def cycle_at(interpretation: Interpretation) -> str:
    """The first cycle of an interpretation: of which file, and its nodes there."""
    graph = interpretation.graph
    component = evaluation_order(graph.src, graph.dst, np.array([0, graph.nodes])).component
    found = origin(interpretation, np.flatnonzero(component == component[component >= 0].min()))
    return f"a cycle{listed_nodes(found.names, found.grammar or interpretation.document.source)}"


@contextmanager
def in_record_terms(group: Sequence[Interpretation], nodes: IntArray | None = None) -> Iterator[None]:
    """Raise a divergence at the nodes of the record or of the grammar, whichever has the cycle; an overflow with how
    large the energies of both are.

    nodes: (nodes,) the interpretation's node of each node of the graph that is swept, None where it is that itself.
    Faults in a group of several records stay as they are: they are found again when these are asked one by one.
    """
    try:
        yield
    except Diverged as error:
        if len(group) != 1 or error.names is not None:
            raise
        found = np.array(error.nodes, dtype=np.intp)
        place = origin(group[0], found if nodes is None else nodes[found])
        raise Diverged(error.what, place.nodes, place.names, place.grammar) from None
    except NumericOverflow as error:
        if len(group) != 1 or not group[0].grammars:
            raise
        sides = [group[0].document, *(part.document for part in group[0].grammars if part.document is not None)]
        largest = [f"{_largest(side.graph):g} in {side.source}" for side in sides]
        raise NumericOverflow(f"{error}; energies go up to {', '.join(largest)}") from None


def _largest(graph: Graph) -> float:
    """The largest energy of a graph, without its sign."""
    return float(np.abs(np.concatenate([graph.energy, finite(graph.start), finite(graph.final)])).max(initial=0.0))


def no_path(interpretation: Interpretation) -> NoPath:
    """Why an interpretation is empty, as the error to report."""
    from lattice_cli.composition import why_no_path

    document, whole = interpretation.document, interpretation.composition
    if interpretation.why is not None:
        search = interpretation.search
        empty = NoPath(interpretation.why)
        if search is not None and np.isfinite(search.bound):  # it was a beam that lost all paths
            empty.told = {"search": asdict(search)}
        return empty
    if whole is None:
        return NoPath(why_no_path(document.graph, document.names))
    return NoPath(_why_empty(whole, interpretation))


def between(joined: Composition, parts: Sequence[CascadePart]) -> str:
    """Why grammars have nothing in common: the first of them that parts with those before it."""
    from lattice_cli.composition import why_empty

    before = joined.left_is
    while before is not None and not before.graph.nodes:
        joined, before = before, before.left_is
    place = 1 if before is None else len(before.factors)
    own = parts[place].document, parts[0].document
    assert own[0] is not None
    assert own[1] is not None
    names = own[1].names if before is None else [own[1].names[node] for node in before.first.node.tolist()]
    left_is = f"the grammar {' and '.join(part.name for part in parts[:place])}"
    return why_empty(joined, names, own[0].names, left_is, f"the grammar {parts[place].name}")


def _why_empty(whole: Composition, interpretation: Interpretation) -> str:
    """Why a cascade is empty: the two neighbours in it that part, in the terms of both."""
    from lattice_cli.composition import why_empty
    from lattice_cli.grammars.recursion import Expansion

    document, parts, before = interpretation.document, interpretation.parts, whole.left_is
    while before is not None and not before.graph.nodes:
        whole, before = before, before.left_is
    inner = whole.right_is
    # The parts of the right side come behind those of the left one.
    place = 0 if before is None else len(before.factors) - 1
    # What was written out of recursive rules is not all of them.
    last = parts[place if inner is None else place + len(inner.factors) - 1]
    in_part = isinstance(last.document, Expansion)
    if inner is not None and not inner.graph.nodes:
        labels = document.graph.labels[1:]  # node k of the topology of pairs is "the last frame was label k"
        nodes: Sequence[int | str] = labels if inner.left.nodes == len(labels) else range(inner.left.nodes)
        assert last.document is not None
        return why_empty(inner, nodes, last.document.names, left_is="the CTC topology", in_part=in_part)
    if last.document is None:
        return why_empty(whole, document.names, document.graph.labels[1:], right_is="the CTC topology")
    names = last.document.names
    if inner is not None:
        names = [names[node] for node in inner.factors[-1].node.tolist()]
    many = len(interpretation.grammars) > 1
    right_is = f"the grammar {last.name}" if many else "the grammar"
    if before is None:
        return why_empty(whole, document.names, names, right_is=right_is, in_part=in_part)
    left = [document.names[node] for node in before.first.node.tolist()]
    through = [each.name for each in parts[:place] if each.document is not None]
    left_is = f"the graph through {' and '.join(through)}" if through else "the graph"
    return why_empty(whole, left, names, left_is, right_is, in_part)
