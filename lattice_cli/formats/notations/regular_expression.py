r"""Regular expressions over labels, as the acceptor with one path for each sequence.

    ab, (ab)     one after the other, a group
    a|b          either
    a* a+ a?     any number, at least one, one or none
    a{3} a{2,} a{,4} a{2,4}   counts
    [abc] [a-z] [^abc]        one of these labels, a range of characters, any other label
    .            any label
    \*           the label *

Labels are single characters, or words separated by white space (then `[red green]` is a choice of words).
`.` and `[^...]` need to be told all labels.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats.io import brief
from lattice_cli.formats.notations.expression_builder import Build, Fragments, labels, one_after_another, one_of, times
from lattice_cli.graph import Graph, determinized

_OPERATORS = "|*+?(){}[]."
_COUNT = re.compile(r"([0-9]*)(,?)([0-9]*)\}")
_TIMES: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_MOST_REPEATS = 10_000
_DEEPEST = 100


def regular_expression(pattern: str, by_word: bool, alphabet: Sequence[str] | None, source: str = "pattern") -> Graph:
    """The least deterministic acceptor of a pattern. by_word: labels are words; alphabet: all labels, for `.` and [^].

    Raises FormatError with the column, found and expected; UsageError where the acceptor would be too large.
    """
    parser = _RegexParser(pattern, by_word, alphabet, source)
    try:
        return determinized(parser.graph())
    except RecursionError:
        raise FormatError(f"{source}: nested too deeply") from None
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from None


class _RegexParser:
    """Recursive descent over the characters of a pattern."""

    def __init__(self, pattern: str, by_word: bool, alphabet: Sequence[str] | None, source: str) -> None:
        self._pattern, self._by_word, self._alphabet, self._source = pattern, by_word, alphabet, source
        self._at = 0
        self._depth = 0

    def graph(self) -> Graph:
        """The graph of the whole pattern, with epsilon arcs."""
        build = self._choice()
        if self._peek() == ")":
            raise self._unexpected("an operator or a label: no group is open")
        pieces = Fragments(self._source)
        return pieces.graph(build(pieces))

    def _peek(self) -> str:
        """The next character, white space between words skipped; "" at the end."""
        if self._by_word:
            while self._pattern[self._at : self._at + 1].isspace():
                self._at += 1
        return self._pattern[self._at : self._at + 1]

    def _unexpected(self, expected: str, column: int | None = None) -> FormatError:
        at = self._at if column is None else column
        found = brief(self._pattern[at]) if at < len(self._pattern) else "the end"
        return FormatError(f"{self._source}: column {at + 1}: found {found}, expected {expected}")

    def _choice(self) -> Build:
        several = [self._row()]
        while self._peek() == "|":
            self._at += 1
            several.append(self._row())
        return several[0] if len(several) == 1 else one_of(several)

    def _row(self) -> Build:
        several = []
        while self._peek() not in ("", "|", ")"):
            several.append(self._repeated())
        return several[0] if len(several) == 1 else one_after_another(several)

    def _repeated(self) -> Build:
        build = self._one()
        while (operator := self._peek()) and operator in "*+?{":
            self._at += 1
            build = times(build, *(_TIMES.get(operator) or self._count()))
        return build

    def _count(self) -> tuple[int, int | None]:
        """What stands in braces, as the least and the largest number of times."""
        begin = self._at
        found = _COUNT.match(self._pattern, begin)
        if found is None or not (found[1] or found[3]) or (found[3] and not found[2]):
            raise self._unexpected("a count such as {3}, {2,} or {2,4}", begin)
        low = int(found[1] or 0)
        high = low if not found[2] else int(found[3]) if found[3] else None
        if max(low, high or 0) > _MOST_REPEATS or (high is not None and high < low):
            raise self._unexpected(f"counts up to {_MOST_REPEATS:,}, the lower one first", begin)
        self._at = found.end()
        return low, high

    def _one(self) -> Build:
        letter = self._peek()
        if letter == "(":
            return self._group()
        if letter == "[":
            return labels(self._members())
        if letter == ".":
            self._at += 1
            return labels(self._all_labels("`.`"))
        if letter in _OPERATORS:
            raise self._unexpected(f"something to repeat before it, or \\{letter} for the label")
        return labels([self._label(_OPERATORS)])

    def _group(self) -> Build:
        opened = self._at
        self._at += 1
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._unexpected(f"groups nested up to {_DEEPEST} deep", opened)
        build = self._choice()
        self._depth -= 1
        if self._peek() != ")":
            raise self._unexpected(f") for the ( in column {opened + 1}")
        self._at += 1
        return build

    def _label(self, ends: str) -> str:
        """A label: a character, or a word up to white space or one of `ends`; \\ takes the next character as it is."""
        letters = []
        while self._at < len(self._pattern):
            letter = self._pattern[self._at]
            if letter == "\\":
                self._at += 1
                if self._at == len(self._pattern):
                    raise self._unexpected("a character after \\")
                letter = self._pattern[self._at]
            elif letter in ends or (self._by_word and letter.isspace()):
                break
            self._at += 1
            letters.append(letter)
            if not self._by_word:
                break
        return "".join(letters)

    def _members(self) -> list[str]:
        """The labels of a class, [ to ]."""
        opened = self._at
        self._at += 1
        negated = self._peek() == "^"
        self._at += negated
        members: dict[str, None] = {}
        while (letter := self._peek()) != "]":
            if not letter:
                raise self._unexpected(f"] for the [ in column {opened + 1}")
            begin = self._at
            label = self._label("]")
            if (
                not self._by_word
                and self._peek() == "-"
                and self._pattern[self._at + 1 : self._at + 2] not in ("]", "")
            ):
                self._at += 1
                last = self._label("]")
                if last < label:
                    raise self._unexpected(f"a range that goes up, not {label}-{last}", begin)
                members.update(dict.fromkeys(map(chr, range(ord(label), ord(last) + 1))))
            else:
                members[label] = None
        self._at += 1
        if not negated and not members:
            raise self._unexpected("at least one label in []", opened)
        if negated:
            return [label for label in self._all_labels("[^...]") if label not in members]
        return list(members)

    def _all_labels(self, what: str) -> Sequence[str]:
        if self._alphabet is None:
            raise UsageError(f"{self._source}: {what} stands for all labels: --vocabulary FILE says which there are")
        return self._alphabet
