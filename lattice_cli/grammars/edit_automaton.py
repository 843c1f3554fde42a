"""The edit automaton of a set of answers: how far an answer is from the nearest of them, told label by label.

A state is a column of the edit table (Levenshtein 1966; Wagner and Fischer 1974), less its last entry: which labels
come next can change it by one at most, so that there are few of them, and finitely many beside a graph with cycles too
(Schulz and Mihov 2002, "Fast string correction with Levenshtein automata"; Myers 1999 has the differences as bits). It
is deterministic: composed with it, a path is still one path, and what the states charge along it adds up to its
distance.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, group_by
from lattice_cli.errors import GraphError
from lattice_cli.graph import EPSILON, Graph, Labels, evaluation_order, label_index, trimmed

#: More columns than that are never met.
_MOST_COLUMNS = 1 << 31


class EditAutomaton:
    """A Scorer whose energies are edit distances: with `empty` they add up to that of the nearest answer of `answers`.

    answers: their outputs are the answers; its energies say nothing. labels: the table of those that are asked for.
    empty: the distance of the empty answer. Raises GraphError if `answers` has cycles, or no path.
    """

    least_end = 0.0
    histories = _MOST_COLUMNS
    first = 0

    def __init__(self, answers: Graph, labels: Labels) -> None:
        graph = trimmed(answers)[0]
        order = evaluation_order(graph.src, graph.dst, np.array([0, graph.nodes]))
        if (order.component >= 0).any():
            raise GraphError("the right answers have cycles: distances are measured to answers that can be listed")
        if not graph.nodes:
            raise GraphError("there is no right answer, expected one at least")
        index = label_index(labels)
        strange = len(labels)
        self.least: FloatArray = np.full(len(labels), -1.0)
        own = np.array([EPSILON, *(index.get(label, strange) for label in graph.labels[1:])], dtype=np.intp)
        self._src, self._dst, self._label = graph.src, graph.dst, own[graph.olabel]
        self._final = np.isfinite(graph.final)
        # Arcs by the level of their heads, so that each comes after all that lead to its tail.
        level = order.level[graph.dst]
        by_level = group_by(level, int(order.level.max()) + 1)
        self._levels = [by_level.order[low:high] for low, high in pairwise(by_level.offsets.tolist()) if high > low]
        self._spoken = np.flatnonzero(self._label != EPSILON)
        column = np.where(np.isfinite(graph.start), 0, graph.nodes + graph.arcs)[:, None]
        self._skip(column)
        self.empty = float(column[self._final].min())
        #: (nodes, states)
        self._columns = column - int(self.empty)
        self._number = {self._columns[:, 0].tobytes(): 0}

    def _skip(self, columns: IntArray) -> None:
        """Labels of the answers that nothing stands for, (nodes, n), in place."""
        for arcs in self._levels:
            passed = columns[self._src[arcs]] + (self._label[arcs] != EPSILON)[:, None]
            np.minimum.at(columns, self._dst[arcs], passed)

    def step(self, history: IntArray, word: IntArray) -> tuple[FloatArray, IntArray]:
        """See Scorer."""
        asked, place = np.unique(history * len(self.least) + word, return_inverse=True)
        before, label = np.divmod(asked, len(self.least))
        columns = self._columns[:, before]
        after = columns + 1
        taken = columns[self._src[self._spoken]] + (self._label[self._spoken][:, None] != label)
        np.minimum.at(after, self._dst[self._spoken], taken)
        self._skip(after)
        change = after[self._final].min(axis=0)
        after -= change
        numbers = [self._number.setdefault(column.tobytes(), len(self._number)) for column in after.T]
        _, first = np.unique(numbers, return_index=True)
        fresh = [place for place in first.tolist() if numbers[place] >= self._columns.shape[1]]
        self._columns = np.concatenate([self._columns, after[:, fresh]], axis=1)
        place = place.reshape(-1)
        return change[place].astype(np.float64), np.array(numbers, dtype=np.intp)[place]

    def ending(self, history: IntArray) -> FloatArray:
        """See Scorer."""
        return np.zeros(len(history))
