"""Scales for all lattices, and how well scales do on lattices that they were not tuned on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.learning.tuning.scale_search import ScaleSearch, Tuned
from lattice_cli.learning.tuning.scaled_lattices import ScaledLattices


@dataclass(frozen=True, eq=False)
class Fold:
    """Lattices that are held out: scales were tuned on the others. places: (held out,) which they are. others: errors
    of the others with the scales that were given, before they were tuned. errors: (held out,) with the tuned scales."""

    name: str
    places: IntArray
    others: int
    tuned: Tuned
    errors: IntArray


@dataclass(frozen=True, eq=False)
class Tuning:
    """words: (lattices,) of the references. delivered, errors: (lattices,) errors with the scales that were given, and
    with those that were tuned on all lattices, `tuned`."""

    words: IntArray
    delivered: IntArray
    tuned: Tuned
    errors: IntArray
    folds: Sequence[Fold]


def tune(
    lattices: ScaledLattices, start: FloatArray, search: ScaleSearch, held_out: Mapping[str, Sequence[int]]
) -> Tuning:
    """The scales with the fewest errors, and those that each group of lattices, places by its name, is tried with.

    start: (scores,) the scales as they were given.
    """
    every = np.arange(len(lattices.lattices))
    delivered = lattices.errors(start)
    found = []
    for name, members in held_out.items():
        places = np.array(members, dtype=np.intp)
        others = np.setdiff1d(every, places)
        tuned = search.best(others)
        found.append(
            Fold(name, places, int(delivered[others].sum()), tuned, lattices.some(places).errors(tuned.scales))
        )
    tuned = search.best(every)
    words = np.array([len(each.reference) for each in lattices.lattices], dtype=np.intp)
    return Tuning(words, delivered, tuned, lattices.errors(tuned.scales), found)
