"""Kaldi lattices written: what a record holds, whether it becomes text or binary, and the text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import FloatArray, distinct
from lattice_cli.formats.exchange.kaldi import ACOUSTIC, FINAL, GRAPH, SENTENCE_TAGS, STRING
from lattice_cli.formats.io import LossyForm, WriteOptions, Written, numbered, whole_numbers
from lattice_cli.graph import EPSILON, Document

_NAME = "a Kaldi lattice"


@dataclass(frozen=True)
class FittedLattice:
    """A document made to fit. plain: a Lattice, where inputs are transition-ids; else a CompactLattice.

    final: the node that stands for final weights, -1 for none. words, inputs: (arcs,) whole numbers, 0 for epsilon;
    of a CompactLattice, inputs are strings of transition-ids, "" for none. costs: (arcs, 2) graph and acoustic.
    """

    fitting: LossyForm
    key: str
    plain: bool
    final: int
    words: list[str]
    inputs: list[str]
    costs: FloatArray


def fitted_lattice(document: Document, options: WriteOptions, dense: bool = False) -> FittedLattice:
    """A document as a Kaldi lattice can hold it. dense: nodes are numbered 0, 1, 2, arcs sorted by them."""
    fitting = LossyForm(document, _NAME)
    fitting.without_target()
    fitting.without_times()
    fitting.known_scores(GRAPH, (GRAPH, ACOUSTIC))
    fitting.without_scales()
    fitting.added_in_order((GRAPH, ACOUSTIC))
    final = _final_node(document)
    compact = _has_strings(fitting, final)
    if final >= 0 and not (compact or fitting.is_acceptor) and document.graph.ilabel[document.graph.dst == final].any():
        final = -1
    fitting.numbered_nodes(dense, spared=final)
    fitting.keeps_its_words(frozenset(SENTENCE_TAGS), "(read as epsilon; --keep-tags keeps it)")
    key = fitting.one_word(document.id)
    if document.graph.nodes:
        fitting.one_start()
    if dense:
        fitting.sorted_arcs(last=final)
    graph, scores = fitting.graph, fitting.document.scores
    words = numbered(fitting, graph.olabel, 1, "0", options.symbols)
    plain = not (compact or fitting.is_acceptor)
    if plain:
        inputs = whole_numbers(fitting, graph.ilabel, 1, "0")
    elif compact:
        inputs = ["" if label == EPSILON else graph.labels[label] for label in graph.ilabel.tolist()]
    else:
        inputs = [""] * graph.arcs
    none = np.zeros(graph.arcs)
    costs = [scores.get(name, none) for name in (GRAPH, ACOUSTIC)] if scores else [graph.energy, none]
    return FittedLattice(fitting, key, plain, final, words, inputs, np.stack(costs, axis=1))


def write_kaldi(document: Document, options: WriteOptions) -> Written:
    """A record of a text archive: a Lattice where inputs are transition-ids, else a CompactLattice."""
    lattice = fitted_lattice(document, options)
    words, end = lattice.words, "" if lattice.plain else ","
    weights = [f"{cost!r},{acoustic!r}" for cost, acoustic in lattice.costs.tolist()]
    if lattice.plain:
        words = ["\t".join(pair) for pair in zip(lattice.inputs, words)]
    else:
        weights = [f"{weight},{string}" for weight, string in zip(weights, lattice.inputs)]
    rows = _rows(lattice.fitting, lattice.final, words, weights, end) if lattice.fitting.graph.nodes else ""
    return lattice.fitting.written(f"{lattice.key} \n{rows}\n")


def _rows(fitting: LossyForm, final: int, labels: list[str], weights: list[str], end: str) -> str:
    """The rows of a record: one that names the start first, arcs, final nodes, nodes without arcs.

    Arcs into `final` are written as final weights. end: what ends a weight without transition-ids.
    """
    graph, names = fitting.graph, fitting.names
    src, dst = graph.src.tolist(), graph.dst.tolist()
    start = int(graph.starts[0])
    ends = {src[arc]: f"{names[src[arc]]}\t{weights[arc]}\n" for arc in np.flatnonzero(graph.dst == final).tolist()}
    for node, energy in zip(graph.finals.tolist(), graph.final[graph.finals].tolist()):
        if node != final:
            ends[node] = f"{names[node]}\t{energy!r},0.0{end}\n" if energy else f"{names[node]}\n"
    nowhere = f"\tInfinity,Infinity{end}\n"
    arcs = np.flatnonzero(graph.dst != final).tolist()
    lines = []
    if not arcs or src[arcs[0]] != start:
        lines.append(ends.pop(start, f"{names[start]}{nowhere}"))
    lines += [f"{names[src[arc]]}\t{names[dst[arc]]}\t{labels[arc]}\t{weights[arc]}\n" for arc in arcs]
    lines += ends.values()
    lines += [f"{names[node]}{nowhere}" for node in fitting.isolated() if node not in (start, final)]
    return "".join(lines)


def _final_node(document: Document) -> int:
    """The node that stands for final weights, as the reader makes it; -1 if there is none."""
    graph, last = document.graph, document.graph.nodes - 1
    if last < 0 or document.names[last] != FINAL or graph.final[last] != 0 or np.isfinite(graph.start[last]):
        return -1
    into = np.flatnonzero(graph.dst == last)
    tails = graph.src[into]
    trailing = len(into) > 0 and into[0] == graph.arcs - len(into)
    alone = len(distinct(tails)) == len(tails) and not np.isfinite(graph.final[tails]).any()
    return last if trailing and alone and not graph.olabel[into].any() and not (graph.src == last).any() else -1


def _has_strings(fitting: LossyForm, final: int) -> bool:
    """Whether inputs are strings of transition-ids, of which one is longer than an id, or on a final weight."""
    graph = fitting.graph
    inputs = [graph.labels[label] for label in distinct(graph.ilabel).tolist() if label != EPSILON]
    if fitting.is_acceptor or not all(map(STRING.fullmatch, inputs)):
        return False
    return any("_" in label for label in inputs) or bool(final >= 0 and graph.ilabel[graph.dst == final].any())
