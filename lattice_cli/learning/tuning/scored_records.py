"""Records with what their energies are made of, as lattices to tune with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lattice_cli.analysis import Assessed, words_by
from lattice_cli.arrays import FloatArray
from lattice_cli.errors import NoPath, UsageError, counted, listed
from lattice_cli.grammars import Spelling
from lattice_cli.graph import (
    EPSILON,
    AnyOf,
    Document,
    Graph,
    TargetGraph,
    evaluation_order,
    last_of,
    nodes_on_paths,
)
from lattice_cli.learning.tuning.scaled_lattices import ScoredLattice
from lattice_cli.records import Decoder
from lattice_cli.records.batching import cycle_at
from lattice_cli.records.cascade import ScoreColumns, energy_columns

#: The score that can be had of every record: its arcs with an output.
WORDS = "words"


@dataclass(frozen=True, eq=False)
class ScoredRecord(Assessed):
    """A record before its reference is read. answers: all labels of its graph in a row, as answers are not known yet.
    graph: what is searched; made_of: its energies; None where it has no path."""

    source: str = ""
    graph: Graph | None = None
    made_of: ScoreColumns | None = None


def scored(documents: Iterable[Document], decoder: Decoder) -> list[ScoredRecord]:
    """Records with their targets and scores; each has the score `words`. Raises UsageError for a cycle, where other
    scales may leave no best path, and for two scores of one name."""
    found = []
    for document in documents:
        known = document if WORDS in document.scores else document.scaled({WORDS: 0.0})
        interpretation = decoder.interpret(known)
        assert document.target is not None
        graph, target = interpretation.graph, last_of(document.target)
        if isinstance(target, (AnyOf, TargetGraph)):
            raise UsageError(f"{document.source}: scales are tuned by one right answer, found several: {target}")
        if evaluation_order(graph.src, graph.dst, np.array([0, graph.nodes])).cyclic:
            raise UsageError(
                f"{document.source}: scales are tuned where there are no cycles, found {cycle_at(interpretation)}"
            )
        made_of = energy_columns(interpretation)
        if made_of.again:
            twice = listed(made_of.again)
            raise UsageError(f"{document.source}: two factors have a score {twice}, expected names of their own")
        labels = tuple(graph.words(np.unique(graph.olabel[graph.olabel != EPSILON]).tolist()))
        spelling = interpretation.spelling if interpretation.outputs else None
        answers = (labels,) if labels else ()
        some = bool(nodes_on_paths(graph).any())
        found.append(
            ScoredRecord(
                document.id,
                target,
                answers,
                spelling=spelling,
                source=document.source,
                graph=graph,
                made_of=made_of if some else None,
            )
        )
    return found


@dataclass(frozen=True, eq=False)
class TuningData:
    """What is tuned with. names: of the scores, start: (scores,) the scales that the records have. judges: those of the
    scores that are language models'. no_path: how many lattices have no path, and an empty answer at all scales."""

    names: tuple[str, ...]
    start: FloatArray
    judges: tuple[str, ...]
    lattices: Sequence[ScoredLattice]
    no_path: int


def tuning_data(records: Sequence[ScoredRecord], spelling: Spelling) -> TuningData:
    """Records with references read by the spelling of all of them. Raises UsageError for records of different scores or
    scales, NoPath if none has a path."""
    first = next((each for each in records if each.made_of is not None), None)
    if first is None or first.made_of is None:
        raise NoPath(f"none of {counted(len(records), 'record')} has a path")
    names, start, words = first.made_of.names, first.made_of.scales, words_by(spelling)

    def spelled(labels: tuple[str, ...]) -> tuple[str, ...]:
        return words(spelling.compared(labels))

    lattices = []
    for each in records:
        made_of, graph = each.made_of, each.graph
        assert graph is not None
        size = graph.arcs + 2 * graph.nodes
        columns, rest = np.zeros((len(names), size)), np.zeros(size)
        if made_of is not None:
            if set(made_of.names) != set(names):
                have = f"{listed(made_of.names)}, {first.source} {listed(names)}"
                raise UsageError(f"{each.source}: has the scores {have}; expected the same ones in all records")
            order = [made_of.names.index(name) for name in names]
            columns, rest = made_of.columns[order], made_of.rest
            for name, scale, other in zip(names, made_of.scales[order].tolist(), start.tolist()):
                if scale != other:
                    found = f"the scale of {name} is {scale:g}, in {first.source} {other:g}"
                    raise UsageError(f"{each.source}: {found}; expected one scale for all records (scale NAME=VALUE)")
        reference = words(each.read(spelling).reference)
        lattices.append(ScoredLattice(each.id, graph, columns, rest, reference, spelled))
    no_path = sum(each.made_of is None for each in records)
    return TuningData(names, start, first.made_of.judges, lattices, no_path)
