"""Models from the n-grams of each length, level by level, whole columns at a time.

Words of an n-gram become one number: the n-gram of all but its last word, and that. Contexts that are not listed are
made n-grams, at the probability that back-off gives them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lattice_cli.arrays import BoolArray, FloatArray, IntArray, distinct, run_starts, stable_order
from lattice_cli.grammars.ngrams.columns import NgramModel, places_of

#: Histories or n-grams that are asked for at once.
_BLOCK = 1 << 16


class GivenTwice(ValueError):
    """An n-gram is listed twice. words: it; row: where it is listed again, among the n-grams of its size."""

    def __init__(self, words: IntArray, row: int) -> None:
        super().__init__(f"row {row} of the {len(words)}-grams")
        self.words, self.row = words.tolist(), row


@dataclass(frozen=True, eq=False)
class Grams:
    """N-grams of one length. words: (n-grams, length), numbers from 1; energy, leaving: (n-grams,) nats, the second
    that of backing off after them."""

    words: NDArray[np.int32]
    energy: FloatArray
    leaving: FloatArray


@dataclass(frozen=True, eq=False)
class NgramParts:
    """What a model is made of. labels: the word of each number, "" first; levels: n-grams of one word, of two, ...;
    every word is among the first; they are taken out of the list as the model is made. begin, end: as in NgramModel;
    left_out: further words that cannot be said."""

    labels: tuple[str, ...]
    levels: list[Grams]
    begin: int | None
    end: int | None
    left_out: Collection[int] = ()


@dataclass(frozen=True, eq=False)
class _Level:
    """N-grams of one length in order. key: context * words + word, where contexts are places in the level before
    (words, for the first). energy: nan of those that were not listed."""

    key: IntArray
    energy: FloatArray
    leaving: FloatArray


def ngram_model(parts: NgramParts) -> tuple[NgramModel, int]:
    """The model, and how many contexts of n-grams were not listed. Raises GivenTwice."""
    levels, unlisted = _sorted_levels(parts)
    words, kept = len(parts.labels), _histories(levels, len(parts.labels))
    counts = np.array([1, *(np.count_nonzero(each) for each in kept)], dtype=np.intp)
    bounds = np.append(0, np.cumsum(counts))
    histories, size = int(bounds[-1]), sum(len(level.key) for level in levels)
    key, after = np.empty(size, dtype=np.intp), np.zeros(size, dtype=np.intp)
    energy = np.empty(size)
    leaving = np.concatenate([[np.inf], *(each.leaving[own] for each, own in zip(levels, kept))])
    shorter = np.zeros(histories, dtype=np.intp)
    model = NgramModel(parts.labels, bounds, parts.begin, None, 0, key, energy, after, leaving, shorter, leaving)
    low, number = 0, np.zeros(words, dtype=np.intp)  # of each context of this level
    for place in range(len(levels)):
        level = levels.pop(0)
        high = low + len(level.key)
        context, word = np.divmod(level.key, words)
        source = number[context] if place else context
        known = replace(model, key=key[:low], energy=energy[:low], after=after[:low])
        key[low:high] = source * words + word
        energy[low:high] = level.energy
        for first in range(low, high, _BLOCK) if place else ():
            some = slice(first, min(first + _BLOCK, high))
            here = slice(some.start - low, some.stop - low)
            backed, after[some] = _backed_off(known, source[here], word[here])
            energy[some] = np.where(np.isnan(energy[some]), backed, energy[some])
        if place < len(kept):
            own = np.flatnonzero(kept[place])
            shorter[bounds[place + 1] : bounds[place + 2]] = after[low + own]
            after[low + own] = np.arange(bounds[place + 1], bounds[place + 2])
            number = np.zeros(len(level.key), dtype=np.intp)
            number[own] = after[low + own]
            if not place:
                number = np.append(0, number)  # words are numbered from 1
        low = high
    first = 0 if parts.begin is None else int(after[parts.begin - 1])
    return _finished(replace(model, first=first), parts), unlisted


def _sorted_levels(parts: NgramParts) -> tuple[list[_Level], int]:
    """The n-grams of each length in order, with the contexts that are missing; and how many of those there are."""
    words, unlisted = len(parts.labels), 0
    waiting = [parts.levels.pop(0) for _ in range(len(parts.levels))]
    context = [each.words[:, 0].astype(np.intp) for each in waiting]  # of each n-gram, as far as it is looked up
    found = []
    for size in range(1, len(context) + 1):
        grams = waiting.pop(0)
        key = context[0] * words + grams.words[:, -1] if size > 1 else context[0]
        order = _order(key, grams)
        level = _Level(key[order], grams.energy[order], grams.leaving[order])
        del context[0], grams, order
        if size > 1:
            wanted = [each * words + longer.words[:, size - 1] for each, longer in zip(context, waiting)]
            places = [places_of(keys, level.key) for keys in wanted]
            missing = [distinct(keys[~known]) for keys, (_, known) in zip(wanted, places)]
            if any(map(len, missing)):
                unlisted += len(missing[0])
                level = _with(level, distinct(np.concatenate(missing)))
                places = [places_of(keys, level.key) for keys in wanted]
            context = [place for place, _ in places]
        found.append(level)
    return found, unlisted


def _order(key: IntArray, grams: Grams) -> IntArray:
    """What sorts keys. Raises GivenTwice where two are the same."""
    order = stable_order(key)
    ordered = key[order]
    again = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(again):
        row = int(order[again + 1].min())
        raise GivenTwice(grams.words[row], row)
    return order


def _with(level: _Level, missing: IntArray) -> _Level:
    """A level with further n-grams, whose energies are not known yet."""
    key = np.concatenate([level.key, missing])
    order = stable_order(key)
    energy = np.append(level.energy, np.full(len(missing), np.nan))
    return _Level(key[order], energy[order], np.append(level.leaving, np.zeros(len(missing)))[order])


def _histories(levels: Sequence[_Level], words: int) -> list[BoolArray]:
    """Of each level but the longest, which n-grams are histories."""
    found = []
    for place, (level, longer) in enumerate(pairwise(levels)):
        kept = level.leaving != 0
        context = longer.key // words
        kept[context[run_starts(context)] - (place == 0)] = True
        found.append(kept)
    return found


def _backed_off(model: NgramModel, history: IntArray, word: IntArray) -> tuple[FloatArray, IntArray]:
    """(n,) energy of words that have no n-gram after these histories, and the history then; of n-grams that are shorter
    every one is known, and of one word there is one for each."""
    energy, after = np.zeros(len(word)), np.zeros(len(word), dtype=np.intp)
    at, open_ = history.copy(), np.arange(len(word))
    while len(open_):
        energy[open_] += model.leaving[at[open_]]
        at[open_] = model.shorter[at[open_]]
        place, found = model.arcs(at[open_], word[open_])
        done, place = open_[found], place[found]
        energy[done] += model.energy[place]
        after[done] = model.after[place]
        open_ = open_[~found]
    return energy, after


def _finished(model: NgramModel, parts: NgramParts) -> NgramModel:
    """The model without the n-grams of words that cannot be said, and with the energies of ending."""
    unsaid = np.array([word for word in (parts.begin, *parts.left_out) if word not in (None, parts.end)], dtype=np.intp)
    key, energy, after = model.key, model.energy, model.after
    if len(unsaid):
        flags = np.zeros(len(parts.labels), dtype=bool)
        flags[unsaid] = True
        said = np.flatnonzero(~flags[key % len(parts.labels)])
        key, energy, after = key[said], energy[said], after[said]
    model = replace(model, end=parts.end, key=key, energy=energy, after=after, ends=np.zeros(model.histories))
    if parts.end is not None:
        for low in range(0, model.histories, _BLOCK):
            some = np.arange(low, min(low + _BLOCK, model.histories))
            model.ends[some] = model.step(some, np.full(len(some), parts.end))[0]
    return model
