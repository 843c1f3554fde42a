"""What records are decoded through, and a record composed with it."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from lattice_cli.arrays import distinct
from lattice_cli.composition import ADD, Combine, Composition, alone, compose
from lattice_cli.errors import UsageError, quoted
from lattice_cli.formats.io import note
from lattice_cli.grammars import Scorers, Spelling, spelling_of
from lattice_cli.grammars.recursion import RecursiveGrammar
from lattice_cli.graph import EPSILON, Document, Graph, Labels
from lattice_cli.records.interpretation import Interpretation

if TYPE_CHECKING:
    from lattice_cli.emissions import DecodingGraph, Heuristic
    from lattice_cli.grammars import Scorer

#: Of more labels the CTC topology is a tree rather than an arc for each pair of them.
PAIRED_LABELS = 300
#: What is made for a label table is kept for the last few tables: the records of a stream share one as a rule.
_TABLES = 4


class GrammarOnDemand(Protocol):
    """A grammar too large to be written out, such as a neural one: it is asked for the part that a graph reaches, or
    word by word where a matrix is taken row by row."""

    @property
    def labels(self) -> Labels:
        """Those it takes."""

    def scorer(self, labels: Labels) -> Scorer:
        """It asked word by word, over a label table."""

    def beside(self, graph: Graph) -> Document:
        """The grammar as far as the outputs of a graph get in it."""


Grammar: TypeAlias = Document | GrammarOnDemand | RecursiveGrammar


class Decoder:
    """A grammar, the blank of CTC labels, how the energies of two arcs become one, and what scores answers besides;
    each of them may be missing. What is made of them for many records is made once and kept here.

    ctc: None: the blank that a record says it has, if it does; "": labels are taken as they are."""

    def __init__(
        self,
        grammar: Grammar | None = None,
        ctc: str | None = None,
        combine: Combine = ADD,
        scorers: Scorers | None = None,
    ) -> None:
        self.grammar, self.ctc, self.combine, self.scorers = grammar, ctc or None, combine, scorers
        self._as_they_are = ctc == ""
        self._by_blank: dict[str, Decoder] = {}
        self.scorer = lru_cache(maxsize=_TABLES)(self._scorer)
        self.unsaid = lru_cache(maxsize=_TABLES)(self._unsaid)
        self.strange = lru_cache(maxsize=_TABLES)(self._strange)
        self.heuristic = lru_cache(maxsize=_TABLES)(self._heuristic)
        self.free_decoding_graph = lru_cache(maxsize=_TABLES)(self._free_decoding_graph)
        self._ctc_grammar = lru_cache(maxsize=_TABLES)(self._composed_with_ctc)

    @property
    def takes_rows(self) -> bool:
        """True if a matrix can be taken row by row. A grammar on demand can, see `by_rows`."""
        asked = self.scorers is not None and self.scorers.grammar is not None
        told = self.ctc is not None or asked or isinstance(self.grammar, Document)
        return self.combine is ADD and told and not self._on_demand

    @property
    def _on_demand(self) -> bool:
        return not isinstance(self.grammar, Document | None)

    @cached_property
    def by_rows(self) -> Decoder:
        """What takes a matrix row by row for this one: a grammar on demand is asked then, as language models are; a
        recursive one, whose derivations are many, is not."""
        if isinstance(self.grammar, Document | RecursiveGrammar | None):
            return self
        judges = replace(self.scorers or Scorers(), grammar=self.grammar)
        return Decoder(None, self.ctc, self.combine, judges)

    def reading(self, document: Document) -> Decoder:
        """The decoder of a record that may say itself which of its labels is the blank.

        A grammar that takes the blank does by itself what is to be done with it. Raises UsageError for a blank that is
        not the one that was given.
        """
        blank, grammar = document.blank, self.grammar
        if blank is None or blank == self.ctc or self._as_they_are:
            return self
        if self.ctc is not None:
            raise UsageError(f"{document.source}: the blank of CTC is {blank!r} there, but {self.ctc!r} is given")
        if grammar is not None and blank in (grammar.graph if isinstance(grammar, Document) else grammar).labels:
            return self
        note(document.source, f"read as CTC, its blank is {blank!r}")
        if blank not in self._by_blank:
            self._by_blank[blank] = Decoder(grammar, blank, self.combine, self.scorers)
        return self._by_blank[blank]

    def interpret(self, document: Document) -> Interpretation:
        """A record composed with the grammar, read as CTC where that is asked for, its answers scored.

        Raises UsageError if the blank is not a label of the record, or if a grammar on demand is reached in too many
        places.
        """
        own = self.reading(document)
        if own is not self:
            return own.interpret(document)
        graph = document.graph
        if self.ctc is None:
            grammar = self._written_out(graph)
            whole = None if grammar is None else compose(graph, grammar.graph, self.combine)
            return self._scored(Interpretation(document, grammar, whole, None).tied())
        if self.ctc not in graph.labels[1:]:
            labels = f"labels begin {quoted(graph.labels[1:6])}"
            raise UsageError(f"{document.source}: no label is the CTC blank {self.ctc!r}; {labels}")
        spoken = compose(graph, self._ctc_grammar(graph.labels, None)[1]).graph if self._on_demand else graph
        grammar = self._written_out(spoken)
        inner, right = self._ctc_grammar(graph.labels, grammar)
        return self._scored(
            Interpretation(document, grammar, compose(graph, right, self.combine), inner, blank=self.ctc).tied()
        )

    def _scored(self, interpretation: Interpretation) -> Interpretation:
        graph = interpretation.graph
        if self.scorers is None or not graph.nodes:
            return interpretation
        spoken = frozenset(graph.words(distinct(graph.olabel[graph.olabel != EPSILON]).tolist()))
        spelling = interpretation.spelling
        strange = self.strange(spoken, spelling)
        interpretation = replace(interpretation, unsaid=self.unsaid(spoken, spelling), strange=strange)
        scorer = self.scorer(graph.labels, spoken, spelling)
        if scorer is None:
            return interpretation
        from lattice_cli.grammars import rescored

        whole = interpretation.composition
        judged = rescored(alone(graph) if whole is None else whole, scorer)
        why = None
        if not judged.graph.nodes:
            used = distinct(graph.olabel[graph.olabel != EPSILON])
            unknown = [graph.labels[label] for label in used[np.isposinf(scorer.least[used])].tolist()]
            without = f": it does not have {quoted(unknown)}" if unknown else ""
            why = f"no path: the language model allows none of the answers{without}"
        return replace(interpretation, composition=judged, why=why)

    def _scorer(self, labels: Labels, spoken: frozenset[str], spelling: Spelling) -> Scorer | None:
        return None if self.scorers is None else self.scorers.scorer(labels, spoken, spelling)

    def _strange(self, spoken: frozenset[str], spelling: Spelling) -> frozenset[str]:
        """The labels that the language model does not have."""
        return frozenset() if self.scorers is None else self.scorers.strange(spoken, spelling)

    def _unsaid(self, spoken: frozenset[str], spelling: Spelling) -> frozenset[str]:
        """The hot words that no answer made of these labels can have."""
        return frozenset() if self.scorers is None else self.scorers.unsaid(spoken, spelling)

    def _written_out(self, spoken: Graph) -> Document | None:
        """The grammar as a graph; spoken: the graph whose outputs it is composed with."""
        grammar = self.grammar
        return grammar if grammar is None or isinstance(grammar, Document) else grammar.beside(spoken)

    def _composed_with_ctc(self, labels: Labels, grammar: Document | None) -> tuple[Composition | None, Graph]:
        """The CTC topology over these labels, composed with the grammar if there is one."""
        from lattice_cli.grammars import ctc_topology, ctc_tree

        assert self.ctc is not None
        topology = (ctc_topology if len(labels) <= PAIRED_LABELS else ctc_tree)(labels, labels.index(self.ctc, 1))
        if grammar is None:
            return None, topology
        inner = compose(topology, grammar.graph)
        return inner, inner.graph

    @cached_property
    def decoding_graph(self) -> DecodingGraph | None:
        """The grammar ready to take a row at a time; None where it cannot be."""
        from lattice_cli.emissions import DecodingGraph

        assert isinstance(self.grammar, Document)
        return DecodingGraph.of(self.grammar.graph, self.ctc)

    def _free_decoding_graph(self, labels: Labels) -> DecodingGraph | None:
        """No grammar, with CTC or without: any labels in a row."""
        from lattice_cli.emissions import DecodingGraph

        blank = self.ctc
        if blank is not None and blank not in labels:
            labels = (*labels, blank)
        said = np.array([label for label in range(1, len(labels)) if labels[label] != blank], dtype=np.intp)
        here, end = np.zeros(len(said), dtype=np.intp), np.zeros(1)
        return DecodingGraph.of(Graph(here, here, said, said, np.zeros(len(said)), end, end, labels), blank)

    def _heuristic(self, graph: DecodingGraph, split: str) -> Heuristic:
        """What is known of a decoding graph and the scorers before a matrix is seen."""
        from lattice_cli.emissions import Heuristic

        scorer = self.scorer(graph.labels, graph.spoken, spelling_of(graph.spoken, split))
        return Heuristic(graph, scorer)
