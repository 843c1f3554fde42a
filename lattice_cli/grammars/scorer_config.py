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
    """One of the scorers over a label table. name: what its energies are called. plain: the same without scale; None
    where it has none."""

    name: str
    scorer: Scorer
    plain: Scorer | None = None
    scale: float = 1.0


@dataclass(frozen=True, eq=False)
class Scorers:
    """models: language models over output labels, what each is called and a scale, which may be negative: its energies
    are then taken out. word_energy: what every word costs besides. grammars: those that are asked rather than composed
    with, and what each is called. unknown: what the models call words that they do not have. hot: word -> nats it
    gains."""

    models: Sequence[tuple[str, NgramModel, float]] = ()
    word_energy: float = 0.0
    unknown: Sequence[str] = ()
    hot: Mapping[str, float] = field(default_factory=dict)
    grammars: Sequence[tuple[str, AskedGrammar, float]] = ()

    @property
    def names(self) -> list[str]:
        """What the energies of each are called."""
        counted = ["words"] if self.word_energy else []
        return [*(name for name, *_ in (*self.grammars, *self.models)), *counted, *(["hot"] if self.hot else [])]

    def judges(self, labels: Labels, spoken: frozenset[str], spelling: Spelling) -> list[Judge]:
        """Each of them over a label table of which these labels can be output."""
        from lattice_cli.grammars.hot_words import HotWords
        from lattice_cli.grammars.ngrams import NgramScorer
        from lattice_cli.grammars.spelled_words import SpelledModel, WordCount, spells_words

        found = []
        for name, grammar, scale in self.grammars:
            plain = grammar.scorer(labels)
            found.append(Judge(name, plain if scale == 1 else ScaledScorer(plain, scale), plain, scale))
        spelled = spelling.kind == "pieces" or bool(spelling.mark)
        for name, model, scale in self.models:
            spelled = spells_words(model, spoken, spelling)
            words = ("", *(model.labels[word] for word in model.words.tolist()), "") if spelled else labels
            own = NgramScorer.of(model, words, self.unknown)
            plain, scaled = (
                SpelledModel.of(each, words, labels, spelling) if spelled else each for each in (own, own.scaled(scale))
            )
            found.append(Judge(name, scaled, plain, scale))
        if self.word_energy:
            count = WordCount.of(labels, spelling if spelled else None)
            found.append(Judge("words", count.times(self.word_energy), count, self.word_energy))
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
