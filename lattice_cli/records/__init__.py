"""Questions asked of a record, answered in its own terms: its arcs, its node names, its times.

batching        records in groups worth one sweep; faults in the terms of the record
cascade/        the factors of a cascade: their scores, where arcs come from
decoder         grammar, CTC, operator and scorers that records are decoded through
decoding        best paths and answers in the terms of the record
draws           paths drawn, in the terms of the record
interpretation  a record composed with its decoder; the way back to each side
matrix_search   emission matrices row by row: all states at once, or token passing
posteriors      free energies, gradients and node views of a record
request         what is asked of each record: n best, distinct, confidences, limits
strategy        whether a record is composed or its rows are searched
targets         what a written target or reference means over a label table
word_times      where each label of an answer is in the record
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.records.batching import grouped, in_record_terms, no_path
    from lattice_cli.records.decoder import Decoder
    from lattice_cli.records.decoding import Decoded, Decoding, decode, decoded, found_paths
    from lattice_cli.records.draws import Draws
    from lattice_cli.records.interpretation import Interpretation, output_of
    from lattice_cli.records.posteriors import Forward, at_all, forward
    from lattice_cli.records.request import SearchRequest
    from lattice_cli.records.strategy import interpretations
    from lattice_cli.records.targets import acceptors_of, labels_of, target_labels, targets_of

__getattr__ = lazy_names(__name__)
