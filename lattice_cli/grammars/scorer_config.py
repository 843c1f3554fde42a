"""What scores the words of answers beside the grammar: a language model, and hot words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lattice_cli.grammars.scorer import AskedGrammar, Scorer, scorer_sum
from lattice_cli.grammars.spelling import Spelling
from lattice_cli.graph import Labels

if TYPE_CHECKING:
    from lattice_cli.grammars.ngrams import NgramModel


@dataclass(frozen=True, eq=False)
class Scorers:
    """model: a language model over output labels, None for none; its energies count `scale` times, and every word
    costs word_energy more. further: other models, each with a scale of its own, which may be negative: its energies are
    then taken out. grammar: one that is asked rather than composed with. unknown: what the models call words that they
    do not have. hot: word -> nats it gains."""

    model: NgramModel | None = None
    scale: float = 1.0
    word_energy: float = 0.0
    unknown: Sequence[str] = ()
    hot: Mapping[str, float] = field(default_factory=dict)
    further: Sequence[tuple[NgramModel, float]] = ()
    grammar: AskedGrammar | None = None

    def scorer(self, labels: Labels, spoken: frozenset[str], spelling: Spelling) -> Scorer | None:
        """All of them over a label table of which these labels can be output; None for none."""
        from lattice_cli.grammars.hot_words import HotWords
        from lattice_cli.grammars.ngrams import NgramScorer
        from lattice_cli.grammars.spelled_words import SpelledModel, spells_words

        parts: list[Scorer] = [] if self.grammar is None else [self.grammar.scorer(labels)]
        own = [] if self.model is None else [(self.model, self.scale)]
        for place, (model, scale) in enumerate([*own, *self.further]):
            spelled = spells_words(model, spoken, spelling)
            words = ("", *(model.labels[word] for word in model.words.tolist()), "") if spelled else labels
            scorer = NgramScorer.of(model, words, self.unknown).scaled(scale, 0.0 if place else self.word_energy)
            parts.append(SpelledModel.of(scorer, words, labels, spelling) if spelled else scorer)
        if len(self.unsaid(spoken, spelling)) < len(self.hot):
            parts.append(HotWords.of(self.hot, labels, spoken, spelling))
        return scorer_sum(parts)

    def strange(self, spoken: frozenset[str], spelling: Spelling) -> frozenset[str]:
        """The labels among these that a model of labels does not have, so that they count as its unknown word."""
        from lattice_cli.grammars.spelled_words import spells_words

        models = [model for model in (self.model, *(model for model, _ in self.further)) if model is not None]
        own = [model.numbers for model in models if not spells_words(model, spoken, spelling)]
        return frozenset(label for label in spoken if any(label not in labels for labels in own))

    def unsaid(self, spoken: frozenset[str], spelling: Spelling) -> frozenset[str]:
        """The hot words that no answer made of these labels can have; they are passed over."""
        from lattice_cli.grammars.hot_words import unsaid

        return unsaid(self.hot, spoken, spelling) if self.hot else frozenset()
