"""Where in the recognition graph each label of an answer was found.

A word of a lexicon takes several inputs, and is output at one of them: at the last (as in a trie, where words part
late) or at the first. Separators belong to no word: white space, what is called silence, and whatever label the grammar
takes only between words. Repeats of a CTC label are part of it, blanks are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from lattice_cli.graph import EPSILON, Graph
from lattice_cli.records.interpretation import Interpretation
from lattice_cli.search import Path

#: What silence and noise are called as labels that are taken in, in Sphinx, Kaldi, HTK and MFA; and wav2vec's bar.
_SILENCES = frozenset((
    "SIL", "sil", "<sil>", "<silence>", "SP", "sp", "SPN", "spn", "NSN", "nsn", "NOISE", "+NSN+", "+SPN+", "|",
))  # fmt: skip


@dataclass
class _Input:
    """A label that was taken in: the path's steps from `first` to before `end`."""

    label: int
    first: int
    end: int


def spans(interpretation: Interpretation, path: Path) -> list[tuple[int, int] | None]:
    """Of each label that a path outputs, the steps [first, end) of the path that it was made of; None for none."""
    graph, ctc = interpretation.graph, interpretation.blank
    blank = graph.labels.index(ctc, 1) if ctc is not None else -1
    inputs: list[_Input] = []
    spoken: list[int] = []  # for each output the inputs that had begun by then
    last = EPSILON
    arcs = list(path.arcs)
    for step, (taken, said) in enumerate(zip(graph.ilabel[arcs].tolist(), graph.olabel[arcs].tolist())):
        if taken == blank:
            last = EPSILON
        elif taken != EPSILON and taken == last and ctc is not None:
            inputs[-1].end = step + 1
        elif taken != EPSILON:
            inputs.append(_Input(taken, step, step + 1))
            last = taken
        if said != EPSILON:
            spoken.append(len(inputs))
    first = interpretation.grammars[0].document if interpretation.grammars else None
    apart = _SILENCES if first is None else _SILENCES | separators(first.graph)
    return _assigned(inputs, spoken, [label.isspace() or label in apart for label in graph.labels])


@lru_cache(maxsize=4)
def separators(grammar: Graph) -> frozenset[str]:
    """The labels that a grammar takes between words only: without an output, back to where words begin.

    The same label may be taken again and again there, and behind the last word as well.
    """
    back = np.isfinite(grammar.start[grammar.dst]) & (grammar.olabel == EPSILON)
    pairs = grammar.src * len(grammar.labels) + grammar.ilabel
    again = (grammar.src == grammar.dst) | np.isin(pairs, pairs[back])
    between = np.bincount(grammar.ilabel[back], minlength=len(grammar.labels)) > 0
    inside = np.bincount(grammar.ilabel[(grammar.olabel != EPSILON) | ~(back | again)], minlength=len(between)) > 0
    return frozenset(grammar.words(np.flatnonzero(between & ~inside).tolist()))


def _assigned(inputs: Sequence[_Input], spoken: Sequence[int], space: Sequence[bool]) -> list[tuple[int, int] | None]:
    """The inputs between one output and the next."""
    heard = [number for number, each in enumerate(inputs) if not space[each.label]]
    at_first = bool(spoken) and bool(heard) and spoken[0] <= heard[0] + 1 and spoken[-1] <= heard[-1]
    edges = [*(max(count - 1, 0) for count in spoken), len(inputs)] if at_first else [0, *spoken]
    found: list[tuple[int, int] | None] = []
    for low, high in pairwise(edges):
        own = [each for each in inputs[low:high] if not space[each.label]] or list(inputs[low:high])
        found.append((own[0].first, own[-1].end) if own else None)
    return found
