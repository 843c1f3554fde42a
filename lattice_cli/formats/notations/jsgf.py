"""Grammars in the JSpeech Grammar Format (W3C note, 2000): rules of words, groups, options, weights and repetitions.

A grammar without weights is a set of sentences: the acceptor with one path for each. With weights each derivation is a
path: alternatives of weights w_i cost -log(w_i / sum of w). Rules may not refer to other files.

Rules that refer to themselves at their right ends only are automata; the note has these alone (its sections 4.8, 4.9:
"Other forms of recursion (left recursion, embedded recursion) are not supported"). Here the others are a recursive
transition network, where a derivation is a path.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite, log
from typing import NamedTuple, NoReturn

import numpy as np

from lattice_cli.errors import FormatError, UsageError
from lattice_cli.formats.io import ReadOptions, brief
from lattice_cli.formats.notations.expression_builder import (
    Build,
    Fragment,
    Fragments,
    labels,
    one_after_another,
    one_of,
    times,
)
from lattice_cli.grammars.recursion import RecursiveGrammar, rules_of, to_depth, with_ends_merged
from lattice_cli.graph import Document, Graph, determinized, epsilon_free, evaluation_order, numbered_document

_HEADER = re.compile(r"\ufeff?#JSGF\s+V1\.0[^;]*;", re.I)
_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<rule><[^<>]*>)
    |(?P<weight>/[^/\n]*/)
    |(?P<tag>\{(?:[^{}\\]|\\.)*\})
    |(?P<quoted>"(?:[^"\\]|\\.)*")
    |(?P<sign>[=;|()\[\]*+])
    |(?P<word>(?:[^\s=;|()\[\]*+<>{}/"\\]|\\.)+)""",
    re.X | re.S,
)
_MOST_DEEP = 100
#: A quotient below this has lost digits.
_LEAST = 1e-300


class _Token(NamedTuple):
    """kind: of _TOKEN, or end; a sign is its own kind. at: file and line."""

    kind: str
    text: str
    at: str


@dataclass(frozen=True)
class _Rule:
    """Alternatives as their tokens were read: builds of it, the rules it refers to, where it was defined."""

    public: bool
    build: Build
    refers: list[tuple[str, str]]
    at: str


def read_jsgf_grammar(text: str, source: str, record_id: str, options: ReadOptions) -> Document:
    """The acceptor of all public rules. Raises FormatError, UsageError."""
    return numbered_document(read_jsgf(text, source), record_id, source)


def read_jsgf(
    text: str, source: str, rule: str | None = None, uniform: bool = False, depth: int | None = None
) -> Graph:
    """The acceptor of a rule, or of all public rules. uniform: alternatives without weights are equally probable.
    depth: how often a rule may be called within itself with more to be said behind the call.

    Raises FormatError with the line; UsageError where there is no such rule, or a depth is needed and not given.
    """
    found = jsgf_rules(text, source, rule, uniform, depth)
    if isinstance(found, Graph):
        return found
    way = "lattice grammar jsgf --depth N writes out what is nested no deeper, and -g FILE takes it as it is"
    raise UsageError(f"{found.nested}, so it is no finite graph; {way}")


def jsgf_rules(
    text: str, source: str, rule: str | None = None, uniform: bool = False, depth: int | None = None
) -> Graph | RecursiveGrammar:
    """The same; without a depth, rules that are called within themselves as they are."""
    parser = _JsgfParser(_tokens(text, source), source, uniform)
    rules = parser.rules()
    roots = [name for name, found in rules.items() if found.public] if rule is None else [rule.strip("<>")]
    if not roots:
        raise FormatError(f"{source}: no public rule, expected one (--rule NAME takes another)")
    if roots[0] not in rules:
        raise UsageError(f"{source}: no rule <{roots[0]}>, it has {', '.join(f'<{name}>' for name in rules)}")
    parser.called = _in_circles(roots, rules)
    for name in parser.called:
        if f"<{name}>" in parser.words:
            raise FormatError(f"{rules[name].at}: the word '<{name}>' is spelled like the rule, expected another name")
    several = one_of([parser.standing_for(name) for name in roots], parser.shares([None] * len(roots)))
    parts = [(name, rules[name].at, rules[name].build) for name in parser.called]
    if len(roots) > 1 or roots[0] not in parser.called:
        parts.insert(0, ("public" if len(roots) > 1 else roots[0], rules[roots[0]].at, several))
    else:
        parts.sort(key=lambda part: part[0] != roots[0])
    pieces = Fragments(source)
    try:
        built = [build(pieces) for _, _, build in parts]
        graphs = [pieces.graph(piece) for piece in built]
        weighted = any(graph.energy.any() for graph in graphs)
        graphs = [epsilon_free(graph) if weighted else determinized(graph) for graph in graphs]
        if parser.called:
            graphs = [with_ends_merged(graph) for graph in graphs]
        network = rules_of([(name, at, graph) for (name, at, _), graph in zip(parts, graphs)])
        network.require_way_out()
        nested = bool(network.nested.any())
        if weighted or nested:
            network.require_progress()
        if not parser.called:
            return graphs[0]
        if nested and depth is None:
            return RecursiveGrammar(network, source, source)
        written = to_depth(network, depth or 0)
        return epsilon_free(written) if weighted else determinized(written)
    except RecursionError:
        raise FormatError(f"{source}: rules and groups are nested too deeply") from None
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from None


def _tokens(text: str, source: str) -> list[_Token]:
    """What a text is made of, without the header, white space, comments and tags."""
    header = _HEADER.match(text)
    if header is None:
        raise FormatError(f"{source}:1: found {brief(text[:20])}, expected #JSGF V1.0;")
    found = []
    place, line = header.end(), 1 + text.count("\n", 0, header.end())
    while place < len(text):
        match = _TOKEN.match(text, place)
        at = f"{source}:{line}"
        if match is None:
            raise FormatError(f"{at}: found {brief(text[place : place + 20])}, expected a word, a <rule> or a sign")
        kind = str(match.lastgroup)
        if kind not in ("space", "tag"):
            found.append(_Token(match[0] if kind == "sign" else kind, match[0], at))
        line += match[0].count("\n")
        place = match.end()
    return [*found, _Token("end", "the end of the file", f"{source}:{line}")]


def _in_circles(roots: Sequence[str], rules: dict[str, _Rule]) -> list[str]:
    """The rules that come back to themselves by what they refer to, of those that are reached, in their order.

    Raises FormatError for one that is nowhere.
    """
    reached = dict.fromkeys(roots)
    waiting = [*roots]
    for each in waiting:  # grows
        for name, at in rules[each].refers:
            if name not in rules:
                raise FormatError(f"{at}: rule <{name}> is not defined")
            if name not in reached:
                reached[name] = None
                waiting.append(name)
    number = {name: place for place, name in enumerate(reached)}
    refers = [(number[each], number[name]) for each in reached for name, _ in rules[each].refers]
    src, dst = np.array(refers, dtype=np.intp).reshape(-1, 2).T
    component = evaluation_order(src, dst, np.array([0, len(number)])).component
    return [name for name in rules if name in number and component[number[name]] >= 0]


@dataclass
class _JsgfParser:
    """Recursive descent over tokens."""

    tokens: list[_Token]
    source: str
    uniform: bool
    place: int = 0
    depth: int = 0
    refers: list[tuple[str, str]] = field(default_factory=list)
    found: dict[str, _Rule] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    #: Rules that are called rather than written in the place of their names.
    called: Sequence[str] = ()

    @property
    def next(self) -> _Token:
        """The token that comes next."""
        return self.tokens[self.place]

    def take(self, kind: str, expected: str) -> _Token:
        """The next token, of this kind."""
        token = self.next
        if token.kind != kind:
            self.refuse(expected)
        self.place += 1
        return token

    def refuse(self, expected: str) -> NoReturn:
        """Raises FormatError for the next token."""
        found = self.next.text if self.next.kind == "end" else brief(self.next.text)
        raise FormatError(f"{self.next.at}: found {found}, expected {expected}")

    def rules(self) -> dict[str, _Rule]:
        """The rules of the grammar by name."""
        if self.next.text == "grammar":
            self.place += 1
            self.take("word", "the name of the grammar")
            self.take(";", "; after the name of the grammar")
        while self.next.kind != "end":
            if self.next.text == "import":
                raise FormatError(f"{self.next.at}: import of other grammars is not supported, expected rules alone")
            public = self.next.text == "public"
            self.place += public
            name = self.take("rule", "a rule: [public] <name> = ... ;")
            self.take("=", f"= after {name.text}")
            self.refers = []
            build = self.alternatives()
            self.take(";", f"; at the end of {name.text}, | or what follows")
            known = self.found.get(name.text[1:-1])
            if known is not None:
                raise FormatError(f"{name.at}: rule {name.text} is defined twice, first at {known.at}")
            self.found[name.text[1:-1]] = _Rule(public, build, self.refers, name.at)
        return self.found

    def alternatives(self) -> Build:
        """Sequences between |, with weights or without."""
        begin = self.next
        self.depth += 1
        if self.depth > _MOST_DEEP:
            self.refuse(f"groups nested up to {_MOST_DEEP} deep")
        parts: list[Build] = []
        weights: list[float | None] = []
        while True:
            weights.append(self.weight())
            parts.append(self.sequence())
            if self.next.kind != "|":
                break
            self.place += 1
        self.depth -= 1
        if None in weights and any(weight is not None for weight in weights):
            raise FormatError(f"{begin.at}: some alternatives have weights and some have none, expected all or none")
        if None not in weights and not any(weights):
            raise FormatError(f"{begin.at}: all weights are 0, expected one above 0")
        kept = [(part, weight) for part, weight in zip(parts, weights) if weight != 0]
        return one_of([part for part, _ in kept], self.shares([weight for _, weight in kept]))

    def shares(self, weights: Sequence[float | None]) -> list[float]:
        """The energies of alternatives."""
        given = [1.0 if weight is None else weight for weight in weights]
        if None in weights and not self.uniform:
            return [0.0] * len(given)
        # By the largest: weights may add up beyond the range of float64, and be far below it beside one another.
        parts = [weight / max(given) for weight in given]
        logs = [log(part) if part > _LEAST else log(weight) - log(max(given)) for part, weight in zip(parts, given)]
        return [log(sum(parts)) - part for part in logs]

    def weight(self) -> float | None:
        """A weight in front of an alternative."""
        if self.next.kind != "weight":
            return None
        text = self.next.text[1:-1].strip()
        try:
            value = float(text) if text.isascii() and "_" not in text else -1.0
        except ValueError:
            value = -1.0
        if not (isfinite(value) and value >= 0):
            self.refuse("a weight, a number from 0 on between slashes")
        self.place += 1
        return value

    def sequence(self) -> Build:
        """Items one after the other."""
        parts = []
        while self.next.kind in ("word", "quoted", "rule", "(", "["):
            parts.append(self.item())
        if not parts:
            self.refuse("a word, a <rule>, a group or an option")
        return parts[0] if len(parts) == 1 else one_after_another(parts)

    def item(self) -> Build:
        """A word, a rule, a group or an option, and how often."""
        token = self.next
        self.place += 1
        if token.kind == "(":
            build = self.alternatives()
            self.take(")", f") for the ( of line {token.at.rpartition(':')[2]}")
        elif token.kind == "[":
            inner = self.alternatives()
            build = one_of([inner, _nothing], self.shares([None, None]))
            self.take("]", f"] for the [ of line {token.at.rpartition(':')[2]}")
        elif token.kind == "rule":
            build = self.reference(token)
        elif token.kind == "quoted":
            build = self.spoken(_plain(token.text[1:-1]).split())
        else:
            build = self.spoken([_plain(token.text)])
        if self.next.kind in ("*", "+"):
            build = times(build, int(self.next.kind == "+"), None)
            self.place += 1
        return build

    def spoken(self, words: Sequence[str]) -> Build:
        """Words in a row."""
        self.words.update(words)
        return one_after_another([labels([word]) for word in words])

    def reference(self, token: _Token) -> Build:
        """What a rule's name stands for."""
        name = token.text[1:-1].strip()
        if name == "NULL":
            return _nothing
        if name == "VOID":
            return labels([])
        self.refers.append((name, token.at))
        return lambda pieces: self.standing_for(name)(pieces)

    def standing_for(self, name: str) -> Build:
        """What a rule's name is where it stands: a call, or the rule."""
        return labels([f"<{name}>"]) if name in self.called else self.found[name].build


def _nothing(pieces: Fragments) -> Fragment:
    return pieces.nothing()


def _plain(text: str) -> str:
    """A word without its escapes."""
    return re.sub(r"\\(.)", r"\1", text)
