"""What a cascade knows of its factors: their scores, the arcs that each arc comes from.

breakdown      what the energy of a path is made of
composed       the interpretation graph as a record, with the scores of all factors and where its arcs come from
score_columns  the energies of an interpretation as a weighted sum of columns
scores         the named scores of each factor
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.records.cascade.breakdown import PathStep, path_scores, spent_on, steps_of
    from lattice_cli.records.cascade.composed import composed_document
    from lattice_cli.records.cascade.score_columns import ScoreColumns, energy_columns
    from lattice_cli.records.cascade.scores import FactorScore, cascade_scores, free_name, has_scores, part_of, weighed

__getattr__ = lazy_names(__name__)
