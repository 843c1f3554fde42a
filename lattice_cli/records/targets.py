"""Targets: what the user writes as the correct answer."""

from __future__ import annotations

from collections.abc import Sequence

from lattice_cli.grammars import spelling_of
from lattice_cli.graph import Graph, Labels, Reference, Target, TargetGraph, Targets, last_of, right_answers_of


def target_labels(text: str | Sequence[str], labels: Labels, split: str = "auto") -> Target:
    """The labels that a target means over a label table. split: how a text becomes labels, see grammars.Spelling.

    A sequence is taken as it is. Of itself a text whose characters are labels, white space included, is characters, and
    so is one without white space where all labels are characters; any other is split at white space.
    """
    if not isinstance(text, str):
        return tuple(text)
    known = frozenset(labels[1:])
    spelling = spelling_of(known, split)
    if split == "auto" and (all(letter in known for letter in text) or (spelling.kind == "characters" and known)):
        words = tuple(text.split())
        return tuple(text) if words == (text,) or known.issuperset(text) else words
    return spelling.labels(text)


def targets_of(reference: Reference, labels: Labels, split: str = "auto") -> tuple[Target, ...] | TargetGraph:
    """The right answers of a record over a label table, each once; a lattice is as it is. See `target_labels`."""
    right = last_of(reference)
    if isinstance(right, TargetGraph):
        return right
    return tuple(dict.fromkeys(target_labels(each, labels, split) for each in right_answers_of(right)))


def acceptors_of(targets: Targets) -> list[Target | Graph]:
    """What the nearest right answer is looked for in: each of them, or all at once as an acceptor."""
    return [targets.acceptor] if isinstance(targets, TargetGraph) else [*targets]


def labels_of(targets: Sequence[str | Sequence[str]]) -> Labels:
    """What targets are made of, sorted: the characters of texts, or if one of them has white space in it, their words;
    of lists, their labels."""
    words = any(isinstance(target, str) and len(target.split()) > 1 for target in targets)
    parts = [target.split() if isinstance(target, str) and words else target for target in targets]
    return tuple(sorted({label for part in parts for label in part}))
