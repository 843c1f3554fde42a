"""Back-off n-gram models as acceptors: exact, with one path a sequence, or with back-off as epsilon arcs.

p(w | h) is the n-gram's own where there is one, else backoff(h) p(w | h without its first word) (Katz 1987). Back-off
arcs that any word may take also let a word with an n-gram of its own go the other way: the sum over paths is then too
high, and the best path may be too good. Exactly, only words without an n-gram may back off. A table of all words at
every history says that, and grows with histories x words. The other exact form cuts what is left of the vocabulary at
each history into intervals, and those into the nodes of a binary tree over the words, which histories share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

Context = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class NgramModel:
    """A back-off model. Words are numbers from 1, into `labels`; energies are -log p in nats, +inf for p = 0.

    order:     words of the longest n-gram.
    words:     those that can follow; begin: the word that stands before a sentence, None if there is none.
    end:       the word that ends a sentence; None: a sentence may end anywhere, for nothing.
    followers: context -> {word: energy}; every word follows the empty context ().
    backoff:   context -> energy of leaving it for the next shorter one; 0 where it is missing.
    """

    order: int
    labels: tuple[str, ...]
    words: list[int]
    begin: int | None
    end: int | None
    followers: Mapping[Context, Mapping[int, float]]
    backoff: Mapping[Context, float]
    _shorter: dict[Context, Context] = field(default_factory=dict)

    @property
    def first(self) -> Context:
        """The context at the start of a sentence."""
        return self.kept(() if self.begin is None else (self.begin,))

    def kept(self, context: Context) -> Context:
        """The longest end of a context that tells anything: that words follow, or that is left for an energy."""
        context = context[max(0, len(context) - self.order + 1) :]
        while context and context not in self.followers and not self.backoff.get(context):
            context = context[1:]
        return context

    def shorter(self, context: Context) -> Context:
        """The context to back off to."""
        found = self._shorter.get(context)
        if found is None:
            found = self._shorter[context] = self.kept(context[1:])
        return found

    def energy(self, context: Context, word: int) -> float:
        """-log p(word | context)."""
        spent = 0.0
        while word not in self.followers.get(context, ()):
            if not context:
                return inf
            spent += self.backoff.get(context, 0.0)
            context = self.shorter(context)
        return spent + self.followers[context][word]

    def ending(self, context: Context) -> float:
        """The energy of ending the sentence after a context."""
        return 0.0 if self.end is None else self.energy(context, self.end)
