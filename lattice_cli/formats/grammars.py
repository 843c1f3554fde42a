"""Grammars that other systems wrote, as they are: pronunciation dictionaries, ARPA n-grams, JSGF, FSG."""

from __future__ import annotations

from lattice_cli.graph.document import Document


def grammar_document(form: str, text: str, source: str, record_id: str) -> Document:
    """A grammar that another system wrote, as `lattice grammar` builds it without further options."""
    if form == "dict":
        from lattice_cli.formats.dictionary import dictionary, pronunciations

        return dictionary(pronunciations(text, source), source, record_id)
    if form == "arpa":
        from lattice_cli.formats.arpa import arpa_model
        from lattice_cli.graph.backoff import exact

        graph = exact(arpa_model(text, source))
    elif form == "jsgf":
        from lattice_cli.formats.jsgf import read_jsgf

        graph = read_jsgf(text, source)
    else:
        from lattice_cli.formats.fsg import read_fsg

        graph = read_fsg(text, source)
    return Document(graph, record_id, source, range(graph.nodes))
