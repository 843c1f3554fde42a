"""What scores the words of answers beside the grammar: a language model, and hot words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lattice_cli.grammars.scorer import Scorer, scorer_sum
from lattice_cli.graph import Labels

if TYPE_CHECKING:
    from lattice_cli.grammars.ngram import NgramModel


@dataclass(frozen=True, eq=False)
class Scorers:
    """model: a language model over output labels, None for none; its energies count `scale` times, and every word
    costs word_energy more. unknown: what the model calls words that it does not have. hot: word -> nats it gains."""

    model: NgramModel | None = None
    scale: float = 1.0
    word_energy: float = 0.0
    unknown: Sequence[str] = ()
    hot: Mapping[str, float] = field(default_factory=dict)

    def scorer(self, labels: Labels, spoken: frozenset[str]) -> Scorer | None:
        """All of them over a label table of which these labels can be output; None for none."""
        from lattice_cli.grammars.hot_words import HotWords
        from lattice_cli.grammars.ngram_scorer import NgramScorer

        parts: list[Scorer] = []
        if self.model is not None:
            parts.append(NgramScorer.of(self.model, labels, self.unknown).scaled(self.scale, self.word_energy))
        if len(self.unsaid(spoken)) < len(self.hot):
            parts.append(HotWords.of(self.hot, labels, spoken))
        return scorer_sum(parts)

    def unsaid(self, spoken: frozenset[str]) -> frozenset[str]:
        """The hot words that no answer made of these labels can have; they are passed over."""
        from lattice_cli.grammars.hot_words import unsaid

        return unsaid(self.hot, spoken) if self.hot else frozenset()
