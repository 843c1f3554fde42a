"""Idioms over numpy arrays of ragged columns: what the engine would else write out inline.

finite_difference  central differences, and when they agree
grouping           rows grouped by a key (CSR): `group_by`
key_index          consecutive numbers for integer keys (table or open-addressing hash)
memory             how much there is, how much of it is in arrays, what is kept as far as it fits
pointers           indices of which -1 is none; back-pointers followed to their end, in strides where long
runs               ranges side by side; where runs of equal neighbours begin; distinct keys
segments           segment reduction: least, sum, spread; sorted runs or scattered owners
sorting            stable radix order of integers, block by block where nearly sorted
types              IntArray, FloatArray, BoolArray; Boltzmann weights; the range of float64
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.arrays.finite_difference import JUMP, MOST_VARIED, Difference, balanced_step, central, noise
    from lattice_cli.arrays.grouping import Groups, group_by
    from lattice_cli.arrays.key_index import KeyIndex
    from lattice_cli.arrays.memory import Kept, array_bytes, memory_there, require_memory
    from lattice_cli.arrays.pointers import follow, picked
    from lattice_cli.arrays.runs import distinct, run_lengths, run_starts, spans
    from lattice_cli.arrays.segments import Runs, ScatteredSegments, Segments
    from lattice_cli.arrays.sorting import is_sorted, stable_order
    from lattice_cli.arrays.types import NO_INDICES, BoolArray, FloatArray, IntArray, boltzmann, finite, in_range

__getattr__ = lazy_names(__name__)
