"""Bytes, values and options that all forms share.

array_files    .npy and .npz: what is asked for, its size checked
files          files that appear whole or not at all
json_yaml      JSON and YAML, strict
label_columns  labels as a form can hold them
lossy          documents made to fit a form, and what is lost
notes          what readers say of a file that is no error
options        ReadOptions
rows           rows of columns: all fields of a text at once; nodes and weights
sources        files, standard input, gzip, lines as they arrive
stream_parts   parts that can be parsed apart, failures, pauses
symbols        symbol tables
values         single values checked, with the line they stood on
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.formats.io.array_files import NGRAMS, ArrayArchive, MappedArchive, read_array, write_arrays
    from lattice_cli.formats.io.files import (
        as_record,
        factor_records,
        is_device,
        is_matrix,
        json_line,
        require_place,
        unfinished_name,
        write_whole,
    )
    from lattice_cli.formats.io.json_yaml import parse_json, parse_yaml
    from lattice_cli.formats.io.label_columns import numbered, numbers, texts, whole_numbers
    from lattice_cli.formats.io.lossy import LossyForm, WriteOptions, Written
    from lattice_cli.formats.io.notes import Note, fresh_notes, note, take_up
    from lattice_cli.formats.io.options import MATRIX_OPTIONS, OPTIONS, ReadOptions
    from lattice_cli.formats.io.rows import (
        FieldTable,
        Row,
        energy_of_score,
        is_odd_number,
        node_of,
        nodes_of,
        rows_of,
        weight_of,
    )
    from lattice_cli.formats.io.sources import STDIN, Source, decoded, read_text, size_of
    from lattice_cli.formats.io.stream_parts import PAUSE, Failure, Pause, RawPart, Reached, parsed, record_place
    from lattice_cli.formats.io.symbols import (
        EPSILON_SYMBOL,
        FIELDS,
        Column,
        LabelColumn,
        Symbols,
        from_ids,
        is_id,
        labels_of,
        read_symbols,
        read_tables,
    )
    from lattice_cli.formats.io.values import (
        LARGEST_NODE,
        Scalar,
        UnreadTarget,
        as_label,
        as_labels,
        as_list,
        as_mapping,
        as_node,
        as_number,
        as_text,
        blank_of,
        brief,
        first_line,
        is_integer,
        is_null,
        known_keys,
        location,
        plain_numbers,
        plain_value,
        target_of,
        target_record,
    )

__getattr__ = lazy_names(__name__)
