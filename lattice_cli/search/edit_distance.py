"""Alignments of answers with their references: the fewest substitutions, insertions and deletions.

Edit distances by dynamic programming (Levenshtein 1966; Wagner and Fischer 1974), row by row and for many pairs at
once. Both sequences are taken from their ends, so that the table at (i, j) holds the distance of what is still to come,
and the alignment is read off from its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lattice_cli.arrays import IntArray

Pair = tuple[Sequence[str], Sequence[str]]

#: Pairs are aligned together up to this many table entries.
_TABLE_ENTRIES = 1 << 21
_DIAGONAL, _DELETION, _INSERTION = 0, 1, 2


@dataclass(frozen=True)
class Alignment:
    """One minimal alignment of an answer with its reference.

    Of several minimal ones it is the one that, from the start on, matches or substitutes where it can, else deletes,
    else inserts. moves: 0 a match or substitution, 1 a deletion, 2 an insertion.
    """

    reference: tuple[str, ...]
    answer: tuple[str, ...]
    moves: tuple[int, ...]

    @cached_property
    def pairs(self) -> list[tuple[str | None, str | None]]:
        """(label of the reference, label of the answer) in order; None for what the other one has nothing for."""
        references, answers = iter(self.reference), iter(self.answer)
        return [
            (None if move == _INSERTION else next(references), None if move == _DELETION else next(answers))
            for move in self.moves
        ]

    @cached_property
    def correct(self) -> int:
        """Labels of the reference that the answer has in their place."""
        return sum(reference == answer for reference, answer in self.pairs)

    @property
    def substitutions(self) -> int:
        """Labels of the reference that the answer has another label for."""
        return self.moves.count(_DIAGONAL) - self.correct

    @property
    def insertions(self) -> int:
        """Labels of the answer that the reference has nothing for."""
        return self.moves.count(_INSERTION)

    @property
    def deletions(self) -> int:
        """Labels of the reference that the answer has nothing for."""
        return self.moves.count(_DELETION)

    @property
    def errors(self) -> int:
        """The edit distance: substitutions, insertions and deletions."""
        return len(self.moves) - self.correct


def align(reference: Sequence[str], answer: Sequence[str]) -> Alignment:
    """The alignment of one answer."""
    return align_all([(reference, answer)])[0]


def align_all(pairs: Sequence[Pair]) -> list[Alignment]:
    """The alignment of each (reference, answer)."""
    found: list[Alignment | None] = [None] * len(pairs)
    for batch in _pair_batches(pairs):
        moves, steps = _moves(batch)
        for row, count, index in zip(moves.tolist(), steps.tolist(), batch.index.tolist()):
            reference, answer = pairs[index]
            found[index] = Alignment(tuple(reference), tuple(answer), tuple(row[:count]))
    return [alignment for alignment in found if alignment is not None]


def distances(pairs: Sequence[Pair]) -> IntArray:
    """(pairs,) the edit distance of each (reference, answer)."""
    found = np.zeros(len(pairs), dtype=np.intp)
    for batch in _pair_batches(pairs):
        found[batch.index] = _table(batch)[np.arange(len(batch.index)), batch.references, batch.answers]
    return found


@dataclass(frozen=True, eq=False)
class _PairBatch:
    """Pairs to be aligned together, from their ends.

    index: (pairs,) which ones. reference, answer: (pairs, longest) numbers of labels, filled up behind the last one.
    references, answers: (pairs,) lengths.
    """

    index: IntArray
    reference: IntArray
    answer: IntArray
    references: IntArray
    answers: IntArray


def _pair_batches(pairs: Sequence[Pair]) -> Iterator[_PairBatch]:
    """Pairs of like lengths together."""
    lengths = np.array([(len(reference), len(answer)) for reference, answer in pairs], dtype=np.intp).reshape(-1, 2)
    numbers: dict[str, int] = {}
    order = np.lexsort((lengths[:, 1], lengths[:, 0]))
    first = 0
    while first < len(order):
        widths = lengths[order[first:]] + 1
        entries = np.maximum.accumulate(widths, axis=0).prod(axis=1) * np.arange(1, len(widths) + 1)
        end = first + max(1, int(np.searchsorted(entries, _TABLE_ENTRIES)))
        index = order[first:end]
        references, answers = lengths[index].T
        reference = _numbered([pairs[position][0] for position in index.tolist()], references, numbers)
        answer = _numbered([pairs[position][1] for position in index.tolist()], answers, numbers)
        yield _PairBatch(index, reference, answer, references, answers)
        first = end


def _numbered(sequences: Sequence[Sequence[str]], lengths: IntArray, numbers: dict[str, int]) -> IntArray:
    """(sequences, longest) label numbers, each sequence from its end."""
    table = np.full((len(sequences), int(lengths.max())), -1, dtype=np.intp)
    flat = [numbers.setdefault(label, len(numbers)) for sequence in sequences for label in reversed(sequence)]
    table[np.arange(table.shape[1]) < lengths[:, None]] = flat
    return table


def _table(batch: _PairBatch) -> IntArray:
    """(pairs, reference + 1, answer + 1) distances of the first so many labels (of the last ones: they are turned)."""
    longest, width = batch.reference.shape[1], batch.answer.shape[1] + 1
    table = np.empty((len(batch.index), longest + 1, width), dtype=np.int32)
    column = np.arange(width, dtype=np.int32)
    table[:, 0] = column
    for row in range(longest):
        above = table[:, row]
        best = above + 1  # a deletion
        unlike = batch.answer != batch.reference[:, row, None]
        np.minimum(best[:, 1:], above[:, :-1] + unlike, out=best[:, 1:])
        # Insertions: each column is the least of those left of it, one more for each step.
        table[:, row + 1] = np.minimum.accumulate(best - column, axis=1) + column
    return table


def _moves(batch: _PairBatch) -> tuple[IntArray, IntArray]:
    """(pairs, steps) the moves of each alignment from its start, and (pairs,) how many there are."""
    table, pairs = _table(batch), np.arange(len(batch.index))
    row, column = batch.references.copy(), batch.answers.copy()
    moves = np.zeros((len(pairs), batch.reference.shape[1] + batch.answer.shape[1]), dtype=np.intp)
    steps = np.zeros(len(pairs), dtype=np.intp)
    for step in range(moves.shape[1]):
        pairs = pairs[(row[pairs] > 0) | (column[pairs] > 0)]
        if not len(pairs):
            break
        up, left = row[pairs], column[pairs]
        here = table[pairs, up, left]
        # Index -1 of a row or column that is at its end reads something, but never counts.
        both = (up > 0) & (left > 0)
        unlike = np.ones(len(pairs), dtype=np.int32)
        unlike[both] = batch.reference[pairs[both], up[both] - 1] != batch.answer[pairs[both], left[both] - 1]
        diagonal = both & (table[pairs, up - 1, left - 1] + unlike == here)
        deletion = ~diagonal & (up > 0) & (table[pairs, up - 1, left] + 1 == here)
        insertion = ~(diagonal | deletion)
        moves[pairs, step] = np.where(diagonal, _DIAGONAL, np.where(deletion, _DELETION, _INSERTION))
        row[pairs] -= ~insertion
        column[pairs] -= ~deletion
        steps[pairs] += 1
    return moves, steps
