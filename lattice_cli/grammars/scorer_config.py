"""What scores the words of answers beside the grammar: a language model, and hot words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lattice_cli.grammars.scorer import AskedGrammar, ScaledScorer, Scorer
from lattice_cli.grammars.spelling import Spelling
from lattice_cli.graph import Labels

if TYPE_CHECKING:
    from lattice_cli.grammars.ngrams import NgramModel


@dataclass(frozen=True, eq=False)
class Judge:
    """One of the scorers over a label table. name: what its energies are called. plain: the same without scale and
    word_energy, which is what each word costs besides; None where it has neither."""

    name: str
    scorer: Scorer
    plain: Scorer | None = None
    scale: float = 1.0
    word_energy: float = 0.0


@dataclass(frozen=True, eq=False)
class Scorers:
    """models: language models over output labels, what each is called and a scale, which may be negative: its energies
    are then taken out. word_energy: what every word costs besides the first of them. grammars: those that are asked
    rather than composed with, in the same way. unknown: what the models call words that they do not have. hot:
    word -> nats it gains."""

    models: Sequence[tuple[str, NgramModel, float]] = ()
    word_energy: float = 0.0
    unknown: Sequence[str] = ()
    hot: Mapping[str, float] = field(default_factory=dict)
    grammars: Sequence[tuple[str, AskedGrammar, float]] = ()

    def judges(self, labels: Labels, spoken: frozenset[str], spelling: Spelling) -> list[Judge]:
        """Each of them over a label table of which these labels can be output."""
        from lattice_cli.grammars.hot_words import HotWords
        from lattice_cli.grammars.ngrams import NgramScorer
        from lattice_cli.grammars.spelled_words import SpelledModel, spells_words

        found = []
        for name, grammar, scale in self.grammars:
            plain = grammar.scorer(labels)
            found.append(Judge(name, plain if scale == 1 else ScaledScorer(plain, scale), plain, scale))
        for place, (name, model, scale) in enumerate(self.models):
            spelled = spells_words(model, spoken, spelling)
            words = ("", *(model.labels[word] for word in model.words.tolist()), "") if spelled else labels
            own = NgramScorer.of(model, words, self.unknown)
            word_energy = 0.0 if place else self.word_energy
            plain, scaled = (
                SpelledModel.of(each, words, labels, spelling) if spelled else each
                for each in (own, own.scaled(scale, word_energy))
            )
            found.append(Judge(name, scaled, plain, scale, word_energy))
        if len(self.unsaid(spoken, spelling)) < len(self.hot):
            found.append(Judge("hot", HotWords.of(self.hot, labels, spoken, spelling)))
        return found

    def strange(self, spoken: frozenset[str], spelling: Spelling) -> frozenset[str]:
        """The labels among these that a model of labels does not have, so that they count as its unknown word."""
        from lattice_cli.grammars.spelled_words import spells_words

        models = [model for _, model, _ in self.models]
        own = [model.numbers for model in models if not spells_words(model, spoken, spelling)]
        return frozenset(label for label in spoken if any(label not in labels for labels in own))

    def unsaid(self, spoken: frozenset[str], spelling: Spelling) -> frozenset[str]:
        """The hot words that no answer made of these labels can have; they are passed over."""
        from lattice_cli.grammars.hot_words import unsaid

        return unsaid(self.hot, spoken, spelling) if self.hot else frozenset()
