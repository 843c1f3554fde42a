"""N-gram models in the ARPA form: base 10 logarithms of probabilities and back-off weights, order by order.

A log-probability of -99 or less stands for probability 0 (SRILM's ngram-format(5)). A context that is not listed itself
has the back-off weight 0. Columns are parted by tabs and spaces alone (KenLM's kARPASpaces); a back-off weight of 0
behind the longest n-grams means nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite, isinf, log

from lattice_cli.errors import FormatError, counted
from lattice_cli.formats.io import ReadOptions, brief, note, read_text, weight_of
from lattice_cli.grammars import Context, NgramModel, exact
from lattice_cli.graph import Document, numbered_document

_BEGIN, _END = ("<s>", "<S>"), ("</s>", "</S>")
UNKNOWN = ("<unk>", "<UNK>")
_COUNT = re.compile(r"ngram\s+([1-9][0-9]?)\s*=\s*([0-9]{1,12})")
_SECTION = re.compile(r"\\([1-9][0-9]?)-grams:")
#: White space of other scripts, and what ASCII has beside tabs, is part of words.
_COLUMNS = re.compile(r"[^ \t]+")
_ZERO = -99.0
_LN10 = log(10.0)


def read_arpa(path: str, without_unknown: bool = False, encoding: str | None = None) -> NgramModel:
    """The model of a file, gzipped or not. without_unknown: words outside of the vocabulary cannot be said.

    Raises FormatError.
    """
    text, source = read_text(path, encoding)
    return arpa_model(text, source, without_unknown)


def read_arpa_grammar(text: str, source: str, record_id: str, options: ReadOptions) -> Document:
    """The exact acceptor of a model. Raises FormatError."""
    return numbered_document(exact(arpa_model(text, source)), record_id, source)


def arpa_model(text: str, source: str, without_unknown: bool = False) -> NgramModel:
    """The model that a text in the ARPA form describes. Raises FormatError."""
    lines = _lines(text)
    counts = _counts(lines, source)
    reading = _Reading(source, len(counts))
    section, seen = 1, 0
    for line, row in lines:
        at = f"{source}:{line}"
        found = _SECTION.fullmatch(row)
        if found is None and row != "\\end\\":
            reading.row(row, section, at)
            seen += 1
            continue
        if seen != counts[section]:
            raise FormatError(f"{at}: {seen} {section}-grams came before, expected {counts[section]} by \\data\\")
        if found is None:
            if section != len(counts):
                raise FormatError(f"{at}: found {row}, expected \\{section + 1}-grams:")
            return reading.model(without_unknown)
        section, seen = section + 1, 0
        if int(found[1]) != section or section not in counts:
            raise FormatError(f"{at}: found {row}, expected {_after(section - 1, counts)}")
    raise FormatError(f"{source}: ends without \\end\\, expected it after the {len(counts)}-grams")


def _after(section: int, counts: dict[int, int]) -> str:
    return f"\\{section + 1}-grams:" if section + 1 in counts else "\\end\\"


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """(line, text) of the lines that are not blank."""
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip(" \t\r")
        if stripped:
            yield number, stripped


def _counts(lines: Iterator[tuple[int, str]], source: str) -> dict[int, int]:
    r"""Order -> n-grams, from \data\ up to the unigrams, which come next."""
    if not any(row == "\\data\\" for _, row in lines):
        raise FormatError(f"{source}: no line \\data\\, expected a model in the ARPA form")
    counts: dict[int, int] = {}
    for line, row in lines:
        found = _COUNT.fullmatch(row)
        if found is None:
            if row == "\\1-grams:" and counts:
                return counts
            expected = "ngram 1=COUNT" if not counts else f"ngram {len(counts) + 1}=COUNT or \\1-grams:"
            raise FormatError(f"{source}:{line}: found {brief(row)}, expected {expected}")
        if int(found[1]) != len(counts) + 1:
            raise FormatError(f"{source}:{line}: found ngram {found[1]}, expected ngram {len(counts) + 1}")
        counts[int(found[1])] = int(found[2])
    raise FormatError(f"{source}: ends after \\data\\, expected \\1-grams:")


@dataclass
class _Reading:
    """N-grams as they come."""

    source: str
    order: int

    def __post_init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._followers: dict[Context, dict[int, float]] = {(): {}}
        self._backoff: dict[Context, float] = {}
        self._unlisted: set[Context] = set()

    def row(self, row: str, section: int, at: str) -> None:
        """One n-gram: log-probability, words, and the weight of backing off after them."""
        fields = _COLUMNS.findall(row)
        if section == self.order and len(fields) == section + 2:
            if _logarithm(fields[-1], at, "back-off weight"):
                raise FormatError(f"{at}: a longest n-gram has back-off weight {fields[-1]}, expected none, or 0")
            del fields[-1]
        if not section + 1 <= len(fields) <= section + 1 + (section < self.order):
            weight = " and perhaps a back-off weight" if section < self.order else ""
            kind = f"a log-probability, {section} word{'s' * (section > 1)}{weight}"
            raise FormatError(f"{at}: found {len(fields)} columns, expected {kind}")
        log_p = _logarithm(fields[0], at, "log-probability")
        if log_p > 0:
            raise FormatError(f"{at}: log-probability is {fields[0]}, expected at most 0")
        numbers = self._numbers
        if section == 1:
            gram: Context = (numbers.setdefault(fields[1], len(numbers) + 1),)
        else:
            try:
                gram = tuple([numbers[word] for word in fields[1 : section + 1]])
            except KeyError as error:
                raise FormatError(f"{at}: word {brief(error.args[0])} is not among the 1-grams") from None
        context, word = gram[:-1], gram[-1]
        if context and context[-1] not in self._followers.get(context[:-1], ()):
            self._unlisted.add(context)
        after = self._followers.setdefault(context, {})
        if word in after:
            raise FormatError(f"{at}: n-gram {brief(' '.join(fields[1 : section + 1]))} is given twice")
        after[word] = 0.0 - log_p * _LN10
        if len(fields) == section + 2:
            leaving = 0.0 - _logarithm(fields[-1], at, "back-off weight") * _LN10
            if leaving:
                self._backoff[gram] = leaving

    def _list_contexts(self) -> None:
        """Contexts of n-grams that are no n-grams themselves become some, of the probability that back-off gives."""
        missing = sorted(
            context for context in self._unlisted if context[-1] not in self._followers.get(context[:-1], ())
        )
        if missing:
            note(self.source, f"{counted(len(missing), 'context')} of n-grams not listed: back-off weight 0")
        for whole in missing:
            for length in range(2, len(whole) + 1):
                context, word = whole[: length - 1], whole[length - 1]
                after, spent, shorter = self._followers.setdefault(context, {}), 0.0, context
                while word not in self._followers.get(shorter, ()):
                    spent += self._backoff.get(shorter, 0.0)
                    shorter = shorter[1:]
                after[word] = spent + self._followers[shorter][word]

    def model(self, without_unknown: bool) -> NgramModel:
        """All of them."""
        numbers = self._numbers
        labels = ("", *numbers)
        begin, end = (next((numbers[tag] for tag in tags if tag in numbers), None) for tags in (_BEGIN, _END))
        self._list_contexts()
        if end is not None and all(isinf(after[end]) for after in self._followers.values() if end in after):
            note(self.source, f"{labels[end]} has probability 0 (-99), so that no sentence can end")
        left_out = {begin, end} | ({numbers.get(word) for word in UNKNOWN} if without_unknown else set())
        words = [word for word in numbers.values() if word not in left_out]
        followers = self._followers
        if left_out - {end, None}:
            followers = {
                context: {word: energy for word, energy in after.items() if word == end or word not in left_out}
                for context, after in followers.items()
            }
        return NgramModel(self.order, labels, words, begin, end, followers, self._backoff)


def _logarithm(text: str, at: str, what: str) -> float:
    """A base 10 logarithm; -inf for what stands for that of 0."""
    if text.lower() in ("-inf", "-infinity"):
        return -inf
    value = weight_of(text, at, what)
    if not isfinite(value):
        raise FormatError(f"{at}: {what} is {brief(text)}, expected a number")
    return value if value > _ZERO else -inf
