"""What judges the words of answers beside the grammar: a language model, and hot words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from lattice_cli.grammars.scorer import Scorer, scorer_sum
from lattice_cli.graph.graph import Labels

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
        """The rules over a label table of which these labels can be output; None for none."""
        return _rules(self, labels, spoken)

    def unsaid(self, spoken: frozenset[str]) -> frozenset[str]:
        """The hot words that no answer made of these labels can have; they are passed over."""
        return _unsaid(self, spoken)


@lru_cache(maxsize=8)
def _rules(scorers: Scorers, labels: Labels, spoken: frozenset[str]) -> Scorer | None:
    from lattice_cli.grammars.hot_words import HotWords
    from lattice_cli.grammars.ngram_scorer import NgramScorer

    parts: list[Scorer] = []
    if scorers.model is not None:
        histories = NgramScorer.of(scorers.model, labels, scorers.unknown)
        parts.append(histories.scaled(scorers.scale, scorers.word_energy))
    if len(scorers.unsaid(spoken)) < len(scorers.hot):
        parts.append(HotWords.of(scorers.hot, labels, spoken))
    return scorer_sum(parts)


@lru_cache(maxsize=8)
def _unsaid(scorers: Scorers, spoken: frozenset[str]) -> frozenset[str]:
    from lattice_cli.grammars.hot_words import unsaid

    return unsaid(scorers.hot, spoken)
