"""Forward results of a record: free energy, the gradient by every arc, and what each node sees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray, run_starts
from lattice_cli.emissions import BeamSearch, BestFound, empty_lattice, product_moments
from lattice_cli.emissions.product_sweep import ProductResult, product_sweep
from lattice_cli.errors import Diverged, NoPath
from lattice_cli.graph import Document, union
from lattice_cli.records.batching import grouped, in_record_terms, no_path
from lattice_cli.records.decoder import Decoder
from lattice_cli.records.interpretation import Interpretation, Search, Side, named_part
from lattice_cli.records.matrix_search import Matrix, lost, matrix_of
from lattice_cli.sweep import (
    TROPICAL,
    Gradient,
    Lagrangian,
    LogSemiring,
    Semiring,
    Statistics,
    lagrangian,
    schedule_of,
    summary,
    sweep,
)


@dataclass(frozen=True, eq=False)
class NodeView:
    """(nodes,) of one side. alpha: energy of all ways to arrive at the node; backward: of all ways on from it; nats,
    +inf where there are none. posterior: how likely a path comes through, the node's multiplier dF / d alpha."""

    alpha: FloatArray
    backward: FloatArray
    posterior: FloatArray


@dataclass(frozen=True, eq=False)
class Forward:
    """Forward results of one record at one beta. gradient: (arcs,) dF/de of the side's arcs; posterior: (arcs,) how
    likely they are; nodes; lagrangian: that of the searched graph, whose names are those of `searched`. None if not
    asked for."""

    statistics: Statistics
    side: Side
    gradient: FloatArray | None
    posterior: FloatArray | None
    nodes: NodeView | None
    lagrangian: Lagrangian | None = None
    searched: Side | None = None


def forward(
    documents: Iterable[Document],
    betas: Sequence[float],
    decoder: Decoder | None = None,
    *,
    arcs: bool = False,
    nodes: bool = False,
    lagrangians: bool = False,
    of: str = "recognition",
) -> list[list[Forward | Diverged] | NoPath]:
    """Forward results of each record at each beta, or why it has no path.

    A sum that diverges at some of several betas is in its place; one that does at all of them is raised, as Diverged.
    Raises UsageError.
    """
    results: list[list[Forward | Diverged] | NoPath] = []
    waiting: list[Interpretation] = []
    decoder = decoder or Decoder()
    whole = nodes or lagrangians or of == "interpretation"
    for document in documents:
        blank = decoder.reading(document).ctc
        free = not decoder.grammars and decoder.scorers is None and of == "recognition" and not lagrangians
        if free and blank in document.graph.labels[1:]:
            # CTC without a grammar: every alignment is a path, and has one.
            waiting.append(Interpretation(document, blank=blank))
            continue
        # Of n-grams, for sums over the part of them that is reached.
        asked = decoder.by_rows is not decoder or decoder.scorers is not None
        matrix = None if whole or asked else matrix_of(document, decoder)
        if matrix is not None and matrix.product_arcs > LARGE:
            results += _forward_of_all(waiting, betas, arcs, nodes, lagrangians, of)
            waiting = []
            results.append(_forward_of_matrix(matrix, betas, arcs, of))
        else:
            waiting.append(decoder.interpret(document))
    return results + _forward_of_all(waiting, betas, arcs, nodes, lagrangians, of)


def _forward_of_matrix(
    matrix: Matrix, betas: Sequence[float], arcs: bool, of: str
) -> list[Forward | Diverged] | NoPath:
    """Forward results of a matrix and its grammar."""
    best = best_of(matrix)
    interpretation = without_paths(matrix, best)
    if not np.isfinite(best.energy):
        return no_path(interpretation)
    found: list[Forward | Diverged] = []
    for beta in betas:
        gradient = product_gradient(matrix, beta, of) if arcs else None
        statistics = product_statistics(matrix, best, beta)
        found.append(Forward(statistics, interpretation.side(of), gradient, gradient, None))
    return found


def _forward_of_all(
    interpretations: Sequence[Interpretation],
    betas: Sequence[float],
    arcs: bool,
    nodes: bool,
    lagrangians: bool,
    of: str,
) -> list[list[Forward | Diverged] | NoPath]:
    """Forward results of interpretations that were composed."""
    results: list[list[Forward | Diverged] | NoPath] = []
    for group in grouped(interpretations):
        for interpretation, views in zip(group, _group_forward(group, betas, arcs, nodes, of)):
            if any(isinstance(view, Forward) and view.statistics.free_energy == np.inf for view in views):
                results.append(no_path(interpretation))
            elif lagrangians:
                results.append(
                    [view if isinstance(view, Diverged) else _with_lagrangian(interpretation, view) for view in views]
                )
            else:
                results.append(views)
    return results


def _with_lagrangian(interpretation: Interpretation, view: Forward) -> Forward:
    """The same with the Lagrangian; of many arcs, those for finite differences are always the same."""
    found = lagrangian(interpretation.graph, view.statistics.beta, np.random.default_rng(0))
    return replace(view, lagrangian=found, searched=interpretation.side("interpretation"))


def _group_forward(
    group: Sequence[Interpretation], betas: Sequence[float], arcs: bool, nodes: bool, of: str
) -> list[list[Forward | Diverged]]:
    """Results of each interpretation at each beta, from sweeps over their union. Raises Diverged where it is not known
    of which of several, and where there is no beta without it."""
    whole = union([interpretation.graph for interpretation in group])
    schedule = schedule_of(whole)
    with in_record_terms(group):
        hard = sweep(whole, TROPICAL, schedule)
    backward_schedule = schedule_of(whole.reversed()) if nodes else None
    found: list[list[Forward | Diverged]] = [[] for _ in group]
    for beta in betas:
        try:
            with in_record_terms(group):
                soft = sweep(whole, LogSemiring(beta), schedule)
        except Diverged as error:
            if len(group) > 1 or len(betas) == 1:
                raise
            found[0].append(_at_beta(error, beta))
            continue
        semiring = LogSemiring(beta)
        statistics = summary(soft, hard, beta)
        gradient = soft.pullback() if arcs or nodes else None
        to_come = sweep(whole.reversed(), semiring, backward_schedule).node_totals if nodes else None
        for member, interpretation in enumerate(group):
            view = None
            own_nodes = slice(*whole.node_offsets[member : member + 2])
            own_arcs = slice(*whole.arc_offsets[member : member + 2])
            side = interpretation.side(of)
            by_arc = likely = None
            if gradient is not None:
                by_arc = interpretation.gradient(of, gradient.arcs[own_arcs]) if arcs else None
                likely = interpretation.posterior(of, gradient.arcs[own_arcs])
                if to_come is not None:
                    ends = gradient.start[own_nodes], gradient.final[own_nodes]
                    own = Gradient(likely, gradient.nodes[own_nodes], *ends)
                    both = soft.node_totals[own_nodes], to_come[own_nodes]
                    view = _node_view(interpretation, side, *both, own, semiring)
            found[member].append(Forward(statistics[member], side, by_arc, likely if arcs else None, view))
    diverged = [view for view in found[0] if isinstance(view, Diverged)]
    if len(diverged) == len(betas):
        raise at_all(diverged)
    return found


def _at_beta(error: Diverged, beta: float) -> Diverged:
    """A divergence that says at which beta it is."""
    found = Diverged(f"at beta {beta:g} {error.what}", error.nodes, error.names, error.of)
    found.told = {"betas": [beta]}
    return found


def at_all(errors: Sequence[Diverged]) -> Diverged:
    """Divergences of one record at several betas as one."""
    first = errors[0]
    found = Diverged("; ".join(error.what for error in errors), first.nodes, first.names, first.of)
    found.told = {"betas": [beta for error in errors for beta in error.told["betas"]]}
    return found


def _node_view(
    interpretation: Interpretation,
    side: Side,
    alpha: FloatArray,
    to_come: FloatArray,
    gradient: Gradient,
    semiring: Semiring,
) -> NodeView:
    """The nodes of a side. gradient: of the interpretation's nodes, starts and finals; of arcs the side's posteriors.

    One of its nodes may be in many pairs, so its alpha gathers all ways of arriving: by a start, or by a move of its
    own into any of them. Its posterior counts arrivals in the same way, and `backward` departures.
    """
    if side.arc_of is None or side.node_of is None:
        return NodeView(alpha, to_come, gradient.nodes)
    graph, nodes = interpretation.graph, side.graph.nodes
    moved = np.flatnonzero(side.arc_of >= 0)
    arriving = np.concatenate([alpha[graph.src[moved]] + graph.energy[moved], graph.start])
    leaving = np.concatenate([to_come[graph.dst[moved]] + graph.energy[moved], graph.final])
    posterior = np.zeros(nodes)
    posterior += np.bincount(side.graph.dst, weights=gradient.arcs, minlength=nodes)
    posterior += np.bincount(side.node_of, weights=gradient.start, minlength=nodes)
    return NodeView(
        _gathered(np.concatenate([side.node_of[graph.dst[moved]], side.node_of]), arriving, nodes, semiring),
        _gathered(np.concatenate([side.node_of[graph.src[moved]], side.node_of]), leaving, nodes, semiring),
        posterior,
    )


def _gathered(node: IntArray, energy: FloatArray, nodes: int, semiring: Semiring) -> FloatArray:
    """(nodes,) the energies at each node combined; +inf where there are none."""
    finite = np.isfinite(energy)
    node, energy = node[finite], energy[finite]
    order = np.argsort(node, kind="stable")
    firsts = run_starts(node[order])
    combined = np.full(nodes, np.inf)
    combined[node[order][firsts]] = semiring.totals(energy[order], firsts)
    return combined


#: A product of fewer arcs is built: it tells more, and is fast enough.
LARGE = 100_000


def best_of(matrix: Matrix) -> BestFound:
    """The least energy, without what start and end of the matrix cost."""
    return BeamSearch(matrix.heuristic, matrix.emissions).best()


def without_paths(matrix: Matrix, best: BestFound) -> Interpretation:
    """The interpretation of a matrix, to report on its sides: its paths are not in it."""
    if not np.isfinite(best.energy):
        return lost(matrix, best)
    found = empty_lattice(matrix.document.graph, matrix.decoding_graph)
    return matrix.interpretation(found, Search(True, best.energy + matrix.emissions.ends, best.widest))


def product_statistics(matrix: Matrix, best: BestFound, beta: float) -> Statistics:
    """Its free energy and the rest at one temperature. Raises NumericOverflow."""
    graph, ends = matrix.decoding_graph.graph, matrix.emissions.ends
    found = product_moments(matrix.emissions.energies, graph, matrix.columns, LogSemiring(beta))
    return Statistics(beta, found.total + ends, best.energy + ends, found.mean + ends, found.entropy, found.variance)


def product_gradient(matrix: Matrix, beta: float, of: str) -> FloatArray:
    """(arcs,) the posterior of every arc of the record, or of a grammar."""
    found = product_sums(matrix, beta).pullback()
    if of == "recognition":
        return by_record(matrix, found.emissions)
    gradient = matrix.decoding_graph.grammar_gradient(found.arcs, found.start)
    if matrix.joined is None:
        return gradient
    return matrix.joined.factors[named_part(of, matrix.parts)].gradient(gradient)


def product_sums(matrix: Matrix, beta: float) -> ProductResult:
    """The sum over all its paths, without what start and end of the matrix cost. Raises NumericOverflow."""
    lengths = np.array([matrix.emissions.steps], dtype=np.intp)
    graph = matrix.decoding_graph.graph
    return product_sweep(matrix.emissions.energies, lengths, graph, matrix.columns, LogSemiring(beta))


def by_record(matrix: Matrix, emissions: FloatArray) -> FloatArray:
    """(arcs,) of the record, from (rows, classes)."""
    found, arc = np.zeros(matrix.document.graph.arcs), matrix.emissions.arc
    found[arc[arc >= 0]] = emissions[arc >= 0]
    return found
