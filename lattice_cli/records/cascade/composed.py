"""An interpretation graph as a record by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, distinct, picked
from lattice_cli.composition import Factor
from lattice_cli.errors import UsageError, quoted
from lattice_cli.formats.io import note
from lattice_cli.graph import EPSILON, Document, Graph, KnownFactor, weighted_sum
from lattice_cli.records.cascade.scores import FactorScore, cascade_scores, free_name, has_scores
from lattice_cli.records.interpretation import Interpretation


def composed_document(interpretation: Interpretation, *, scores: bool = False, provenance: bool = False) -> Document:
    """The interpretation graph as a record, with the id, target and node times of the record that was composed.

    Where a factor has named scores, or if scores are asked for, its arcs carry those of all factors. The start and
    final energies that belong to them are arcs then, from a new start and to a new final node, so that no scale misses
    them. provenance: it knows the arcs of every factor. Raises UsageError where that cannot be: under an operator that
    makes no sums of energies.
    """
    whole, document = interpretation.composition, interpretation.document
    if interpretation.unsaid:
        told = quoted(sorted(interpretation.unsaid))
        note(document.source, f"no answer can have these hot words, as labels or spelled: {told}")
    if whole is None:  # nothing of what was to judge it has a say
        return document
    clock = None if document.times is None else document.times[whole.first.node]
    plain = Document(whole.graph, document.id, document.source, range(whole.graph.nodes), clock, target=document.target)
    named = scores or has_scores(interpretation)
    if any(factor.weight is None for factor in whole.factors):
        if provenance:
            raise UsageError(
                f"{document.source}: energies under {whole.combine.name} are no sums of those of the factors, so that "
                "gradients cannot be carried back from a file"
            )
        if named:
            note(document.source, f"named scores are not kept: energies under {whole.combine.name} are no sums of them")
        return plain
    factors = _known_factors(interpretation, whole.factors) if provenance else ()
    found = replace(plain, factors=factors)
    return _with_scores(found, whole.factors, cascade_scores(interpretation)) if named else found


def _with_scores(plain: Document, factors: Sequence[Factor], scores: Sequence[FactorScore]) -> Document:
    """The record with the named scores of its factors."""
    ends = [
        (each.score.start[factors[each.factor].node], each.score.final[factors[each.factor].node]) for each in scores
    ]
    arcs = [picked(each.score.arcs, factors[each.factor].arc, 0.0) for each in scores]
    scales = {each.name: each.scale for each in scores if each.scale != 1.0}
    found, added = plain, np.zeros((len(scores), 0))
    for side in (0, 1):
        columns = np.array([column[side] for column in ends]).reshape(len(scores), plain.graph.nodes)
        if columns.any():
            found, more = _end_arcs(found, columns, [each.scale for each in scores], final=side == 1)
            added = np.concatenate([added, more], axis=1)
    named = {each.name: np.concatenate([own, more]) for each, own, more in zip(scores, arcs, added)}
    if not named:
        return found
    graph = found.graph.with_energy(weighted_sum(named, scales))
    return replace(found, graph=graph, scores=named, scales=scales)


def _end_arcs(
    document: Document, columns: FloatArray, scales: Sequence[float], final: bool
) -> tuple[Document, FloatArray]:
    """The record with an arc of its own for each final (else start) node, which carries what of its energy belongs to
    scores: columns, (scores, nodes that there were at first). Also gives (scores, new arcs)."""
    graph = document.graph
    ends = graph.final if final else graph.start
    own = np.flatnonzero(np.isfinite(ends))
    spent = columns[:, own]
    new = graph.nodes + np.arange(len(own))
    none = np.full(len(own), EPSILON)
    energy = np.array(scales) @ spent
    kept = ends[own] - energy
    kept[np.abs(kept) <= 1e-12 * np.maximum(np.abs(ends[own]), np.abs(energy))] = 0.0  # rounding
    closed, opened = np.full(graph.nodes, np.inf), np.full(len(own), np.inf)
    tails, heads = (own, new) if final else (new, own)
    start = np.append(graph.start, opened) if final else np.append(closed, kept)
    finals = np.append(closed, kept) if final else np.append(graph.final, opened)
    longer = Graph(
        np.append(graph.src, tails),
        np.append(graph.dst, heads),
        np.append(graph.ilabel, none),
        np.append(graph.olabel, none),
        np.append(graph.energy, energy),
        start,
        finals,
        graph.labels,
    )
    times = None if document.times is None else np.append(document.times, document.times[own])
    nodes = np.append(np.arange(graph.nodes), own)
    factors = tuple(
        replace(each, arc=np.append(each.arc, np.full(len(own), -1)), node=each.node[nodes])
        for each in document.factors
    )
    return replace(document, graph=longer, names=range(longer.nodes), times=times, factors=factors), spent


def _known_factors(interpretation: Interpretation, factors: Sequence[Factor]) -> tuple[KnownFactor, ...]:
    """What the record is to know of its factors; in place of one that was composed itself stand those that it knows."""
    found: list[KnownFactor] = []
    taken: set[str] = set()
    record = interpretation.document
    documents = [(_stem(record.source), record), *((part.name, part.document) for part in interpretation.parts)]
    for (name, document), factor in zip(documents, factors):
        if document is None:
            continue
        assert factor.weight is not None
        for own in document.factors:
            arc, node = picked(own.arc, factor.arc, -1), own.node[factor.node]
            found.append(
                _used(
                    replace(own, name=free_name(own.name, taken), weight=own.weight * factor.weight, arc=arc, node=node)
                )
            )
        if not document.factors:
            number = np.arange(document.graph.arcs)
            known = KnownFactor(
                free_name(name, taken),
                document.source,
                factor.weight,
                document.graph,
                document.names,
                number,
                factor.arc,
                factor.node,
            )
            found.append(_used(known))
    return tuple(found)


def _stem(source: str) -> str:
    """The name of a file without its folder and its ending; of what is no file, "graph"."""
    return PurePath(source).name.split(".")[0].strip("<>-") or "graph"


def _used(factor: KnownFactor) -> KnownFactor:
    """The factor without arcs and nodes that are not in the composition."""
    graph = factor.graph
    arcs = distinct(factor.arc[factor.arc >= 0])
    nodes = distinct(np.concatenate([graph.src[arcs], graph.dst[arcs], factor.node]))
    nowhere = np.full(len(nodes), np.inf)

    def place(of: IntArray, among: IntArray) -> IntArray:
        return np.searchsorted(among, of)

    own = Graph(
        place(graph.src[arcs], nodes),
        place(graph.dst[arcs], nodes),
        graph.ilabel[arcs],
        graph.olabel[arcs],
        graph.energy[arcs],
        nowhere,
        nowhere,
        graph.labels,
    )
    there = factor.arc >= 0
    arc = np.where(there, place(np.where(there, factor.arc, 0), arcs), -1)
    names = [factor.names[node] for node in nodes.tolist()]
    return replace(factor, graph=own, names=names, number=factor.number[arcs], arc=arc, node=place(factor.node, nodes))
