"""Which way a record is searched: composed with its grammar, or, an emission matrix, row by row without composing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from lattice_cli.graph import Document
from lattice_cli.records.decoder import Decoder
from lattice_cli.records.interpretation import Interpretation
from lattice_cli.records.request import SearchRequest


def interpretations(
    documents: Iterable[Document], decoder: Decoder, request: SearchRequest | None = None
) -> Iterator[Interpretation]:
    """Each record ready to be searched, in order. request: what is wanted of it, None for all of its paths.

    Raises FormatError if the blank is not a label of a record.
    """
    if request is None:
        return map(decoder.interpret, documents)
    return _searched(iter(documents), decoder, request)


def _searched(documents: Iterator[Document], decoder: Decoder, request: SearchRequest) -> Iterator[Interpretation]:
    """What is asked of each record. The search of matrices is not even loaded for graphs that are swept as they are."""
    by_itself = not decoder.grammars and decoder.ctc is None
    for document in documents:
        if by_itself and document.blank is None:
            yield decoder.interpret(document)
            continue
        from lattice_cli.records.matrix_search import searched

        yield from searched(chain([document], documents), decoder, request)
