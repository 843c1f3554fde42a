"""Matrices without a grammar: any label may follow any other, so that each row is a choice by itself.

answer_chain    one answer of CTC: the sum over its alignments, and the best of them
free_rows       the best paths as a small graph, sums row by row
row_consensus   what stands at each place of an answer, over all alignments
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.emissions.free.free_rows import FreeRows

__getattr__ = lazy_names(__name__)
