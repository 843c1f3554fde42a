"""Decoding records: their best paths and answers, alone or through a grammar, in the terms of the record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lattice_cli.errors import Diverged, NoPath
from lattice_cli.graph.document import Document
from lattice_cli.graph.graph import union
from lattice_cli.inference.answers import best_answers
from lattice_cli.inference.explain import why_empty, why_no_path
from lattice_cli.inference.interpretation import Interpretation, Side, input_of, interpret, output_of
from lattice_cli.inference.paths import Path, best_paths, n_best

#: Interpretation graphs are swept together up to this many arcs.
_UNION_ARCS = 200_000


@dataclass(frozen=True)
class Decoded:
    """A path in the terms of the side reported on.

    energy: nats, of the whole path. output, input: labels without epsilons. arcs: indices. nodes: names, one more than
    arcs. times: seconds at each node (None: not known), or None where the record has no times.
    """

    energy: float
    output: list[str]
    input: list[str]
    arcs: list[int]
    nodes: list[int | str]
    times: list[float | None] | None


def decode(
    documents: Iterable[Document],
    grammar: Document | None = None,
    ctc: str | None = None,
    *,
    n: int = 1,
    distinct: bool = False,
    of: str = "recognition",
) -> list[list[Decoded] | NoPath]:
    """The n best paths (distinct: answers) of each record, or why it has none. Raises Diverged, UsageError."""
    results: list[list[Decoded] | NoPath] = []
    for group in grouped(interpret(document, grammar, ctc) for document in documents):
        for interpretation, paths in zip(group, _paths(group, n, distinct)):
            results.append(decoded(interpretation, paths, of) if paths else no_path(interpretation))
    return results


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


def _paths(group: Sequence[Interpretation], n: int, distinct: bool) -> Iterator[list[Path]]:
    if n == 1:
        with_names = group[0] if len(group) == 1 else None
        with located(with_names):
            for path in best_paths(union([interpretation.graph for interpretation in group])):
                yield [] if path is None else [path]
        return
    for interpretation in group:
        with located(interpretation):
            found = best_answers(interpretation.graph, n) if distinct else n_best(interpretation.graph, n)
        yield found


class located:  # noqa: N801  (reads as a verb where it is used)
    """Turns the nodes of a divergence in an interpretation into those of the record."""

    def __init__(self, interpretation: Interpretation | None) -> None:
        self._whole = interpretation.composition if interpretation else None

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Raise the same divergence at the record's nodes."""
        if isinstance(error, Diverged) and self._whole is not None:
            nodes = self._whole.left_node[np.array(error.nodes, dtype=np.intp)].tolist()
            raise Diverged(error.what, list(dict.fromkeys(nodes))) from None


def decoded(interpretation: Interpretation, paths: Sequence[Path], of: str) -> list[Decoded]:
    """Paths of an interpretation in the terms of one side."""
    side = interpretation.side(of)
    return [_decoded(interpretation, side, path) for path in paths]


def _decoded(interpretation: Interpretation, side: Side, path: Path) -> Decoded:
    arcs, nodes = side.path(path)
    times = None
    if side.times is not None:
        times = [None if np.isnan(time) else float(time) for time in side.times[nodes]]
    graph = interpretation.graph
    names = [side.names[node] for node in nodes]
    return Decoded(path.energy, output_of(graph, path), input_of(graph, path), arcs, names, times)


def no_path(interpretation: Interpretation) -> NoPath:
    """Why an interpretation is empty, as the error to report."""
    document, whole = interpretation.document, interpretation.composition
    if whole is None:
        return NoPath(why_no_path(document.graph, document.names))
    grammar = interpretation.grammar
    if grammar is None:
        return NoPath(why_empty(whole, document.names, document.graph.labels[1:], right_is="the CTC topology"))
    names: Sequence[int | str] = grammar.names
    if interpretation.inner is not None:
        inner = interpretation.inner
        if not inner.graph.nodes:
            return NoPath(why_empty(inner, inner.left.labels[1:], names, left_is="the CTC topology"))
        names = [grammar.names[node] for node in inner.right_node.tolist()]
    return NoPath(why_empty(whole, document.names, names))
