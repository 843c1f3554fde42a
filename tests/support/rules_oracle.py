"""The slow truth about rules that call rules: derivations one by one, and random grammars to try it on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import strategies as st


class Item(NamedTuple):
    """A word or, with a capital letter, a rule; `repeats` is "", "?", "*" or "+"."""

    name: str
    repeats: str = ""

    @property
    def text(self) -> str:
        name = f"<{self.name}>" if self.name.isupper() else self.name
        return f"[{name}]" if self.repeats == "?" else name + self.repeats


class Alternative(NamedTuple):
    """What is said, and its weight."""

    items: tuple[Item, ...]
    weight: int


#: Rule -> its alternatives.
Grammar = dict[str, tuple[Alternative, ...]]


def text_of(grammar: Grammar, weighted: bool) -> str:
    """The grammar in JSGF; the first rule is public."""
    lines = ["#JSGF V1.0;", "grammar random;"]
    for name, alternatives in grammar.items():
        said = (
            (f"/{each.weight}/ " if weighted else "") + (" ".join(item.text for item in each.items) or "<NULL>")
            for each in alternatives
        )
        lines.append(f"{'' if len(lines) > 2 else 'public '}<{name}> = {' | '.join(said)};")
    return "\n".join(lines)


def fewest(grammar: Grammar) -> dict[str, float]:
    """How many words each rule has at least; infinite for one without a way out."""
    least = dict.fromkeys(grammar, math.inf)
    for _ in range(len(grammar) + 1):
        least = {
            name: min(sum(_least(item, least) for item in each.items) for each in alternatives)
            for name, alternatives in grammar.items()
        }
    return least


def _least(item: Item, least: dict[str, float]) -> float:
    return 0 if item.repeats in ("?", "*") else least.get(item.name, 1)


def goes_round(grammar: Grammar) -> bool:
    """Whether something derives itself and nothing besides, or nothing is repeated."""
    least = fewest(grammar)
    onward = {
        name: {
            item.name
            for each in alternatives
            for place, item in enumerate(each.items)
            if item.name in grammar
            and all(_least(other, least) == 0 for other in (*each.items[:place], *each.items[place + 1 :]))
        }
        for name, alternatives in grammar.items()
    }
    reached = {name: {name} for name in grammar}
    for _ in grammar:
        reached = {name: seen.union(*(onward[each] for each in seen)) for name, seen in reached.items()}
    own = any(name in reached[each] for name in grammar for each in onward[name])
    items = [item for alternatives in grammar.values() for each in alternatives for item in each.items]
    return own or any(item.repeats in ("*", "+") and _least(Item(item.name), least) == 0 for item in items)


def derivations(grammar: Grammar, words: Sequence[str], weighted: bool) -> list[float]:
    """The energies of all derivations of a sequence of words."""
    least = fewest(grammar)

    def rest(items: tuple[Item, ...], place: int) -> list[float]:
        if sum(_least(item, least) for item in items) > len(words) - place:
            return []
        if not items:
            return [0.0] if place == len(words) else []
        (name, repeats), behind = items[0], items[1:]
        if repeats:
            more = (Item(name), *((Item(name, "*"),) if repeats != "?" else ()), *behind)
            return (rest(behind, place) if repeats != "+" else []) + rest(more, place)
        if name not in grammar:
            return rest(behind, place + 1) if words[place] == name else []
        total = sum(each.weight for each in grammar[name])
        return [
            energy + (math.log(total / each.weight) if weighted else 0.0)
            for each in grammar[name]
            for energy in rest((*each.items, *behind), place)
        ]

    return rest((Item(next(iter(grammar))),), 0)


_ITEMS = st.sampled_from(
    [*map(Item, ("a", "b", "a", "b", "S", "S", "T", "T")), *(Item(name, repeats) for name in "aT" for repeats in "?*+")]
)
_ALTERNATIVES = st.lists(
    st.builds(Alternative, st.lists(_ITEMS, max_size=3).map(tuple), st.integers(1, 4)), min_size=1, max_size=2
)


@st.composite
def grammars(draw: st.DrawFn) -> Grammar:
    """Two rules that call one another, or themselves, anywhere; as a rule with a way out."""
    ways_out = [Alternative((Item(word),), draw(st.integers(1, 4))) for word in "ab"]
    return {
        name: (*draw(_ALTERNATIVES), *([way_out] if draw(st.integers(0, 7)) else []))
        for name, way_out in zip("ST", ways_out)
    }
