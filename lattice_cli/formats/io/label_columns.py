"""Labels as a text form can hold them: words without white space, numbers of a symbol table, or whole numbers."""

from __future__ import annotations

from collections.abc import Sequence

from lattice_cli.arrays import IntArray, distinct
from lattice_cli.formats.io.lossy import LARGEST_NUMBER, WHITE, LossyForm
from lattice_cli.formats.io.symbols import EPSILON_SYMBOL, Symbols, is_id
from lattice_cli.graph import EPSILON

_STAND_IN = "␣"


def texts(fitting: LossyForm, side: IntArray) -> list[str]:
    """(arcs,) labels as text without white space; epsilon is 0 where all labels are numbers, else <eps>."""
    labels, used = fitting.graph.labels, _used(side)
    numeric = all(is_id(labels[label]) for label in used)
    spelled = _spelled(fitting, used, reserved="0" if numeric else EPSILON_SYMBOL)
    numeric = all(map(is_id, spelled.values()))
    spelled[EPSILON] = "0" if numeric else EPSILON_SYMBOL
    return [spelled[label] for label in side.tolist()]


def numbers(fitting: LossyForm, side: IntArray, symbols: Symbols, epsilon: str) -> list[str]:
    """(arcs,) labels as their numbers in a symbol table, which takes up those that it does not have."""
    spelled = _spelled(fitting, _used(side), reserved=symbols.epsilon)
    numbers = {label: str(symbols.number(text)) for label, text in spelled.items()}
    numbers[EPSILON] = epsilon
    return [numbers[label] for label in side.tolist()]


def numbered(fitting: LossyForm, side: IntArray, least: int, epsilon: str, symbols: Symbols | None) -> list[str]:
    """(arcs,) labels by a symbol table; without one they have to be whole numbers."""
    if symbols is not None:
        return numbers(fitting, side, symbols, epsilon)
    return whole_numbers(fitting, side, least, epsilon, "; --write-symbols FILE keeps them")


def whole_numbers(fitting: LossyForm, side: IntArray, least: int, epsilon: str, remark: str = "") -> list[str]:
    """(arcs,) labels that are whole numbers from `least` on, as they are."""
    labels, used = fitting.graph.labels, _used(side)
    alien = [
        labels[label] for label in used if not (is_id(labels[label]) and least <= int(labels[label]) < LARGEST_NUMBER)
    ]
    if not alien:
        texts = {label: labels[label] for label in used}
        texts[EPSILON] = epsilon
        return [texts[label] for label in side.tolist()]
    fitting.lose(f"labels that are not whole numbers from {least} on, such as {alien[0]!r} (numbered{remark})")
    return [str(label) if label else epsilon for label in side.tolist()]


def _spelled(fitting: LossyForm, used: Sequence[int], reserved: str) -> dict[int, str]:
    """label -> text without white space, that is neither empty nor reserved; different for different labels."""
    labels = fitting.graph.labels
    bad = [label for label in used if not labels[label] or labels[label] == reserved or WHITE.search(labels[label])]
    spelled = {label: labels[label] for label in used}
    taken = set(labels)
    for label in bad:
        text = WHITE.sub(_STAND_IN, labels[label])
        while not text or text == reserved or text in taken:
            text += _STAND_IN
        taken.add(text)
        spelled[label] = text
        found = labels[label]
        kind = f"the label {found!r}, which stands for epsilon" if found == reserved else f"the label {found!r}"
        fitting.lose(f"{kind} (written {text})")
    return spelled


def _used(side: IntArray) -> list[int]:
    return [label for label in distinct(side).tolist() if label != EPSILON]
