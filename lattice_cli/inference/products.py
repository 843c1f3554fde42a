"""Forward results of an emission matrix and a grammar whose product is not built."""

from __future__ import annotations

import numpy as np

from lattice_cli.graph.excerpt import no_excerpt
from lattice_cli.graph.frontier import Found, Frontier
from lattice_cli.graph.graph import FloatArray
from lattice_cli.graph.moments import product_moments
from lattice_cli.graph.product import product_sweep
from lattice_cli.graph.reducers import soft_min
from lattice_cli.inference.interpretation import Interpretation, Search
from lattice_cli.inference.rowwise import Matrix, lost
from lattice_cli.inference.statistics import Statistics

#: A product of fewer arcs is built: it tells more, and is fast enough.
LARGE = 100_000


def best_of(matrix: Matrix) -> Found:
    """The least energy, without what start and end of the matrix cost."""
    return Frontier(matrix.plan, matrix.frames.energies).best()


def without_paths(matrix: Matrix, best: Found) -> Interpretation:
    """The interpretation of a matrix, to report on its sides: its paths are not in it."""
    if not np.isfinite(best.energy):
        return lost(matrix, best)
    found = no_excerpt(matrix.document.graph, matrix.plan.machine)
    return matrix.interpretation(found, Search(True, best.energy + matrix.frames.ends, best.widest))


def product_statistics(matrix: Matrix, best: Found, beta: float) -> Statistics:
    """Its free energy and the rest at one temperature. Raises NumericOverflow."""
    graph, ends = matrix.plan.machine.graph, matrix.frames.ends
    found = product_moments(matrix.frames.energies, graph, matrix.columns, soft_min(beta))
    return Statistics(beta, found.total + ends, best.energy + ends, found.mean + ends, found.entropy, found.variance)


def product_gradient(matrix: Matrix, beta: float, of: str) -> FloatArray:
    """(arcs,) the posterior of every arc of the record, or of the grammar."""
    frames, machine = matrix.frames, matrix.plan.machine
    lengths = np.array([frames.steps], dtype=np.intp)
    found = product_sweep(frames.energies, lengths, machine.graph, matrix.columns, soft_min(beta)).pullback()
    if of == "grammar":
        return machine.grammar_gradient(found.arcs, found.start)
    gradient = np.zeros(matrix.document.graph.arcs)
    there = frames.arc >= 0
    gradient[frames.arc[there]] = found.emissions[there]
    return gradient
