"""Back-off n-grams: columns, made of lists of n-grams, as acceptors, asked word by word, and beside a graph.

acceptors     exact, or with epsilon back-off
building      columns from the n-grams of each length
columns       NgramModel: histories, their arcs, and where they back off to
ngram_scorer  a model over a label table, asked for many histories at once
on_demand     the part of a model that a graph reaches
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.grammars.ngrams.acceptors import exact, with_epsilon
    from lattice_cli.grammars.ngrams.building import GivenTwice, Grams, NgramParts, ngram_model
    from lattice_cli.grammars.ngrams.columns import NgramModel
    from lattice_cli.grammars.ngrams.ngram_scorer import NgramScorer
    from lattice_cli.grammars.ngrams.on_demand import NgramGrammar

__getattr__ = lazy_names(__name__)
