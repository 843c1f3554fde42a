"""Emissions of several records with a grammar of any shape."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from lattice_cli.graph import Graph
from support.strategies import LABELS, graphs, small

CLASSES = len(LABELS) - 1


Problem = tuple[np.ndarray, np.ndarray, Graph]


@st.composite
def problems(draw: st.DrawFn, energies: st.SearchStrategy[float] = small) -> Problem:
    """Emissions of a few records, their lengths, and a grammar of any shape without input epsilons."""
    lengths = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    numbers = draw(st.lists(energies, min_size=sum(lengths) * CLASSES, max_size=sum(lengths) * CLASSES))
    grammar = draw(graphs(energies=energies, cyclic=True, labels=LABELS, max_nodes=4, max_arcs=14))
    keep = grammar.ilabel != 0
    grammar = Graph(
        *(getattr(grammar, name)[keep] for name in ("src", "dst", "ilabel", "olabel", "energy")),
        grammar.start,
        grammar.final,
        LABELS,
    )
    return np.array(numbers).reshape(-1, CLASSES), np.array(lengths, dtype=np.intp), grammar
