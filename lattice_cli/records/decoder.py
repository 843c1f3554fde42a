"""What records are decoded through, and a record composed with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

import numpy as np

from lattice_cli.arrays import distinct
from lattice_cli.composition import ADD, Combine, Composition, compose, then
from lattice_cli.errors import UsageError, quoted
from lattice_cli.formats.io import note
from lattice_cli.grammars import Scorers, Spelling, scorer_sum, spelling_of
from lattice_cli.graph import EPSILON, Document, Graph, Labels, numbered_document, without_any_arcs
from lattice_cli.records.cascade import part_of, weighed
from lattice_cli.records.interpretation import NO_PART, CascadePart, Interpretation, named_part

if TYPE_CHECKING:
    from lattice_cli.emissions import DecodingGraph, Heuristic
    from lattice_cli.grammars import Judge, Scorer
    from lattice_cli.grammars.recursion import Expansion, RecursiveGrammar

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


Grammar: TypeAlias = "Document | GrammarOnDemand | RecursiveGrammar"


class Decoder:
    """Grammars that a record goes through one after another, the blank of CTC labels, how the energies of two arcs
    become one, and what scores answers besides; each of them may be missing. What is made of them for many records is
    made once and kept here.

    names: what each grammar is called, as a factor of the cascade; numbers from 1 where they are not given. scales:
    weights of named scores of the grammars; one without such has its energies as a score of its own name.

    ctc: None: the blank that a record says it has, if it does; "": labels are taken as they are."""

    def __init__(
        self,
        grammars: Grammar | Sequence[Grammar] | None = None,
        ctc: str | None = None,
        combine: Combine = ADD,
        scorers: Scorers | None = None,
        names: Sequence[str] = (),
        scales: Mapping[str, float] | None = None,
    ) -> None:
        several = grammars if isinstance(grammars, Sequence) else () if grammars is None else (grammars,)
        self.grammars: tuple[Grammar, ...] = tuple(several)
        self.names = tuple(names) or tuple(str(number) for number in range(1, len(self.grammars) + 1))
        self.scales = {} if scales is None else dict(scales)
        self.ctc, self.combine, self.scorers = ctc or None, combine, scorers
        self._as_they_are = ctc == ""
        self._by_blank: dict[str, Decoder] = {}
        self.judges = lru_cache(maxsize=_TABLES)(self._judges)
        self.scorer = lru_cache(maxsize=_TABLES)(self._scorer)
        self.unsaid = lru_cache(maxsize=_TABLES)(self._unsaid)
        self.strange = lru_cache(maxsize=_TABLES)(self._strange)
        self.heuristic = lru_cache(maxsize=_TABLES)(self._heuristic)
        self.free_decoding_graph = lru_cache(maxsize=_TABLES)(self._free_decoding_graph)
        self._ctc_grammar = lru_cache(maxsize=_TABLES)(self._composed_with_ctc)

    def __reduce__(self) -> tuple[object, ...]:
        """How it goes to other processes: what it is made of; what is made of that is made there."""
        ctc = "" if self._as_they_are else self.ctc
        return Decoder, (self.grammars, ctc, self.combine, self.scorers, self.names, self.scales)

    @property
    def takes_rows(self) -> bool:
        """True if a matrix can be taken row by row. A grammar on demand can, see `by_rows`."""
        asked = self.scorers is not None and bool(self.scorers.grammars)
        told = self.ctc is not None or asked or bool(self.grammars)
        return self.combine is ADD and told and all(isinstance(each, Document) for each in self.grammars)

    @cached_property
    def by_rows(self) -> Decoder:
        """What takes a matrix row by row for this one: grammars on demand at the end of a cascade are asked then, as
        language models are. A recursive one, whose derivations are many, is not."""
        if all(isinstance(each, Document) for each in self.grammars):
            return self
        from lattice_cli.grammars.recursion import RecursiveGrammar

        end = len(self.grammars)
        while end and not isinstance(self.grammars[end - 1], Document | RecursiveGrammar):
            end -= 1
        asked = self.grammars[end:]
        if not asked:
            return self
        named = [
            (name, cast(GrammarOnDemand, each), self.scales.get(name, 1.0))
            for name, each in zip(self.names[end:], asked)
        ]
        if any(scale < 0 for *_, scale in named):
            return self
        judges = replace(self.scorers or Scorers(), grammars=named)
        return Decoder(self.grammars[:end], self.ctc, self.combine, judges, self.names[:end], self.scales)

    @cached_property
    def taken_scales(self) -> frozenset[str]:
        """The names of scales that are those of grammars and models."""
        own = set[str]() if self.scorers is None else {name for name, *_ in self.scorers.models}
        for name, grammar in zip(self.names, self.grammars):
            own |= {*grammar.scores} if isinstance(grammar, Document) and grammar.scores else {name}
        return frozenset(own & self.scales.keys())

    @cached_property
    def parts(self) -> tuple[CascadePart, ...]:
        """The grammars that are written out, as parts of a cascade."""
        named = zip(self.names, self.grammars)
        return tuple(weighed(name, each, self.scales) for name, each in named if isinstance(each, Document))

    @property
    def plain(self) -> bool:
        """True if a record is taken as it is."""
        return not self.grammars and self.ctc is None and self.scorers is None

    def require_named(self, side: str) -> None:
        """Raises UsageError for the name or number of a grammar that there is not."""
        nothing = numbered_document(without_any_arcs(("",), 0), "", "")
        judges = [] if self.scorers is None else self.scorers.names
        parts = [CascadePart(name, nothing) for name in self.names]
        named_part(side, [*parts, *(CascadePart(name, nothing, True) for name in judges)])

    @cached_property
    def joined(self) -> Composition | Graph:
        """The grammars, all of them written out, as one graph: composed with each other once for all records."""
        first, *more = [part.document.graph for part in self.parts if part.document is not None]
        whole: Composition | Graph = first
        for graph in more:
            whole = then(whole, graph, self.combine)
        return whole

    def reading(self, document: Document) -> Decoder:
        """The decoder of a record that may say itself which of its labels is the blank.

        A grammar that takes the blank does by itself what is to be done with it. Raises UsageError for a blank that is
        not the one that was given.
        """
        blank, first = document.blank, self.grammars[0] if self.grammars else None
        if blank is None or blank == self.ctc or self._as_they_are:
            return self
        if self.ctc is not None:
            raise UsageError(f"{document.source}: the blank of CTC is {blank!r} there, but {self.ctc!r} is given")
        if first is not None and blank in (first.graph if isinstance(first, Document) else first).labels:
            return self
        note(document.source, f"read as CTC, its blank is {blank!r}")
        if blank not in self._by_blank:
            self._by_blank[blank] = Decoder(self.grammars, blank, self.combine, self.scorers, self.names, self.scales)
        return self._by_blank[blank]

    def interpret(self, document: Document) -> Interpretation:
        """A record composed with the grammars, from left to right, read as CTC where that is asked for, its answers
        scored.

        Raises UsageError if the blank is not a label of the record, or if a grammar on demand is reached in too many
        places.
        """
        own = self.reading(document)
        if own is not self:
            return own.interpret(document)
        for name in self.taken_scales & document.scores.keys():
            whose = f"both the record and a grammar have a score {name!r}"
            raise UsageError(f"{document.source}: scale {name}: {whose}, expected another name for the grammar's")
        parts: list[CascadePart] = []
        grammars = list(zip(self.names, self.grammars))
        whole: Graph | Composition = document.graph
        if self.ctc is not None:
            labels = document.graph.labels
            if self.ctc not in labels[1:]:
                begin = f"labels begin {quoted(labels[1:6])}"
                raise UsageError(f"{document.source}: no label is the CTC blank {self.ctc!r}; {begin}")
            first, grammars = grammars[:1], grammars[1:]
            spoken = document.graph
            if first and not isinstance(first[0][1], Document):
                topology = self._ctc_grammar(labels, None)
                assert isinstance(topology, Graph)
                spoken = compose(spoken, topology).graph
            found = [self._written_out(name, grammar, spoken) for name, grammar in first]
            right = self._ctc_grammar(labels, found[0].document if found else None)
            whole = then(whole, right, self.combine)
            parts += [NO_PART, *found]
        for name, grammar in grammars:
            part = self._written_out(name, grammar, whole if isinstance(whole, Graph) else whole.graph)
            assert part.document is not None
            whole = then(whole, part.document.graph, self.combine)
            parts.append(part)
        composition = None if isinstance(whole, Graph) else whole
        return self._scored(self._tied(Interpretation(document, tuple(parts), composition, blank=self.ctc)))

    def _tied(self, interpretation: Interpretation) -> Interpretation:
        """The same in terms of rules where a grammar is a recursive one written out beside the record. Why there is no
        path is said in terms of what was written out."""
        whole, parts = interpretation.composition, interpretation.parts
        if whole is None or all(type(part.document) in (Document, type(None)) for part in parts):
            return interpretation
        from lattice_cli.grammars.recursion import Expansion

        expanded = [part for part in parts if isinstance(part.document, Expansion)]
        if not expanded:
            return interpretation
        if not whole.graph.nodes:
            cut = any(isinstance(part.document, Expansion) and part.document.cut for part in expanded)
            return replace(interpretation, why="no path: the rules fit no path of the graph") if cut else interpretation
        own = [part.document if isinstance(part.document, Expansion) else None for part in parts]
        rules = [
            part if each is None else weighed(part.name, each.rules, self.scales) for part, each in zip(parts, own)
        ]
        return replace(interpretation, composition=_with_rules(whole, [None, *own]), parts=tuple(rules))

    def _scored(self, interpretation: Interpretation) -> Interpretation:
        graph = interpretation.graph
        if self.scorers is None or not graph.nodes:
            return interpretation
        spoken = frozenset(graph.words(distinct(graph.olabel[graph.olabel != EPSILON]).tolist()))
        spelling = interpretation.spelling
        strange = self.strange(spoken, spelling)
        interpretation = replace(interpretation, unsaid=self.unsaid(spoken, spelling), strange=strange)
        from lattice_cli.grammars import judged

        whole, parts = interpretation.composition, [*interpretation.parts]
        for judge in self.judges(graph.labels, spoken, spelling):
            found, histories = judged(graph if whole is None else whole.graph, judge.scorer)
            whole = replace(found, left_is=whole)
            parts.append(part_of(judge, found.right, histories))
            if not found.graph.nodes:
                used = distinct(graph.olabel[graph.olabel != EPSILON])
                unknown = [graph.labels[each] for each in used[np.isposinf(judge.scorer.least[used])].tolist()]
                without = f": it does not have {quoted(unknown)}" if unknown else ""
                why = f"no path: the language model allows none of the answers{without}"
                return replace(interpretation, why=why, parts=tuple(parts), composition=whole)
        return replace(interpretation, parts=tuple(parts), composition=whole)

    def _judges(self, labels: Labels, spoken: frozenset[str], spelling: Spelling) -> tuple[Judge, ...]:
        return () if self.scorers is None else tuple(self.scorers.judges(labels, spoken, spelling))

    def _scorer(self, labels: Labels, spoken: frozenset[str], spelling: Spelling) -> Scorer | None:
        return scorer_sum([judge.scorer for judge in self.judges(labels, spoken, spelling)])

    def _strange(self, spoken: frozenset[str], spelling: Spelling) -> frozenset[str]:
        """The labels that the language model does not have."""
        return frozenset() if self.scorers is None else self.scorers.strange(spoken, spelling)

    def _unsaid(self, spoken: frozenset[str], spelling: Spelling) -> frozenset[str]:
        """The hot words that no answer made of these labels can have."""
        return frozenset() if self.scorers is None else self.scorers.unsaid(spoken, spelling)

    def _written_out(self, name: str, grammar: Grammar, spoken: Graph) -> CascadePart:
        """A grammar as a graph; spoken: the graph whose outputs it is composed with."""
        if isinstance(grammar, Document):
            return self.parts[[part.name for part in self.parts].index(name)]
        return weighed(name, grammar.beside(spoken), self.scales)

    def _composed_with_ctc(self, labels: Labels, grammar: Document | None) -> Composition | Graph:
        """The CTC topology over these labels, composed with the grammar if there is one."""
        from lattice_cli.grammars import ctc_topology, ctc_tree

        assert self.ctc is not None
        topology = (ctc_topology if len(labels) <= PAIRED_LABELS else ctc_tree)(labels, labels.index(self.ctc, 1))
        return topology if grammar is None else then(topology, grammar.graph)

    @cached_property
    def decoding_graph(self) -> DecodingGraph | None:
        """The grammars ready to take a row at a time; None where they cannot be."""
        from lattice_cli.emissions import DecodingGraph

        joined = self.joined
        return DecodingGraph.of(joined if isinstance(joined, Graph) else joined.graph, self.ctc)

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


def _with_rules(whole: Composition, expanded: Sequence[Expansion | None]) -> Composition:
    """A cascade with rules in place of what was written out of them. expanded: of each of its factors."""
    place = 1 if whole.left_is is None else len(whole.left_is.factors)
    left_is = None if whole.left_is is None else _with_rules(whole.left_is, expanded[:place])
    if whole.right_is is not None:
        return replace(whole, left_is=left_is, right_is=_with_rules(whole.right_is, expanded[place:]))
    own = expanded[place]
    return replace(whole if own is None else own.tied(whole), left_is=left_is)
