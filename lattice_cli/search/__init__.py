"""Paths and answers of a graph: the best, the n best, the likeliest, the closest, and paths at random.

answer_posterior  P(answer) over all its paths
backpointers      from every position the best arc on, the second best, and their excess
best_path         Path; the best path of each member of a union
distinct_answers  best-first search over output prefixes (determinisation on the fly)
edit_distance     alignments and distances, batched
envelope          what is best along a line of energies: all pieces, exact
k_shortest_paths  the n best paths by deviations (Hoffman-Pavley, Lawler)
minimum_risk      minimum Bayes risk answers and confusion sets
oracle_path       the path of fewest errors (edit transducer, two sweeps)
sampling          ancestral sampling of paths
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.search.answer_posterior import answer_posteriors
    from lattice_cli.search.best_path import Path, best_paths, best_with_gap, path_energy
    from lattice_cli.search.distinct_answers import Answer, Bound, answers, best_answers, path_of_answer
    from lattice_cli.search.edit_distance import Alignment, align_all, distances
    from lattice_cli.search.envelope import Envelope, Line, LineSearch
    from lattice_cli.search.k_shortest_paths import n_best
    from lattice_cli.search.minimum_risk import ConfusionSets, MinimumRisk
    from lattice_cli.search.oracle_path import nearest_answer, oracle, oracles
    from lattice_cli.search.sampling import PathCounts, Sampler, drawn_counts

__getattr__ = lazy_names(__name__)
