"""The part of matrix o grammar that a search has found worth having, as a composition like any other.

Each move of a decoding graph is the arcs that it stands for: one that takes the row, and behind it those of the grammar
that take nothing. So paths, energies and provenance are those of the whole composition, for paths up to an energy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import NO_INDICES, FloatArray, IntArray, picked, require_memory, spans
from lattice_cli.composition import ADD, Composition
from lattice_cli.emissions.beam_search import BeamSearch, Heuristic, Steps, Tokens, slack
from lattice_cli.emissions.decoding_graph import DecodingGraph
from lattice_cli.emissions.matrix import EmissionMatrix
from lattice_cli.graph import EPSILON, Graph, labelled_like, with_more_arcs, without_any_arcs

#: Bytes that a move comes to, as long as its lattice is made; of fewer moves that is nothing to be asked for.
_MOVE_BYTES = 100
_MANY_MOVES = 1_000_000


@dataclass(frozen=True, eq=False)
class _Trellis:
    """Tokens of all rows, numbered one after the other, and moves between them.

    time, node: (tokens,). tail, head: (moves,) tokens; arc: the decoding graph's; spent: what the scorer took. start,
    final: (tokens,) energies, +inf where no path starts or ends.
    """

    time: IntArray
    node: IntArray
    tail: IntArray
    head: IntArray
    arc: IntArray
    spent: FloatArray
    start: FloatArray
    final: FloatArray


def token_lattice(
    left: Graph, matrix: EmissionMatrix, search: BeamSearch, above: float = np.inf
) -> tuple[Composition, float]:
    """Every path of the matrix and its decoding graph up to an energy that the search's limits leave, and the energy
    below which that is every path there is (+inf: that is all)."""
    trellis, complete = _trellis(search, above)
    return _composition(left, matrix, search.heuristic, trellis), min(complete, above)


def empty_lattice(left: Graph, decoding_graph: DecodingGraph) -> Composition:
    """The composition without a path."""
    grammar = decoding_graph.source.source
    left = labelled_like(left, grammar)
    graph, none = without_any_arcs(left.labels, 0), NO_INDICES
    return Composition(left, grammar, ADD, graph, none, none, none, none, None)


def path_lattice(
    left: Graph,
    matrix: EmissionMatrix,
    heuristic: Heuristic,
    arcs: IntArray,
    spent: FloatArray | None = None,
    ending: float = 0.0,
) -> Composition:
    """One path: its arc of the decoding graph for each row, what the scorer takes for each (None: nothing), and for
    ending."""
    graph, steps = heuristic.decoding_graph.graph, len(arcs)
    spent = np.zeros(steps) if spent is None else spent
    node = np.append(graph.src[arcs[:1]], graph.dst[arcs])
    start, final = np.full((2, steps + 1), np.inf)
    start[0], final[-1] = graph.start[node[0]], graph.final[node[-1]] + ending
    times = np.arange(steps + 1)
    return _composition(
        left, matrix, heuristic, _Trellis(times, node, times[:-1], times[1:], arcs, spent, start, final)
    )


def _trellis(search: BeamSearch, above: float) -> tuple[_Trellis, float]:
    """All that lies on paths up to an energy, found forwards by lower bounds, then backwards exactly; and the least
    bound of what a beam dropped. Raises MemoryError before that would fill it."""
    first = search.first()
    above += slack(above)
    layers: list[Tokens] = [first]
    rows: list[Steps] = []
    complete, moves = np.inf, 0
    for layer in search.layers(above):
        moves += len(layer.steps.arc)
        if moves > _MANY_MOVES:
            require_memory(_MOVE_BYTES * moves, f"the paths near the best one, {moves:,} moves so far,")
        layers.append(layer.tokens)
        rows.append(layer.steps)
        complete = min(complete, layer.dropped)
    offsets = np.concatenate([[0], np.cumsum([len(layer.node) for layer in layers])]).astype(np.intp)
    last = layers[-1]
    to_come = search.ended(last) - last.energy
    final = np.full(offsets[-1], np.inf)
    final[offsets[-2] :] = to_come
    kept: list[tuple[IntArray, IntArray, IntArray, FloatArray]] = []
    for time in range(len(rows) - 1, -1, -1):
        steps = rows[time]
        through = steps.energy + to_come[steps.head]
        good = through <= above if np.isfinite(above) else np.isfinite(through)
        tail, head = steps.tail[good], steps.head[good]
        kept.append((tail + offsets[time], head + offsets[time + 1], steps.arc[good], steps.spent[good]))
        to_come = np.full(len(layers[time].node), np.inf)
        np.minimum.at(to_come, tail, through[good] - layers[time].energy[tail])
    start = np.full(offsets[-1], np.inf)
    start[: offsets[1]] = np.where(np.isfinite(to_come), first.energy, np.inf)
    columns = [np.concatenate(column) for column in zip(*reversed(kept))]
    whole = _Trellis(
        np.repeat(np.arange(len(layers)), np.diff(offsets)),
        np.concatenate([layer.node for layer in layers]),
        columns[0],
        columns[1],
        columns[2],
        columns[3],
        start,
        final,
    )
    return _only_used(whole), complete


def _only_used(trellis: _Trellis) -> _Trellis:
    """The trellis without tokens that no move leaves or enters."""
    used = np.zeros(len(trellis.time), dtype=bool)
    used[trellis.tail] = used[trellis.head] = True
    number = np.cumsum(used) - 1
    return _Trellis(
        trellis.time[used],
        trellis.node[used],
        number[trellis.tail],
        number[trellis.head],
        trellis.arc,
        trellis.spent,
        trellis.start[used],
        trellis.final[used],
    )


def _composition(left: Graph, matrix: EmissionMatrix, heuristic: Heuristic, trellis: _Trellis) -> Composition:
    decoding_graph = heuristic.decoding_graph
    grammar = decoding_graph.source.source
    left = labelled_like(left, grammar)
    tokens, moves = len(trellis.time), len(trellis.arc)
    folded_arc = decoding_graph.arc_of[trellis.arc]
    parts = decoding_graph.source.parts
    counts = np.where(folded_arc >= 0, parts.sizes(folded_arc), 1)
    first = np.cumsum(counts) - counts
    move = np.repeat(np.arange(moves), counts)
    position = np.arange(len(move)) - first[move]
    spoken = (folded_arc >= 0)[move]
    right_arc = np.full(len(move), -1, dtype=np.intp)
    right_arc[spoken] = parts.order[parts.offsets[folded_arc[move[spoken]]] + position[spoken]]
    # The row's own arc is the first part of a move.
    row = trellis.time[trellis.tail]
    left_arc = np.full(len(move), -1, dtype=np.intp)
    left_arc[first] = matrix.arc[row, heuristic.columns(matrix.classes)[heuristic.input[trellis.arc]]]
    energy = picked(grammar.energy, right_arc, 0.0)
    energy[first] = left.energy[left_arc[first]] + energy[first]
    energy += _on_first_word(grammar, right_arc, move, trellis.spent)
    # Between the parts of a move stand nodes of their own.
    inner = position > 0
    between = tokens + np.cumsum(inner) - 1
    src = np.where(inner, between, trellis.tail[move])
    last = np.append(~inner[1:], True)
    dst = np.where(last, trellis.head[move], np.append(between[1:], 0))
    node_of = decoding_graph.node_of
    left_node = np.concatenate([trellis.time, row[move[inner]] + 1])
    right_node = np.concatenate([node_of[trellis.node], grammar.src[right_arc[inner]]])
    idle = np.full(int(inner.sum()), np.inf)
    graph = Graph(
        src,
        dst,
        picked(left.ilabel, left_arc, EPSILON),
        picked(grammar.olabel, right_arc, EPSILON),
        energy,
        np.append(trellis.start + left.start[0], idle),
        np.append(trellis.final + left.final[matrix.steps], idle),
        left.labels,
    )
    whole = Composition(left, grammar, ADD, graph, left_arc, right_arc, left_node, right_node, None)
    return _with_beginnings(whole, decoding_graph, trellis)


def _on_first_word(grammar: Graph, right_arc: IntArray, move: IntArray, spent: FloatArray) -> FloatArray:
    """(arcs,) what the scorer took for each move, on the first of its arcs that outputs something."""
    energy = np.zeros(len(right_arc))
    if not spent.any():
        return energy
    speaking = np.flatnonzero(picked(grammar.olabel, right_arc, EPSILON) != EPSILON)[::-1]
    carrier = np.full(len(spent), -1, dtype=np.intp)
    carrier[move[speaking]] = speaking  # the last write wins: the first word
    some = np.flatnonzero(carrier >= 0)
    energy[carrier[some]] = spent[some]
    return energy


def _with_beginnings(whole: Composition, decoding_graph: DecodingGraph, trellis: _Trellis) -> Composition:
    """Start nodes that the grammar reaches by arcs without input get these arcs before them."""
    begin, grammar, graph = decoding_graph.source.begin, decoding_graph.source.source, whole.graph
    starts = graph.starts
    node = trellis.node[starts]  # paths start at nodes of the grammar itself
    counts = begin.sizes(node)
    if not counts.any():
        return whole
    arcs = begin.order[spans(begin.offsets[node], counts)]
    owner = np.repeat(np.arange(len(starts)), counts)
    position = np.arange(len(arcs)) - (np.cumsum(counts) - counts)[owner]
    src = graph.nodes + np.arange(len(arcs))
    last = position == counts[owner] - 1
    dst = np.where(last, starts[owner], src + 1)
    start = graph.start.copy()
    start[starts[counts > 0]] = np.inf
    new = np.full(len(arcs), np.inf)
    opening = np.flatnonzero(position == 0)
    new[opening] = whole.left.start[0] + grammar.start[grammar.src[arcs[opening]]]
    none = np.full(len(arcs), -1, dtype=np.intp)
    columns = (src, dst, np.zeros(len(arcs), dtype=np.intp), grammar.olabel[arcs], grammar.energy[arcs])
    ends = np.append(start, new), np.append(graph.final, np.full(len(arcs), np.inf))
    longer = with_more_arcs(graph, columns, *ends)
    return Composition(
        whole.left,
        whole.right,
        ADD,
        longer,
        np.append(whole.left_arc, none),
        np.append(whole.right_arc, arcs),
        np.append(whole.left_node, np.zeros(len(arcs), dtype=np.intp)),
        np.append(whole.right_node, grammar.src[arcs]),
        None,
    )
