"""What -g, --ctc and --combine of the commands mean: grammars in any form, trained models, neural grammars."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lattice_cli.grammars import NgramGrammar, Scorers
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
    """The decoder of a grammar's file, a blank, the name of an operator and what scores answers. encoding: of the file.

    Raises FormatError.
    """
    from lattice_cli.composition import OPERATORS
    from lattice_cli.records import Decoder

    return Decoder(read_grammar_argument(grammar, encoding) if grammar else None, ctc, OPERATORS[combine], scorers)


def read_grammar_argument(path: str, encoding: str | None = None) -> Document | TrainedGrammar | NgramGrammar:
    """The grammar of a file: a graph, the network of a neural grammar, which a trained model may hold as well, or
    n-grams that are not written out.

    Raises FormatError.
    """
    from lattice_cli.formats import form_of_file, read_model_if_one, read_one
    from lattice_cli.formats.io import ReadOptions
    from lattice_cli.models.neural_store import NEURAL, neural_of

    if form_of_file(path, encoding) in ("arpa", "ngrams"):
        from lattice_cli.formats.notations import read_ngrams
        from lattice_cli.grammars import NgramGrammar

        grammar = NgramGrammar(read_ngrams(path, encoding), path, path)
        return grammar if grammar.large else grammar.whole
    stored = read_model_if_one(path)
    if stored is not None and NEURAL in stored.about:
        return neural_of(stored)
    return read_one(path, ReadOptions(encoding=encoding, as_grammar=True))
