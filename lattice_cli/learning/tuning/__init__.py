"""The scales of named scores with the fewest errors of answers.

held_out         scales for all lattices, and for those outside of each group, tried on it
scale_search     line searches over all paths, grids
scaled_lattices  lattices under any scales: errors of their best answers, at a point and along a line
scored_records   records with what their energies are made of, as lattices to tune with
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.learning.tuning.held_out import Fold, Tuning, tune
    from lattice_cli.learning.tuning.scale_search import Grid, Lines, Range, Tuned
    from lattice_cli.learning.tuning.scaled_lattices import ErrorProfile, ScaledLattices, ScoredLattice
    from lattice_cli.learning.tuning.scored_records import WORDS, ScoredRecord, TuningData, scored, tuning_data

__getattr__ = lazy_names(__name__)
