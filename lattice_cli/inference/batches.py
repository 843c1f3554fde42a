"""What is common to all that is asked of records: groups to be swept as one, and faults in the records' own terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import numpy as np

from lattice_cli.errors import Diverged, NoPath
from lattice_cli.graph.graph import IntArray
from lattice_cli.inference.interpretation import Interpretation

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


def record_nodes(group: Sequence[Interpretation]) -> IntArray | None:
    """(nodes,) the record's node that each node of its interpretation is; None for a group of several records, whose
    faults are found again when they are asked one by one."""
    if len(group) != 1:
        return None
    whole = group[0].composition
    return np.arange(group[0].graph.nodes) if whole is None else whole.left_node


@contextmanager
def located(nodes: IntArray | None) -> Iterator[None]:
    """Raise a divergence at the record's own nodes; `nodes` says which one each node of the swept graph is."""
    try:
        yield
    except Diverged as error:
        if nodes is None:
            raise
        own = nodes[np.array(error.nodes, dtype=np.intp)].tolist()
        raise Diverged(error.what, list(dict.fromkeys(own))) from None


def no_path(interpretation: Interpretation) -> NoPath:
    """Why an interpretation is empty, as the error to report."""
    from lattice_cli.inference.explain import why_empty, why_no_path

    document, whole = interpretation.document, interpretation.composition
    if interpretation.why is not None:
        search = interpretation.search
        lost = search is not None and np.isfinite(search.bound)  # by a beam: there may be a path
        return NoPath(interpretation.why, {"search": asdict(search)} if lost and search else None)
    if whole is None:
        return NoPath(why_no_path(document.graph, document.names))
    grammar = interpretation.grammar
    if grammar is None:
        return NoPath(why_empty(whole, document.names, document.graph.labels[1:], right_is="the CTC topology"))
    names: Sequence[int | str] = grammar.names
    if interpretation.inner is not None:
        inner = interpretation.inner
        if not inner.graph.nodes:
            labels = document.graph.labels[1:]  # node k of the topology of pairs is "the last frame was label k"
            nodes: Sequence[int | str] = labels if inner.left.nodes == len(labels) else range(inner.left.nodes)
            return NoPath(why_empty(inner, nodes, names, left_is="the CTC topology"))
        names = [grammar.names[node] for node in inner.right_node.tolist()]
    return NoPath(why_empty(whole, document.names, names))
