"""A back-off model as a grammar on demand: as many arcs as the words of a graph reach in it, at exact energies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lattice_cli.arrays import IntArray
from lattice_cli.grammars.context_automaton import reached
from lattice_cli.grammars.ngrams.acceptors import exact
from lattice_cli.grammars.ngrams.columns import NgramModel
from lattice_cli.grammars.ngrams.ngram_scorer import NgramScorer
from lattice_cli.graph import Document, Graph, Labels, numbered_document, with_columns

#: A model of more n-grams is not written out where nobody asks for a graph.
_LARGE = 50_000


@dataclass(frozen=True, eq=False)
class NgramGrammar:
    """A model as a grammar: labels are its words, and any other label is impossible. id, source: as in Document."""

    model: NgramModel
    id: str
    source: str

    @property
    def labels(self) -> Labels:
        """The words, as a label table."""
        return self.model.labels

    @property
    def large(self) -> bool:
        """Whether it is better asked for parts than written out."""
        return len(self.model.key) > _LARGE

    @cached_property
    def whole(self) -> Document:
        """All of it as a graph. Raises UsageError for a model that is too large for that."""
        return numbered_document(exact(self.model), self.id, self.source)

    def scorer(self, labels: Labels) -> NgramScorer:
        """It asked word by word, over a label table."""
        return NgramScorer.of(self.model, labels)

    def beside(self, graph: Graph) -> Document:
        """The part that the outputs of a graph reach, a node for each history; all of a small one, whose arcs then have
        the same numbers beside any graph. Raises UsageError if it is too large."""
        if not self.large:
            return self.whole
        model = self.model
        said = np.zeros(len(model.labels), dtype=bool)
        said[model.words] = True

        def after(history: IntArray, word: IntArray) -> IntArray:
            energy, found = model.step(history, word)
            return np.where(said[word] & np.isfinite(energy), found, -1)

        histories, found = reached(graph, model.labels, model.first, model.histories, after, "histories of the n-grams")
        energy, _ = model.step(histories[found.src], found.ilabel)
        columns = np.concatenate([energy, found.start, model.ends[histories]])
        return numbered_document(with_columns(found, columns), self.id, self.source)
