"""A graph together with what its file says about it: names, times, named scores, a target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.errors import GraphError, UsageError
from lattice_cli.graph.construct import without_any_arcs
from lattice_cli.graph.graph import EPSILON, Graph, Labels, times
from lattice_cli.graph.right_answers import Reference


@dataclass(frozen=True, eq=False)
class KnownFactor:
    """A factor of a composition that was read or is to be written, as far as it is in the composition.

    name: what it was called in the cascade; source: its file. weight: what its energies weigh in those of the
    composition. graph: its arcs that are on paths of the composition, without starts and finals; names: (its nodes,);
    number: (its arcs,) their numbers in its own file. arc: (arcs of the composition,) the arc of `graph` that each
    comes from, -1 for none. node: (nodes of the composition,) the node of `graph`.
    """

    name: str
    source: str
    weight: float
    graph: Graph
    names: Sequence[int | str]
    number: IntArray
    arc: IntArray
    node: IntArray

    def restricted(self, arcs: IntArray, nodes: IntArray) -> KnownFactor:
        """The same of a part of the composition: its arcs and nodes that are left."""
        return replace(self, arc=self.arc[arcs], node=self.node[nodes])


@dataclass(frozen=True, eq=False)
class Document:
    """One record: what a file or a line of a stream holds.

    graph:   the graph; where the arcs carry named scores its energy is their weighted sum.
    id:      keys the results.
    source:  where it was read, for messages: `lexicon.json` or `stream.jsonl:7`.
    names:   (nodes,) what the file calls each node.
    times:   (nodes,) seconds, or None where the file has none.
    scores:  name -> (arcs,) named scores; empty where the file gives energies.
    scales:  name -> weight of that score in the energy; a name that is missing weighs 1.
    target:  the correct answer as the record gives it, a text or a list of labels, several, or a lattice; or that at
             every step.
    blank:   which of its labels is the blank of CTC, where the record or the file of its labels says so.
    split:   how its labels spell words: a kind of grammars.Spelling, or "auto", as the labels tell.
    form:    what the file was read as, a name of the registry of formats; "" for what was not read.
    rows:    whether nodes are the rows of an emission matrix, which stand for times.
    transitions: whether input labels are transition-ids, one a frame, or strings of them.
    unread:  phrases about what else its file says of it, which is lost if it is written anew.
    factors: the graphs that it was composed of, where its file says so.
    """

    graph: Graph
    id: str
    source: str
    names: Sequence[int | str]
    times: FloatArray | None = None
    scores: Mapping[str, FloatArray] = field(default_factory=dict)
    scales: Mapping[str, float] = field(default_factory=dict)
    target: Reference | None = None
    blank: str | None = None
    split: str = "auto"
    form: str = ""
    rows: bool = False
    transitions: bool = False
    unread: tuple[str, ...] = ()
    factors: tuple[KnownFactor, ...] = ()

    @cached_property
    def clock(self) -> FloatArray | None:
        """(nodes,) what stands for times: seconds, else frames of speech, nan where not known; None for neither."""
        if self.times is not None or not self.transitions:
            return self.times
        from lattice_cli.graph.frame_times import frame_times

        return frame_times(self.graph)

    @property
    def in_seconds(self) -> bool:
        """False where times are in frames or in rows of a matrix."""
        return self.times is not None or not (self.transitions or self.rows)

    def timed(self, step: float) -> Document:
        """The record with times in seconds. step: seconds of a frame, or of a row."""
        clock = np.arange(self.graph.nodes, dtype=np.float64) if self.rows else self.clock
        return self if clock is None else replace(self, times=clock * step)

    def read_as(self, form: str, split: str) -> None:
        """Say what a record was read as: for its reader, before anyone else has it. A copy of each would be felt
        where records are small."""
        object.__setattr__(self, "form", form)
        object.__setattr__(self, "split", split)

    def outline(self) -> Document:
        """The record without its graph and what belongs to it: labels, id, source and target stay."""
        return Document(_nothing_of(self.graph.labels), self.id, self.source, (), target=self.target, split=self.split)

    def scaled(self, scales: Mapping[str, float]) -> Document:
        """The record with some scales replaced and the energies summed anew.

        The score `words`, which counts the arcs with an output, can be had of every record; what energies there are
        without it is then the score `energy`. Energies that have no name are the score `recognition`, which start and
        final energies belong to. Raises UsageError for another name that the arcs carry no score of, GraphError for a
        sum that is not finite.
        """
        if not scales:
            return self
        if "words" in scales and "words" not in self.scores:
            scores = self.scores or {"energy": self.graph.energy}
            counts = (self.graph.olabel != EPSILON).astype(np.float64)
            return replace(self, scores={**scores, "words": counts}).scaled(scales)
        if "recognition" in scales and not self.scores:
            own = times(self.graph, scales["recognition"])
            return replace(self, graph=own, scores={"recognition": self.graph.energy}).scaled(scales)
        for name in scales:
            if name not in self.scores:
                have = ", ".join(self.scores) or "none"
                raise UsageError(f"{self.source}: scale {name}: the arcs carry no score {name!r} (scores: {have})")
        merged = {**self.scales, **scales}
        try:
            graph = self.graph.with_energy(weighted_sum(self.scores, merged))
        except GraphError as error:
            raise GraphError(f"{self.source}: {error}") from None
        return replace(self, scales=merged, graph=graph)


def numbered_document(graph: Graph, record_id: str, source: str) -> Document:
    """The record of a graph whose nodes are called 0, 1, 2 and so on."""
    return Document(graph, record_id, source, range(graph.nodes))


@dataclass(frozen=True, eq=False)
class Inputs:
    """One record of what a recogniser computes energies from.

    values: (rows, size) numbers: a feature vector, or a column of an image, a row. id, source, target: as in Document.
    """

    id: str
    source: str
    values: FloatArray
    target: Reference | None = None


def weighted_sum(scores: Mapping[str, FloatArray], scales: Mapping[str, float]) -> FloatArray:
    """sum over names of scale * score, (arcs,); a scale that is missing is 1."""
    total = np.zeros(len(next(iter(scores.values()))))
    with np.errstate(over="ignore", invalid="ignore"):  # the graph refuses what is not finite, and says which arc
        for name, column in scores.items():
            total += scales.get(name, 1.0) * column
    return total


#: Longer label tables are taken to be others unless they are the same object: to compare them takes longer than a graph.
_COMPARED = 256
_nothing = without_any_arcs(("",), 0)


def _nothing_of(labels: Labels) -> Graph:
    """The empty graph of some labels: one for records in a row that have the same, which go to another process once."""
    global _nothing
    if labels is not _nothing.labels and (len(labels) > _COMPARED or labels != _nothing.labels):
        _nothing = without_any_arcs(labels, 0)
    return _nothing
