"""What OpenFst's binary files are made of: types of arcs, the header, and all that a file says, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lattice_cli.arrays import FloatArray, IntArray

MAGIC, SYMBOLS_MAGIC = 2125659606, 2125658996
HAS_ISYMBOLS, HAS_OSYMBOLS, IS_ALIGNED = 1, 2, 4


class ArcType(NamedTuple):
    """float: the type of the numbers of a weight. numbers: how many. strings: whether transition-ids go with them."""

    float: str
    numbers: int = 1
    strings: bool = False

    @property
    def weight(self) -> tuple[Any, ...]:
        """The weight as a field of a numpy record; one number as a row of one."""
        return ("weight", self.float, (self.numbers,))

    @property
    def arc(self) -> list[tuple[Any, ...]]:
        """An arc as the fields of a numpy record."""
        return [("ilabel", "<i4"), ("olabel", "<i4"), self.weight, ("next", "<i4")]


ARC_TYPES = {
    "standard": ArcType("<f4"),
    "log": ArcType("<f4"),
    "log64": ArcType("<f8"),
    "tropical64": ArcType("<f8"),
    "lattice4": ArcType("<f4", 2),
    "lattice8": ArcType("<f8", 2),
    "compactlattice44": ArcType("<f4", 2, True),
    "compactlattice84": ArcType("<f8", 2, True),
}


@dataclass(frozen=True)
class FstFile:
    """What a file holds.

    arc_type: a name of ARC_TYPES. start: the start state, -1 for none. src, dst: (arcs,) states. ilabel, olabel:
    (arcs,) numbers. weight: (arcs, 1 or 2); final: (states, 1 or 2), +inf for what is impossible. string, end_string:
    (arcs,) and (states,) places in `strings`, of transition-ids; place 0 is none. isymbols, osymbols: its tables.
    """

    arc_type: str
    start: int
    src: IntArray
    dst: IntArray
    ilabel: IntArray
    olabel: IntArray
    weight: FloatArray
    final: FloatArray
    string: IntArray
    end_string: IntArray
    strings: Sequence[str] = ("",)
    isymbols: dict[int, str] | None = None
    osymbols: dict[int, str] | None = None


class Header(NamedTuple):
    """The header of a file: its types, the start state (-1 for none), and how many states and arcs there are."""

    fst_type: str
    arc_type: str
    version: int
    flags: int
    properties: int
    start: int
    states: int
    arcs: int
