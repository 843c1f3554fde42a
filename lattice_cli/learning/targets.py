"""Targets: what the user writes as the correct answer, and the acceptors of it and of everything else."""

from __future__ import annotations

from collections.abc import Sequence, Set

import numpy as np

from lattice_cli.graph.graph import Graph, IntArray, Labels

Target = tuple[str, ...]


def target_labels(text: str | Sequence[str], labels: Labels) -> Target:
    """The labels that a target means over a label table.

    A sequence is taken as it is. A text without white space whose characters are labels, or are all that labels are, is
    split into characters; any other at white space, unless only its characters, white space included, are labels.
    """
    if not isinstance(text, str):
        return tuple(text)
    known = set(labels[1:])
    return meant_labels(text, known, bool(known) and all(len(label) == 1 for label in known))


def meant_labels(text: str, known: Set[str], letters_only: bool) -> Target:
    """The labels that a text means. known: the labels there are; letters_only: all labels are single characters."""
    words, characters = tuple(text.split()), tuple(text)
    if all(letter in known for letter in characters):
        return characters if words == (text,) or not all(word in known for word in words) else words
    return characters if letters_only and words == (text,) else words


def reference_labels(text: str | Sequence[str], known: Set[str], letters_only: bool) -> Target:
    """The labels of a reference, where `known` are the labels that were seen in answers: there may be others.

    A target, but that where all labels are single characters any text is characters, white space within it included;
    unless white space stands between all of them.
    """
    if not isinstance(text, str):
        return tuple(text)
    if letters_only and any(len(word) > 1 for word in text.split()):
        return tuple(text.strip())
    return meant_labels(text, known, letters_only)


def labels_of(targets: Sequence[str | Sequence[str]]) -> Labels:
    """What targets are made of, sorted: the characters of texts, or if one of them has white space in it, their words;
    of lists, their labels."""
    words = any(isinstance(target, str) and len(target.split()) > 1 for target in targets)
    parts = [target.split() if isinstance(target, str) and words else target for target in targets]
    return tuple(sorted({label for part in parts for label in part}))


def target_acceptor(targets: Sequence[Target], labels: Labels) -> Graph:
    """The acceptor of these answers, as a trie, so that each has one path; its table is `labels` and what they add."""
    table, trie, ends = _trie(targets, labels)
    arcs = sorted((tail, label, head) for (tail, label), head in trie.items())
    src, label, dst = (np.array(column, dtype=np.intp) for column in (zip(*arcs) if arcs else ((), (), ())))
    start, final = np.full(len(trie) + 1, np.inf), np.full(len(trie) + 1, np.inf)
    start[0] = 0.0
    final[ends] = 0.0
    return Graph(src, dst, label, label, np.zeros(len(src)), start, final, table)


def complement_acceptor(targets: Sequence[Target], labels: Labels, used: IntArray) -> Graph:
    """The acceptor of every sequence over the labels `used` (indices) that is none of the targets.

    Deterministic and complete: the trie of the targets, and one node for all that has left it.
    """
    table, trie, ends = _trie(targets, labels)
    inside = len(trie) + 1
    tails = np.repeat(np.arange(inside + 1), len(used))
    label = np.tile(used, inside + 1)
    heads = np.array([trie.get(pair, inside) for pair in zip(tails.tolist(), label.tolist())], dtype=np.intp)
    start, final = np.full(inside + 1, np.inf), np.zeros(inside + 1)
    start[0] = 0.0
    final[ends] = np.inf
    return Graph(tails, heads, label, label, np.zeros(len(tails)), start, final, table)


def _trie(targets: Sequence[Target], labels: Labels) -> tuple[Labels, dict[tuple[int, int], int], list[int]]:
    """The label table with the targets' own labels added, children by (node, label), and the nodes where one ends."""
    index = {label: position for position, label in enumerate(labels) if position}
    trie: dict[tuple[int, int], int] = {}
    ends = []
    for target in targets:
        node = 0
        for label in target:
            key = (node, index.setdefault(label, len(index) + 1))
            node = trie.setdefault(key, len(trie) + 1)
        ends.append(node)
    return ("", *index), trie, ends
