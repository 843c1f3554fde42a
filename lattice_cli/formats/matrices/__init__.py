"""Emission matrices: numbers for each class at each step, from arrays, archives of them, text and documents.

batches        .npz archives of many matrices
column_labels  the labels of columns, in the forms recognisers keep them in
emission       matrices to recognition graphs, or to inputs of recognisers
npy            .npy files, read and written
text_matrix    text: csv, tsv, savetxt
units          energies, log-probabilities, probabilities, logits; what numbers look like
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.formats.matrices.batches import INPUTS, records_of_arrays
    from lattice_cli.formats.matrices.column_labels import labels_text, read_labels
    from lattice_cli.formats.matrices.emission import (
        emission_document,
        matrix_document,
        matrix_of_rows,
        matrix_record,
        require_finite,
    )
    from lattice_cli.formats.matrices.text_matrix import columns_of, is_number
    from lattice_cli.formats.matrices.units import ENERGIES, UNITS

__getattr__ = lazy_names(__name__)
