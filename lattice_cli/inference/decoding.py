"""Decoding records: their best paths and answers, alone or through a grammar, in the terms of the record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lattice_cli.errors import NoPath
from lattice_cli.graph.combine import ADD, Combine
from lattice_cli.graph.document import Document
from lattice_cli.graph.graph import union
from lattice_cli.inference.answers import best_answers
from lattice_cli.inference.batches import grouped, located, no_path, record_nodes
from lattice_cli.inference.interpretation import Grammar, Interpretation, Side, input_of, interpret, output_of
from lattice_cli.inference.paths import Path, best_paths, n_best


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
    grammar: Grammar | None = None,
    ctc: str | None = None,
    *,
    n: int = 1,
    distinct: bool = False,
    of: str = "recognition",
    combine: Combine = ADD,
) -> list[list[Decoded] | NoPath]:
    """The n best paths (distinct: answers) of each record, or why it has none. Raises Diverged, UsageError."""
    results: list[list[Decoded] | NoPath] = []
    for group in grouped(interpret(document, grammar, ctc, combine) for document in documents):
        for interpretation, paths in zip(group, found_paths(group, n, distinct)):
            results.append(decoded(interpretation, paths, of) if paths else no_path(interpretation))
    return results


def found_paths(group: Sequence[Interpretation], n: int, distinct: bool) -> Iterator[list[Path]]:
    """The n best paths (distinct: answers) of each interpretation; none where it has no path. Raises Diverged."""
    if n == 1 and not distinct:
        with located(record_nodes(group)):
            for path in best_paths(union([interpretation.graph for interpretation in group])):
                yield [] if path is None else [path]
        return
    for interpretation in group:
        with located(record_nodes([interpretation])):
            found = best_answers(interpretation.graph, n) if distinct else n_best(interpretation.graph, n)
        yield found


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
