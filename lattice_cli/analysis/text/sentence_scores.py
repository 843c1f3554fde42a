"""Sentences under a model of language: energies word by word, perplexities, what the model does not know.

Perplexity is exp(energy / tokens), a token for each word and one for the end of the sentence. SRILM's `ngram -ppl`
(ngram(1); Stolcke 2002) leaves out the words that the model does not have and those it gives no probability:

    ppl  = 10^(-logprob / (words - OOVs - zeroprobs + sentences))
    ppl1 = 10^(-logprob / (words - OOVs - zeroprobs))

logprob is that of all other words and of the ends. KenLM's `query` calls these two perplexity including OOVs (all
words) and excluding OOVs (ppl).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

#: Energy in nats of a factor of 10.
NATS = math.log(10)


@dataclass(frozen=True)
class SentenceScore:
    """What a model says of a sentence.

    words: as its labels spell them. known: (words,) whether the model has each. energy: of the whole sentence, nats;
    +inf: it is impossible. energies: (words + 1,) of each word after those before it and of the end, +inf for one that
    is impossible; None where they are not known one by one. orders: (words + 1,) words of the n-gram that each energy
    is of; histories: (words + 1,) the words that the model could look back on, after none that it does not have; both
    None for other models. several: whether more than one path says the sentence, None for models that have one only.
    why: why it has no path.
    """

    words: tuple[str, ...]
    known: tuple[bool, ...]
    energy: float
    energies: tuple[float, ...] | None
    orders: tuple[int, ...] | None = None
    histories: tuple[tuple[str, ...], ...] | None = None
    several: bool | None = None
    why: str = ""

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """The words that the model does not have, in order."""
        return tuple(word for word, known in zip(self.words, self.known) if not known)

    @cached_property
    def counted(self) -> tuple[int, float] | None:
        """How many of the words ppl goes by, and the energy of these and of the end; None where that is not known."""
        if self.energies is None:
            return (len(self.words), self.energy) if not self.unknown and math.isfinite(self.energy) else None
        kept = [energy for energy, known in zip(self.energies, self.known) if known and math.isfinite(energy)]
        return len(kept), sum(kept) + self.energies[-1]

    @property
    def unknown_energy(self) -> float | None:
        """What the words that the model does not have cost; None where that is not known, or impossible."""
        if not self.unknown:
            return 0.0
        if self.energies is None:
            return None
        spent = sum(energy for energy, known in zip(self.energies, self.known) if not known)
        return spent if math.isfinite(spent) else None


@dataclass
class TextScore:
    """Sums over sentences. words: of all; words_on_paths, energy: of those with a path. counted_words,
    counted_sentences, counted_energy: what ppl goes by. several: how many have more than one path. unknown: word that
    the model does not have -> how often; unknown_energy: what these cost where they have a cost, nats."""

    sentences: int = 0
    no_path: int = 0
    words: int = 0
    words_on_paths: int = 0
    energy: float = 0.0
    counted_words: int = 0
    counted_sentences: int = 0
    counted_energy: float = 0.0
    several: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    unknown_energy: float = 0.0

    @staticmethod
    def of(score: SentenceScore) -> TextScore:
        """Those of one sentence."""
        found = TextScore()
        found.add(score)
        return found

    def add(self, score: SentenceScore) -> None:
        """One more sentence."""
        self.sentences += 1
        self.words += len(score.words)
        self.unknown.update(score.unknown)
        self.unknown_energy += score.unknown_energy or 0.0
        self.several += bool(score.several)
        if math.isfinite(score.energy):
            self.words_on_paths += len(score.words)
            self.energy += score.energy
        else:
            self.no_path += 1
        if score.counted is not None and math.isfinite(score.counted[1]):
            self.counted_sentences += 1
            self.counted_words += score.counted[0]
            self.counted_energy += score.counted[1]

    @property
    def oov(self) -> int:
        """How many words the model does not have."""
        return self.unknown.total()

    @property
    def total_energy(self) -> float | None:
        """Of the sentences with a path, nats; None if there is none."""
        return self.energy if self.no_path < self.sentences else None

    @property
    def log10(self) -> float | None:
        """Their log probability to base 10."""
        return None if self.total_energy is None else 0.0 - self.total_energy / NATS

    @property
    def perplexity(self) -> float | None:
        """Of the sentences with a path, all words counted."""
        return _exp(self.energy, self.words_on_paths + self.sentences - self.no_path)

    @property
    def ppl(self) -> float | None:
        """As SRILM has it: without what the model does not have."""
        return _exp(self.counted_energy, self.counted_words + self.counted_sentences)

    @property
    def ppl1(self) -> float | None:
        """The same, ends of sentences not counted as tokens."""
        return _exp(self.counted_energy, self.counted_words)


def _exp(energy: float, tokens: int) -> float | None:
    """exp(energy / tokens); None for no tokens, and for what no float64 holds."""
    if not tokens or energy / tokens > 709.0:
        return None
    return math.exp(energy / tokens)
