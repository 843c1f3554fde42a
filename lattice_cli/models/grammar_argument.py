"""What -g, --ctc and --combine of the commands mean: grammars in any form, trained models, neural grammars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lattice_cli.choices import COMBINE
from lattice_cli.errors import UsageError

if TYPE_CHECKING:
    from lattice_cli.grammars import NgramGrammar, Scorers
    from lattice_cli.grammars.recursion import RecursiveGrammar
    from lattice_cli.graph import Document
    from lattice_cli.learning.grammars import TrainedGrammar
    from lattice_cli.records import Decoder


def read_decoder(
    grammar: str | None,
    ctc: str | None = None,
    combine: str = "add",
    scorers: Scorers | None = None,
    encoding: str | None = None,
) -> Decoder:
    """The decoder of a grammar's file, a blank, an operator and what scores answers. combine: one of COMBINE, or two
    weights with a comma between them. encoding: of the file. Raises FormatError, UsageError.
    """
    from lattice_cli.composition import operator_of
    from lattice_cli.records import Decoder

    operator = operator_of(combine)
    if operator is None:
        raise UsageError(f"no operator is called {combine!r}, expected {', '.join(COMBINE)}, or two weights: 1,0.5")
    return Decoder(read_grammar_argument(grammar, encoding) if grammar else None, ctc, operator, scorers)


def read_grammar_argument(
    path: str, encoding: str | None = None
) -> Document | TrainedGrammar | NgramGrammar | RecursiveGrammar:
    """The grammar of a file: a graph, the network of a neural grammar, which a trained model may hold as well, n-grams
    that are not written out, or rules that are called within themselves.

    Raises FormatError.
    """
    from lattice_cli.formats import form_of_file, read_model_if_one, read_one
    from lattice_cli.formats.io import ReadOptions
    from lattice_cli.graph import Graph, numbered_document
    from lattice_cli.models.neural_store import NEURAL, neural_of

    form = form_of_file(path, encoding)
    if form in ("arpa", "ngrams"):
        from lattice_cli.formats.notations import read_ngrams
        from lattice_cli.grammars import NgramGrammar

        grammar = NgramGrammar(read_ngrams(path, encoding), path, path)
        return grammar if grammar.large else grammar.whole
    if form == "jsgf":
        from lattice_cli.formats.io import read_text
        from lattice_cli.formats.notations import jsgf_rules

        found = jsgf_rules(*read_text(path, encoding))
        return numbered_document(found, path, path) if isinstance(found, Graph) else found
    stored = read_model_if_one(path)
    if stored is not None and NEURAL in stored.about:
        return neural_of(stored)
    return read_one(path, ReadOptions(encoding=encoding, as_grammar=True))
