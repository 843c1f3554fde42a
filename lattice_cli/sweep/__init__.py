"""Shortest distance in a semiring and its adjoint: Viterbi, forward, posteriors, all by one pass and its transpose.

chunked_scan      long narrow graphs as a parallel scan: chunks side by side, then joined
chunking          which members are swept as chains or in chunks, and where they are cut
compiled          when compiled loops are used, their schedule and their pass
cyclic            shortest paths and walk sums inside a strong component (Bellman-Ford;
                  (I-A)x=b, certified)
forward_backward  Sweep and Gradient: the one algorithm and its two derivatives
kernels           the same loops compiled by numba; sole importer of numba
passes            one pass over levels (or a chain): forward, shares, pushforward, pullback
schedule          Schedule: positions, links, edges, levels of one topology
scheduling        how a schedule is made from a graph
semiring          tropical and log semirings: total of a segment, share of each entry
stationarity      the Lagrangian view: multipliers, residuals, finite differences
statistics        path count, mean, entropy, variance of a distribution over paths
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.sweep.compiled import kernels_for
    from lattice_cli.sweep.forward_backward import Gradient, Sweep, relocated, sweep
    from lattice_cli.sweep.passes import LevelPass
    from lattice_cli.sweep.schedule import Schedule
    from lattice_cli.sweep.scheduling import schedule_of
    from lattice_cli.sweep.semiring import TROPICAL, LogSemiring, Semiring
    from lattice_cli.sweep.stationarity import CONVENTION, Lagrangian, lagrangian
    from lattice_cli.sweep.statistics import Statistics, count_covariance, count_paths, summary

__getattr__ = lazy_names(__name__)
