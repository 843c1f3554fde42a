"""Lattices from Python: the engine of the commands, arrays in and arrays out.

Each function asks one question of one record. Energies are costs in nats, posteriors and gradients are (arcs,) arrays
in the order of the record's own arcs. `lattice_cli` has these names, and loads what they need when they are used.

    import lattice_cli as lattice

    document = lattice.read("samples/lecture-34.json")
    best = lattice.viterbi(document, n=3)
    print(best[0].output, best[0].energy)
    print(lattice.forward(document, beta=2.0).gradient)
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.composition import Composition
from lattice_cli.composition import compose as composed
from lattice_cli.errors import Diverged, LatticeError, UsageError
from lattice_cli.formats import read_one, read_records, write_documents
from lattice_cli.formats.io import Failure, Pause, ReadOptions, fresh_notes
from lattice_cli.formats.matrices.emission import matrix_document
from lattice_cli.formats.matrices.units import UNITS
from lattice_cli.graph import Document, Graph
from lattice_cli.learning.losses import LOSSES, LossFailure, LossResult, Settings, evaluate
from lattice_cli.records import Decoded, Decoder, Draws, SearchRequest, decode, posteriors
from lattice_cli.records.draws import draws
from lattice_cli.sweep import Statistics

Found = TypeVar("Found")
#: A graph, or a record that has one.
Lattice: TypeAlias = Graph | Document
PathName: TypeAlias = "str | os.PathLike[str]"


@dataclass(frozen=True)
class Sums:
    """What a sum over all paths of a record tells. statistics: free energy, least and expected energy, entropy (nats)
    and variance. gradient: (arcs,) dF / de of every arc: its posterior."""

    statistics: Statistics
    gradient: FloatArray

    @property
    def free_energy(self) -> float:
        """F = -(1 / beta) log sum exp(-beta E), nats."""
        return self.statistics.free_energy


def read(path: PathName, **options: object) -> Document:
    """The one record of a file ("-": standard input), whatever its form. options: those of ReadOptions.

    What readers note, such as fields that are not read, is a warning. Raises FormatError if it is bad, or if there are
    several.
    """
    with _warnings():
        return read_one(os.fspath(path), ReadOptions(**options))  # type: ignore[arg-type]


def read_all(path: PathName, **options: object) -> list[Document]:
    """The records of a file, in order. Raises FormatError for the first that is bad."""
    found: list[Document] = []
    with _warnings():
        for record in read_records(os.fspath(path), ReadOptions(**options)):  # type: ignore[arg-type]
            if isinstance(record, Failure):
                raise record.error
            if not isinstance(record, Pause):
                found.append(record)
    return found


def matrix(numbers: FloatArray, labels: Sequence[str], *, units: str = "energies") -> Document:
    """A record of (T, C) numbers, a row a step; energies is its graph's, row by row.

    labels: one for each column. units: what the numbers are, a key of formats.matrices.UNITS: energies, logp, log10,
    prob, logits; rows that look like something else are a warning. Raises FormatError for NaN, UsageError for the wrong
    number of labels or another name of units.
    """
    numbers = np.asarray(numbers, dtype=np.float64)
    if units not in UNITS:
        raise UsageError(f"no units are called {units!r}, expected one of {', '.join(UNITS)}")
    if numbers.ndim != 2 or numbers.shape[1] != len(labels):
        raise UsageError(f"a matrix of shape {numbers.shape} and {len(labels)} labels, expected (T, {len(labels)})")
    with _warnings():
        return matrix_document(numbers, labels, "matrix", "matrix", ReadOptions(units=units))


def write(path: PathName, *records: Lattice) -> None:
    """Write records to a file, whole or not at all, in the form that its name asks for. Raises UsageError, FormatError
    for what the form cannot hold or where it cannot be written."""
    write_documents(os.fspath(path), [_document(record) for record in records])


def compose(left: Lattice, right: Lattice) -> Composition:
    """The interpretation graph: outputs of the left against inputs of the right, with the arc of each side that every
    one of its arcs comes from, by which gradients are carried back."""
    return composed(_document(left).graph, _document(right).graph)


def viterbi(
    record: Lattice,
    grammar: Lattice | None = None,
    *,
    n: int = 1,
    distinct: bool = False,
    ctc: str | None = None,
) -> list[Decoded]:
    """The n best paths, or distinct answers, best first; fewer where there are no more.

    ctc: the blank, to read the labels as CTC. Raises NoPath, Diverged.
    """
    (found,) = decode([_document(record)], _decoder(grammar, ctc), SearchRequest(n, distinct))
    return _found(found).paths


def forward(record: Lattice, grammar: Lattice | None = None, *, beta: float = 1.0, ctc: str | None = None) -> Sums:
    """The free energy of all paths and its gradient by every arc of the record; beta > 0 in 1/nats.

    Raises NoPath, and Diverged where the sum has no finite value.
    """
    (found,) = posteriors.forward([_document(record)], [beta], _decoder(grammar, ctc), arcs=True)
    (sums,) = _found(found)
    assert not isinstance(sums, Diverged), "at one beta it is raised"
    assert sums.gradient is not None, "arcs were asked for"
    return Sums(sums.statistics, sums.gradient)


def loss(
    record: Lattice,
    target: str | Sequence[str] | None = None,
    name: str = "nll",
    grammar: Lattice | None = None,
    *,
    settings: Settings | None = None,
    ctc: str | None = None,
    latent: str | None = None,
) -> LossResult:
    """A loss of the record for a correct answer: its value, the energies it is made of, and (arcs,) `gradient`.

    target: a text, or labels; None: the record's own. name: one of LOSSES. latent: viterbi or forward, how the energy
    of an answer with several paths is taken; None: as the loss has it. Raises NoPath if the target is not in the graph,
    Diverged, UsageError for another name.
    """
    if name not in LOSSES:
        raise UsageError(f"no loss is called {name!r}, expected one of {', '.join(LOSSES)}")
    document = _document(record)
    if target is not None:
        document = replace(document, target=target if isinstance(target, str) else tuple(target))
    chosen = [LOSSES[name]]
    (found,) = evaluate([document], chosen, settings or Settings(), None, _decoder(grammar, ctc), latent=latent)
    (result,) = _found(found)
    if isinstance(result, LossFailure):
        raise result.error
    return result


def sample(record: Lattice, n: int = 1, *, beta: float = 1.0, rng: np.random.Generator | None = None) -> Draws:
    """n paths drawn from exp(-beta (E - F)), exactly and independently, with their log-probabilities.

    rng: None for one with seed 0. Raises NoPath, Diverged.
    """
    interpretation = Decoder().interpret(_document(record))
    return _found(draws(interpretation, n, beta, rng or np.random.default_rng(0), "recognition"))


@contextmanager
def _warnings() -> Iterator[None]:
    """Notes of readers in here, as warnings of the line that reads."""
    fresh_notes()
    try:
        yield
    finally:
        for source, text in fresh_notes():
            warnings.warn(f"{source}: {text}", stacklevel=4)


def _document(record: Lattice) -> Document:
    return record if isinstance(record, Document) else Document(record, "graph", "graph", range(record.nodes))


def _decoder(grammar: Lattice | None, ctc: str | None) -> Decoder:
    return Decoder(None if grammar is None else _document(grammar), ctc)


def _found(result: Found | LatticeError) -> Found:
    """A result; an error that stands in its place is raised."""
    if isinstance(result, LatticeError):
        raise result
    return result
