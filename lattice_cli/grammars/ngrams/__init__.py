"""Back-off n-grams: columns, made of lists of n-grams, as acceptors, asked word by word, and beside a graph.

acceptors  exact, or with epsilon back-off
building   columns from the n-grams of each length
model      NgramModel: histories, their arcs, and where they back off to
on_demand  the part of a model that a graph reaches
scorer     a model over a label table, asked for many histories at once
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.grammars.ngrams.acceptors import exact, with_epsilon
    from lattice_cli.grammars.ngrams.building import GivenTwice, Grams, NgramParts, ngram_model
    from lattice_cli.grammars.ngrams.model import NgramModel
    from lattice_cli.grammars.ngrams.on_demand import NgramGrammar
    from lattice_cli.grammars.ngrams.scorer import NgramScorer

__getattr__ = lazy_names(__name__)
