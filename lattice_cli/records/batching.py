"""What is common to all that is asked of records: groups to be swept as one, and faults in the records' own terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import numpy as np

from lattice_cli.arrays import IntArray, finite
from lattice_cli.errors import Diverged, NoPath, NumericOverflow, listed_nodes
from lattice_cli.grammars.recursion import Expansion
from lattice_cli.graph import Graph, evaluation_order
from lattice_cli.records.interpretation import Interpretation

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
    own = sorted(set((nodes if whole is None else whole.left_node[nodes]).tolist()))
    if whole is not None and interpretation.grammar is not None:
        within = np.zeros(whole.graph.nodes, dtype=bool)
        within[nodes] = True
        round_it = within[whole.graph.src] & within[whole.graph.dst]
        if not (whole.left_arc[round_it] >= 0).any():
            side = interpretation.side("grammar")
            assert side.node_of is not None
            names = [str(side.names[node]) for node in sorted(set(side.node_of[nodes].tolist()))]
            return Origin(own, names, interpretation.grammar.source)
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
        if len(group) != 1 or group[0].grammar is None:
            raise
        sides = group[0].document, group[0].grammar
        largest = [f"{_largest(side.graph):g} in {side.source}" for side in sides]
        raise NumericOverflow(f"{error}; energies go up to {', '.join(largest)}") from None


def _largest(graph: Graph) -> float:
    """The largest energy of a graph, without its sign."""
    return float(np.abs(np.concatenate([graph.energy, finite(graph.start), finite(graph.final)])).max(initial=0.0))


def no_path(interpretation: Interpretation) -> NoPath:
    """Why an interpretation is empty, as the error to report."""
    from lattice_cli.composition import why_empty, why_no_path

    document, whole = interpretation.document, interpretation.composition
    if interpretation.why is not None:
        search = interpretation.search
        empty = NoPath(interpretation.why)
        if search is not None and np.isfinite(search.bound):  # it was a beam that lost all paths
            empty.told = {"search": asdict(search)}
        return empty
    if whole is None:
        return NoPath(why_no_path(document.graph, document.names))
    grammar = interpretation.grammar
    if grammar is None:
        return NoPath(why_empty(whole, document.names, document.graph.labels[1:], right_is="the CTC topology"))
    names: Sequence[int | str] = grammar.names
    in_part = isinstance(grammar, Expansion)
    if interpretation.inner is not None:
        inner = interpretation.inner
        if not inner.graph.nodes:
            labels = document.graph.labels[1:]  # node k of the topology of pairs is "the last frame was label k"
            nodes: Sequence[int | str] = labels if inner.left.nodes == len(labels) else range(inner.left.nodes)
            return NoPath(why_empty(inner, nodes, names, left_is="the CTC topology", in_part=in_part))
        names = [grammar.names[node] for node in inner.right_node.tolist()]
    return NoPath(why_empty(whole, document.names, names, in_part=in_part))
