"""Matrices without a grammar: any label may follow any other, so that each row is a choice by itself.

answer_chains   one answer of CTC each: the sum over alignments, the best of them, the best with another answer
free_rows       the best paths as a small graph, sums row by row
row_consensus   what stands at each place of an answer, over all alignments
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.emissions.free.answer_chains import AnswerChains
    from lattice_cli.emissions.free.free_rows import FreeRows, row_sums

__getattr__ = lazy_names(__name__)
