"""Targets: what the user writes as the correct answer, and the acceptors of it and of everything else."""

from __future__ import annotations

from collections.abc import Sequence, Set

from lattice_cli.graph import Labels, Target


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
