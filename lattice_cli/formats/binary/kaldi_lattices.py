"""Kaldi's lattices written in binary: records of an archive, each a key and a VectorFst.

Costs are float32 where all of them are one, as in Kaldi's own files; else float64 (`lattice8`, `compactlattice84`),
which Kaldi reads as well, and rounds. Source: WriteLattice and WriteCompactLattice in Kaldi's lat/kaldi-lattice.cc.
"""

from __future__ import annotations

import numpy as np

from lattice_cli.arrays import FloatArray, IntArray
from lattice_cli.formats.binary.fst_types import FstFile
from lattice_cli.formats.binary.fst_writer import fst_bytes
from lattice_cli.formats.exchange.kaldi_writer import FittedLattice, fitted_lattice
from lattice_cli.formats.io import WriteOptions, Written
from lattice_cli.formats.io.lossy import LARGEST_NUMBER
from lattice_cli.graph import Document

_TYPES = {(True, True): "lattice4", (True, False): "lattice8", (False, True): "compactlattice44"}


def write_kaldi_binary(document: Document, options: WriteOptions) -> Written:
    """A record of a binary archive: a Lattice where inputs are transition-ids, else a CompactLattice."""
    lattice = fitted_lattice(document, options, dense=True)
    record = lattice.key.encode() + b" " + fst_bytes(_fst(lattice))
    return Written(record, tuple(lattice.fitting.losses))


def _fst(lattice: FittedLattice) -> FstFile:
    """The automaton: arcs into the node that stands for final weights are final weights."""
    graph, fitting = lattice.fitting.graph, lattice.fitting
    kept = np.arange(graph.nodes) != lattice.final
    state: IntArray = np.cumsum(kept) - 1
    into = graph.dst == lattice.final
    energy = graph.final[kept]
    final: FloatArray = np.stack([energy, np.where(np.isfinite(energy), 0.0, np.inf)], axis=1)
    ending = state[graph.src[into]]
    final[ending] = lattice.costs[into]
    words = np.array([int(word) for word in lattice.words], dtype=np.intp)[~into]
    places: dict[str, int] = {"": 0}
    if lattice.plain:
        inputs, string = _numbers(lattice.inputs)[~into], np.zeros(0, dtype=np.intp)
        end_string = string
    else:
        inputs = words
        strings: IntArray = np.array([places.setdefault(text, len(places)) for text in lattice.inputs], dtype=np.intp)
        end_string = np.zeros(len(final), dtype=np.intp)
        string, end_string[ending] = strings[~into], strings[into]
    too_large = next((text for text in places if text and max(map(int, text.split("_"))) >= LARGEST_NUMBER), None)
    if too_large is not None:
        raise fitting.refuse(f"transition-ids are {too_large}, expected numbers below {LARGEST_NUMBER}")
    costs = lattice.costs[~into]
    with np.errstate(over="ignore", under="ignore"):
        single = all(np.array_equal(part.astype(np.float32), part) for part in (costs, final))
    return FstFile(
        _TYPES.get((lattice.plain, single), "compactlattice84"),
        int(state[graph.starts[0]]) if graph.nodes else -1,
        state[graph.src[~into]],
        state[graph.dst[~into]],
        inputs,
        words,
        costs,
        final,
        string,
        end_string,
        list(places),
    )


def _numbers(texts: list[str]) -> IntArray:
    return np.array([int(text) for text in texts], dtype=np.intp)
