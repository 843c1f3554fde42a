"""Emission matrices through grammars without building the product: sums and gradients, and token passing.

beam_search     token passing with exact lower bounds and optional beam
decoding_graph  a grammar, with CTC or without, ready to take a row at a time; potentials
dense_step      the same as a matrix product, where it pays and nothing underflows
free/           matrices without a grammar
matrix          a chain of vector arcs seen as a T x C matrix
path_moments    mean, variance and entropy over the product in one pass
product_sweep   forward/Viterbi over time without building the product; checkpoints
ragged_batch    records of different lengths side by side (packed)
scaled_forward  forward in scaled probabilities (Rabiner)
sparse_step     one time step over the arcs of a grammar, and its derivative
token_lattice   the tokens worth having, as a composition with provenance
token_loops     the tokens of a row by loops compiled by numba
unrolled        the product built for many short records at once
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.emissions.beam_search import BeamSearch, BestFound, Heuristic, slack
    from lattice_cli.emissions.decoding_graph import DecodingGraph
    from lattice_cli.emissions.matrix import EmissionMatrix, emission_matrix_of
    from lattice_cli.emissions.path_moments import product_moments
    from lattice_cli.emissions.product_sweep import can_walk, product_best
    from lattice_cli.emissions.token_lattice import empty_lattice, path_lattice
    from lattice_cli.emissions.unrolled import ARC_BYTES, Unrolled, unroll

__getattr__ = lazy_names(__name__)
