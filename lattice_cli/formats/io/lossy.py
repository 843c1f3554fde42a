"""Documents made to fit a format that holds less than a document; what is lost on the way is kept as sentences.

Each step changes the document only if it has what the format cannot hold, and says so. Where it can be done, a step
keeps every path with its labels and its energy: start energies become arcs from an extra node, for one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lattice_cli.arrays import NO_INDICES, FloatArray, IntArray, distinct
from lattice_cli.errors import FormatError
from lattice_cli.formats.io.symbols import Symbols
from lattice_cli.graph import (
    EPSILON,
    Document,
    Graph,
    columns_of,
    end_energies,
    shown,
    weighted_sum,
    with_columns,
    with_more_arcs,
)

WHITE = re.compile(r"[ \t\n\r\f\v\0]")
LARGEST_NUMBER = 2**31


@dataclass(frozen=True)
class WriteOptions:
    """symbols: the table that numbers labels, in forms that hold numbers. matrices: native chains of steps are written
    as emission matrices. labels: the path of the label list of an .npy matrix."""

    symbols: Symbols | None = None
    matrices: bool = False
    labels: str | None = None


@dataclass(frozen=True)
class Written:
    """A document in a format: its bytes, and what the format could not hold, a phrase each."""

    data: bytes
    losses: tuple[str, ...] = ()


class LossyForm:
    """A document on its way into a format."""

    def __init__(self, document: Document, form: str) -> None:
        self.document = document
        self.form = form
        self.losses: list[str] = []
        if document.factors:
            self.lose(f"which arcs of {', '.join(each.name for each in document.factors)} its arcs come from")

    @property
    def graph(self) -> Graph:
        """The graph as it is by now."""
        return self.document.graph

    @property
    def names(self) -> Sequence[int | str]:
        """(nodes,) the names as they are by now."""
        return self.document.names

    @property
    def is_acceptor(self) -> bool:
        """True if every arc has one label."""
        return bool(np.array_equal(self.graph.ilabel, self.graph.olabel))

    def written(self, text: str) -> Written:
        """The text with what was lost for it."""
        return Written(text.encode(), tuple(self.losses))

    def refuse(self, why: str) -> FormatError:
        """The error for what no loss makes fit."""
        return FormatError(f"{self.document.id}: cannot be written as {self.form}: {why}")

    def lose(self, what: str) -> None:
        """Note what is lost, once."""
        if what not in self.losses:
            self.losses.append(what)

    def without_target(self) -> None:
        """No correct answer, and nothing that says which label is the blank of CTC."""
        if self.document.target is not None:
            self.lose(f"the target {shown(self.document.target)}")
            self.document = replace(self.document, target=None)
        if self.document.blank is not None:
            self.lose(f"that {self.document.blank!r} is the blank of CTC")

    def without_times(self) -> None:
        """No times of nodes."""
        if self.document.times is not None and not np.isnan(self.document.times).all():
            self.lose("times of nodes")
        self.document = replace(self.document, times=None)

    def summed_scores(self) -> None:
        """One energy instead of named scores."""
        if self.document.scores:
            listed = ", ".join(self.document.scores)
            self.lose(f"named scores (their weighted sum is written instead of {listed})")
            self.document = replace(self.document, scores={}, scales={})

    def known_scores(self, rest: str, kept: Sequence[str]) -> None:
        """Only scores of these names; all others, weighted, as one that is named `rest`."""
        document = self.document
        alien = [name for name in document.scores if name not in kept]
        if alien:
            together = [name for name in document.scores if name in alien or name == rest]
            total = weighted_sum({name: document.scores[name] for name in together}, document.scales)
            scores = {name: column for name, column in document.scores.items() if name not in together}
            scales = {name: scale for name, scale in document.scales.items() if name not in together}
            self.document = replace(document, scores={**scores, rest: total}, scales=scales)
            self.lose(f"scores of the names {', '.join(alien)} (added up as {rest!r})")

    def without_scales(self) -> None:
        """Scores already multiplied by their scales."""
        scales = {name: scale for name, scale in self.document.scales.items() if scale != 1.0}
        if scales:
            scores = {name: scales.get(name, 1.0) * column for name, column in self.document.scores.items()}
            self.lose(f"scales of scores ({', '.join(scales)} is multiplied by its scale)")
            self.document = replace(self.document, scores=scores)
        self.document = replace(self.document, scales={})

    def added_in_order(self, names: Sequence[str]) -> None:
        """Scores in this order; added up in another one, energies may differ in the last digit."""
        scores, scales = self.document.scores, self.document.scales
        ordered = {name: scores[name] for name in names if name in scores}
        if (
            scores
            and list(ordered) != list(scores)
            and not np.array_equal(weighted_sum(ordered, scales), weighted_sum(scores, scales))
        ):
            self.lose(f"the order of scores (as {', '.join(ordered)}: energies are rounded anew)")
        self.document = replace(self.document, scores=ordered)

    def one_word(self, text: str) -> str:
        """Text without white space, as a key."""
        word = WHITE.sub("_", text) or "_"
        if word != text:
            self.lose(f"the id {text!r} (written {word})")
        return word

    def acceptor(self) -> None:
        """Output labels alone."""
        if not self.is_acceptor:
            self.lose("input labels of a transducer (the output labels are written)")
            self.document = replace(self.document, graph=replace(self.graph, ilabel=self.graph.olabel))

    def unnamed_end(self, *words: str) -> None:
        """The last node has a number, if it is called by one of these words beside numbers: a reader has added it."""
        *others, last = [*self.names] or [0]
        if last in words and all(isinstance(name, int) for name in others):
            self.document = replace(self.document, names=[*others, max((int(name) for name in others), default=-1) + 1])

    def numbered_nodes(self, dense: bool = False, spared: int = -1, ascending: bool = True) -> None:
        """Nodes are whole numbers, ascending or in any order; dense: 0, 1, 2 and so on. spared: with any name."""
        names = [name for node, name in enumerate(self.names) if node != spared]
        fine = all(isinstance(name, int) and 0 <= name < LARGEST_NUMBER for name in names)
        numbers = [name for name in names if isinstance(name, int)]
        if fine and (numbers == list(range(len(names))) if dense else not ascending or sorted(numbers) == numbers):
            return
        self.lose("names of nodes (they are numbered from 0)")
        self.document = replace(self.document, names=range(self.graph.nodes))

    def connected(self) -> None:
        """No nodes without arcs, unless they are start or final nodes."""
        alone = self.isolated()
        if not alone:
            return
        self.lose(f"{_count(len(alone), 'node')} without arcs")
        keep = np.setdiff1d(np.arange(self.graph.nodes), alone)
        place = np.full(self.graph.nodes, -1, dtype=np.intp)
        place[keep] = np.arange(len(keep))
        graph, times = self.graph, self.document.times
        self.document = replace(
            self.document,
            graph=replace(
                graph,
                src=place[graph.src],
                dst=place[graph.dst],
                start=graph.start[keep],
                final=graph.final[keep],
                node_offsets=NO_INDICES,
                arc_offsets=NO_INDICES,
            ),
            names=[self.names[node] for node in keep.tolist()],
            times=None if times is None else times[keep],
        )

    def isolated(self) -> list[int]:
        """Nodes that no arc enters or leaves, and that are not start or final nodes."""
        graph = self.graph
        used = np.concatenate([graph.src, graph.dst, graph.starts, graph.finals])
        return [int(node) for node in np.setdiff1d(np.arange(graph.nodes), used)]

    def one_start(self) -> None:
        """One start node, of start energy 0."""
        starts = self.graph.starts
        if len(starts) != 1 or self.graph.start[starts[0]] != 0:
            self.lose(self._ends(starts, self.graph.start, "start"))
            self._add_end("start")

    def one_final(self) -> None:
        """One final node, of final energy 0."""
        finals = self.graph.finals
        if len(finals) != 1 or self.graph.final[finals[0]] != 0:
            self.lose(self._ends(finals, self.graph.final, "final"))
            self._add_end("final")

    def free_ends(self) -> None:
        """No energies of start and final nodes, and at least one of each."""
        for end, column in (("start", self.graph.start), ("final", self.graph.final)):
            nodes = np.flatnonzero(np.isfinite(column))
            if not len(nodes) or (column[nodes] != 0).any():
                self.lose(self._ends(nodes, column, end))
                self._add_end(end)

    def _ends(self, nodes: IntArray, column: FloatArray, end: str) -> str:
        where = "from" if end == "start" else "to"
        extra = f"an extra node has epsilon arcs {where} them"
        if not len(nodes):
            return f"a graph without {end} nodes (an extra node leads nowhere)"
        if (column[nodes] != 0).any():
            energies = "energies" if len(nodes) > 1 else "energy"
            return f"the {end} {energies} of {_count(len(nodes), 'node')} ({extra})"
        return f"{len(nodes)} {end} nodes ({extra})"

    def _add_end(self, end: str) -> None:
        """An extra node with epsilon arcs that cost what it cost to start, or to end."""
        document, graph = self.document, self.graph
        column = graph.start if end == "start" else graph.final
        nodes = np.flatnonzero(np.isfinite(column))
        extra = np.full(len(nodes), graph.nodes, dtype=np.intp)
        tails, heads = (extra, nodes) if end == "start" else (nodes, extra)
        silent = np.zeros(len(nodes), dtype=np.intp)
        ends = {"start": np.append(graph.start, np.inf), "final": np.append(graph.final, np.inf)}
        ends[end] = end_energies(graph.nodes + 1, {graph.nodes: 0.0})
        larger = with_more_arcs(graph, (tails, heads, silent, silent, column[nodes]), **ends)
        numbers = [name for name in document.names if isinstance(name, int)]
        times = None if document.times is None else np.append(document.times, np.nan)
        scores = {name: np.append(score, np.zeros(len(nodes))) for name, score in document.scores.items()}
        if scores:
            name = self._score_for_ends()
            scores[name][graph.arcs :] = column[nodes] / document.scales.get(name, 1.0)
        names = [*document.names, max(numbers, default=-1) + 1]
        self.document = replace(document, graph=larger, names=names, times=times, scores=scores)

    def _score_for_ends(self) -> str:
        """The score that takes what it costs to start or end: of scale 1 if there is one."""
        scales = {name: self.document.scales.get(name, 1.0) for name in self.document.scores if name != "words"}
        usable = [name for name, scale in sorted(scales.items(), key=lambda item: item[1] != 1.0) if scale]
        if not usable:
            raise self.refuse("all scores are scaled by 0, so none can hold the energy of a start or final node")
        return usable[0]

    def within_float32(self) -> None:
        """No energies that are too large, or too small but not 0, for a float32."""
        energy, range_of = self.graph.energy, np.finfo(np.float32)
        small = (energy != 0) & (np.abs(energy) < float(range_of.tiny))
        kept = np.where(small, 0.0, np.clip(energy, float(range_of.min), float(range_of.max)))
        changed = np.flatnonzero(kept != energy)
        if len(changed):
            arc = int(changed[0])
            shown = f"such as {energy[arc]:.6g} of arc {arc} ({kept[arc]:.6g} is written)"
            self.lose(f"energies beyond the range of float32, {shown}")
            self.document = replace(self.document, graph=self.graph.with_energy(kept))

    def single_precision(self, remark: str) -> None:
        """No energies but those that are a float32; others are rounded to the nearest. remark: what keeps them."""
        columns, most = columns_of(self.graph), float(np.finfo(np.float32).max)
        with np.errstate(under="ignore"):
            single = np.where(np.isfinite(columns), np.clip(columns, -most, most), columns).astype(np.float32)
        kept = single.astype(np.float64)
        changed = np.flatnonzero(kept != columns)
        if len(changed):
            energy, written = float(columns[changed[0]]), float(kept[changed[0]])
            shown = f"such as {energy!r} ({written!r} is written; {remark})"
            self.lose(f"energies that are no float32, {shown}")
            self.document = replace(self.document, graph=with_columns(self.graph, kept))

    def start_first(self) -> None:
        """The start node, which is the only one, is node 0."""
        if self.graph.starts[0] == 0:
            return
        start = int(self.graph.starts[0])
        self.lose("the order of nodes (the start node comes first, and they are numbered from 0)")
        graph, times = self.graph, self.document.times
        order = np.array([start, *(node for node in range(graph.nodes) if node != start)], dtype=np.intp)
        place = np.argsort(order)
        moved = replace(
            graph, src=place[graph.src], dst=place[graph.dst], start=graph.start[order], final=graph.final[order]
        )
        times = None if times is None else times[order]
        self.document = replace(self.document, graph=moved, names=range(graph.nodes), times=times)

    def sorted_arcs(self, last: int = -1) -> None:
        """Arcs in the order of the nodes they leave; those into the node `last` come after all others."""
        order = np.lexsort((np.arange(self.graph.arcs), self.graph.src, self.graph.dst == last))
        if np.array_equal(order, np.arange(self.graph.arcs)):
            return
        self.lose("the order of arcs (they are sorted by the node they leave)")
        graph = self.graph
        columns = {name: getattr(graph, name)[order] for name in ("src", "dst", "ilabel", "olabel", "energy")}
        scores = {name: column[order] for name, column in self.document.scores.items()}
        self.document = replace(self.document, graph=replace(graph, **columns), scores=scores)

    def keeps_its_words(self, silent: frozenset[str], remark: str) -> None:
        """No label is one that is read as epsilon."""
        for label in distinct(self.graph.olabel[self.graph.olabel != EPSILON]).tolist():
            if self.graph.labels[label] in silent:
                self.lose(f"the label {self.graph.labels[label]!r} {remark}")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
