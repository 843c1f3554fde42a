"""Graphs in columns of text, as other systems write them: which reader is for which form."""

from __future__ import annotations

from collections.abc import Callable

from lattice_cli.formats.options import ReadOptions
from lattice_cli.graph.document import Document


def column_reader(form: str) -> Callable[[str, str, str, ReadOptions], Document]:
    """The reader of att (OpenFst), gtn or k2 text: of a text, its source, an id, and the options."""
    if form == "att":
        from lattice_cli.formats.openfst import read_att

        return read_att
    if form == "gtn":
        from lattice_cli.formats.gtn import read_gtn

        return read_gtn
    from lattice_cli.formats.k2 import read_k2

    return read_k2
