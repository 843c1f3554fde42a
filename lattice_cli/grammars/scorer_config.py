"""What judges the words of answers beside the grammar: a language model, and hot words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from lattice_cli.grammars.scorer import Rules, all_rules
from lattice_cli.graph.graph import Labels

if TYPE_CHECKING:
    from lattice_cli.grammars.ngram import Backoff


@dataclass(frozen=True, eq=False)
class Judges:
    """model: a language model over output labels, None for none; its energies count `scale` times, and every word
    costs word_energy more. unknown: what the model calls words that it does not have. hot: word -> nats it gains."""

    model: Backoff | None = None
    scale: float = 1.0
    word_energy: float = 0.0
    unknown: Sequence[str] = ()
    hot: Mapping[str, float] = field(default_factory=dict)

    def rules(self, labels: Labels, spoken: frozenset[str]) -> Rules | None:
        """The rules over a label table of which these labels can be output; None for none."""
        return _rules(self, labels, spoken)

    def unsaid(self, spoken: frozenset[str]) -> frozenset[str]:
        """The hot words that no answer made of these labels can have; they are passed over."""
        return _unsaid(self, spoken)


@lru_cache(maxsize=8)
def _rules(judges: Judges, labels: Labels, spoken: frozenset[str]) -> Rules | None:
    from lattice_cli.grammars.hot_words import HotWords
    from lattice_cli.grammars.ngram_scorer import Histories

    parts: list[Rules] = []
    if judges.model is not None:
        histories = Histories.of(judges.model, labels, judges.unknown)
        parts.append(histories.scaled(judges.scale, judges.word_energy))
    if len(judges.unsaid(spoken)) < len(judges.hot):
        parts.append(HotWords.of(judges.hot, labels, spoken))
    return all_rules(parts)


@lru_cache(maxsize=8)
def _unsaid(judges: Judges, spoken: frozenset[str]) -> frozenset[str]:
    from lattice_cli.grammars.hot_words import unsaid

    return unsaid(judges.hot, spoken)
