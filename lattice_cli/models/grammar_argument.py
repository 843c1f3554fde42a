"""What -g, --ctc and --combine of the commands mean: grammars in any form, trained models, neural grammars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
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
    grammars: Sequence[str] = (),
    ctc: str | None = None,
    combine: str = "add",
    scorers: Scorers | None = None,
    encoding: str | None = None,
    names: Sequence[str] = (),
    scales: Mapping[str, float] | None = None,
    alignment: Document | None = None,
) -> Decoder:
    """The decoder of the files of grammars, a blank, an operator and what scores answers. combine: one of COMBINE, or
    two weights with a comma between them. encoding: of the files. names, scales: see Decoder; a model that was trained
    with several factors stands for all of them, in their order, by their own names. alignment: what is read through
    before the grammars. Raises FormatError, UsageError.
    """
    from lattice_cli.composition import operator_of
    from lattice_cli.records import Decoder

    operator = operator_of(combine)
    if operator is None:
        raise UsageError(f"no operator is called {combine!r}, expected {', '.join(COMBINE)}, or two weights: 1,0.5")
    # N-grams behind another grammar are asked on the way, as their product with it would be large.
    found: list[Document | TrainedGrammar | NgramGrammar | RecursiveGrammar] = []
    called: list[str] = []
    if alignment is not None:
        found.append(alignment)
        called.append("alignment")
    for name, path in zip(names or factor_names(grammars), grammars):
        factors = _factors_of_model(path)
        if len(factors) > 1:
            if name.rstrip("0123456789") != factor_names([path])[0].rstrip("0123456789"):
                own = ", ".join(factors)
                raise UsageError(f"{path} is a model of several factors with names of their own, {own}, found {name!r}")
            found += factors.values()
            called += factors
        else:
            found.append(read_grammar_argument(path, encoding, bool(found)))
            called.append(name)
    twice = {name for name in called if called.count(name) > 1}
    if twice:
        raise UsageError(f"two factors are called {min(twice)!r}: one of a model, and another grammar")
    return Decoder(found, ctc, operator, scorers, called, scales)


def _factors_of_model(path: str) -> Mapping[str, Document]:
    """The factors that a trained model was made with, by name; {} for another file."""
    from lattice_cli.formats import read_model_if_one

    stored = read_model_if_one(path)
    return {} if stored is None else stored.factors


def factor_names(paths: Sequence[str], given: Sequence[str | None] = ()) -> list[str]:
    """What files are called as factors of a cascade: their names without folders and endings, with a number behind one
    that comes again. given: the name of each that has been given one; None: it has none. Raises UsageError for two that
    are given the same.
    """
    from lattice_cli.records.cascade import free_name

    named = [*given, *[None] * (len(paths) - len(given))]
    twice = {name for name in named if name is not None and named.count(name) > 1}
    if twice:
        raise UsageError(f"two factors are called {min(twice)!r}, expected a name for each")
    taken = {name for name in named if name is not None}
    found = []
    for path, own in zip(paths, named):
        if own is None:
            stem = PurePath(path).name.split(".")[0]
            stem = stem if stem not in ("", "-") else "grammar"
            own = free_name(stem, taken)
        found.append(own)
    return found


def read_grammar_argument(
    path: str, encoding: str | None = None, asked: bool = False
) -> Document | TrainedGrammar | NgramGrammar | RecursiveGrammar:
    """The grammar of a file: a graph, the network of a neural grammar, which a trained model may hold as well, n-grams
    that are not written out (large ones, and any if `asked`), or rules that are called within themselves.

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
        return grammar if asked or grammar.large else grammar.whole
    if form == "jsgf":
        from lattice_cli.formats.io import read_text
        from lattice_cli.formats.notations import jsgf_rules

        found = jsgf_rules(*read_text(path, encoding))
        return numbered_document(found, path, path) if isinstance(found, Graph) else found
    stored = read_model_if_one(path)
    if stored is not None and NEURAL in stored.about:
        return neural_of(stored)
    return read_one(path, ReadOptions(encoding=encoding, as_grammar=True))
