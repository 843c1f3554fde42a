"""How labels spell words: a word each, in characters between separators, or in pieces with marks.

Marks of pieces are those of the systems that make them: U+2581 before the first piece of a word (SentencePiece), ##
before all others (WordPiece), @@ behind all but the last (subword-nmt), | between words (wav2vec 2.0).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

FIRST, FURTHER, UNFINISHED, BAR = "\u2581", "##", "@@", "|"
#: What some records of a data set show counts more than what others do: one long label makes all of them words.
_RANK = ("characters", "words", "pieces")
#: Labels that are no text, whatever the others are: <unk>, [PAD].
_SPECIAL = re.compile(r"<[^<>\s]+>|\[[A-Z]+\]")


class WordPart(NamedTuple):
    """What a label is of a word. begins, ends: whether a word does so before or behind it."""

    begins: bool
    text: str
    ends: bool


@dataclass(frozen=True)
class Spelling:
    """How the labels of a data set spell words.

    kind: words, characters or pieces. mark: that of pieces, or a space where characters have white space among them; ""
    for none.
    """

    kind: str
    mark: str = ""

    def part(self, label: str) -> WordPart:
        """What a label is of a word."""
        if self.kind == "words":
            return WordPart(True, label, True)
        if label.isspace() or (self.mark == BAR and label == BAR):
            return WordPart(True, "", True)
        if self.mark == FIRST:
            return WordPart(label.startswith(FIRST), label.removeprefix(FIRST), False)
        if self.mark == FURTHER:
            return WordPart(not label.startswith(FURTHER), label.removeprefix(FURTHER), False)
        if self.mark == UNFINISHED:
            return WordPart(False, label.removesuffix(UNFINISHED), not label.endswith(UNFINISHED))
        return WordPart(False, label, False)

    def groups(self, labels: Iterable[str]) -> list[tuple[str, list[int]]]:
        """The words that labels spell, each with the places of the labels that it is made of."""
        found: list[tuple[str, list[int]]] = []
        inside = False
        for place, label in enumerate(labels):
            begins, text, ends = self.part(label)
            inside = inside and not begins
            if text and inside:
                found[-1] = found[-1][0] + text, [*found[-1][1], place]
            elif text:
                found.append((text, [place]))
            inside = (inside or bool(text)) and not ends
        return found

    def words(self, labels: Iterable[str]) -> tuple[str, ...]:
        """The words that labels spell."""
        if self.kind == "words":
            return tuple(filter(None, labels))
        return tuple(word for word, _ in self.groups(labels))

    def text(self, labels: Iterable[str]) -> str:
        """An answer as one string: what is written of it, and reads back as it."""
        return "".join(labels) if self.kind == "characters" else " ".join(self.words(labels))

    def compared(self, labels: Iterable[str]) -> tuple[str, ...]:
        """The labels that an answer and its reference are compared by: of pieces, the words that they spell."""
        if self.mark == BAR:
            return tuple(" ".join(self.words(labels)))
        return tuple(labels) if self.kind != "pieces" else self.words(labels)

    def labels(self, text: str) -> tuple[str, ...]:
        """The labels of a text; of pieces with marks at their ends, its words."""
        words = tuple(text.split())
        if self.mark == BAR:
            return tuple(BAR.join(words))
        apart = not self.mark and all(len(word) == 1 for word in words)
        return words if self.kind != "characters" or apart else tuple(text.strip())


@lru_cache(maxsize=8)
def spelling_of(labels: frozenset[str], kind: str = "auto") -> Spelling:
    """How these labels spell words, in all of a data set. kind: what the user says of it, one of SPLITS.

    Labels with the marks of pieces are pieces; labels of single characters are characters; any other are words.
    """
    # To look at all labels in one string is far cheaper than one by one: records have labels of their own.
    text = "".join(labels)
    plain = [*labels]
    if "<" in text or "[" in text:
        plain = [label for label in labels if label[:1] not in "<[" or not _SPECIAL.fullmatch(label)]
    single = all(len(label) == 1 for label in plain)
    mark = _mark(plain, single) if single or any(each in text for each in (FIRST, FURTHER, UNFINISHED)) else ""
    if kind == "auto":
        kind = "pieces" if mark else "characters" if single else "words"
    kind = "words" if kind == "labels" else kind
    if kind == "characters":
        return Spelling(kind, " " if any(map(str.isspace, plain)) else "")
    return Spelling(kind, mark if kind == "pieces" else "")


def together(spellings: Iterable[Spelling]) -> Spelling:
    """How all records of a data set spell words, each of which may have some of the labels only."""
    found = sorted(spellings, key=lambda each: (_RANK.index(each.kind), each.mark))
    return found[-1] if found else Spelling("words")


def _mark(labels: list[str], single: bool) -> str:
    """The mark of pieces that labels have; "" for none. A bar is one among characters of which none is white space."""
    if any(label.startswith(FIRST) for label in labels):
        return FIRST
    if any(label.startswith(FURTHER) and len(label) > len(FURTHER) for label in labels):
        return FURTHER
    if any(label.endswith(UNFINISHED) and len(label) > len(UNFINISHED) for label in labels):
        return UNFINISHED
    bars = single and BAR in labels and len(labels) > 1 and not any(map(str.isspace, labels))
    return BAR if bars else ""
