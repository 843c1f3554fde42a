"""What recognisers compute energies from: a matrix of numbers, a record's rows."""

from __future__ import annotations

from typing import Any

from lattice_cli.formats.io import as_list, as_text, is_null, known_keys, target_of
from lattice_cli.formats.matrices import matrix_of_rows
from lattice_cli.graph import Inputs

_KEYS = ("lattice", "id", "target", "inputs")


def inputs_record(record: dict[Any, Any], source: str, record_id: str) -> Inputs:
    """The inputs of `{lattice: 1, inputs: [[...], ...]}`, with its id and target, if any. Raises FormatError."""
    known_keys(record, _KEYS, source, "a document of inputs")
    rows = as_list(record["inputs"], source, "inputs")
    width = len(as_list(rows[0], source, "inputs: row 0")) if rows else 0
    values = matrix_of_rows(rows, width, source, "inputs: ", f"row 0 has {width}")
    given = record.get("id")
    name = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    own_id = record_id if is_null(given) else as_text(name, source, "id")
    return Inputs(own_id, source, values, target_of(record, source))
