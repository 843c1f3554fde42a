"""What a drawing shows of a record: the graph of one side, its best paths, the posterior of every arc, and the path
nearest to a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import Diverged, LatticeError, NoPath, UsageError
from lattice_cli.graph import Document, Graph
from lattice_cli.records import (
    Decoded,
    Decoder,
    SearchRequest,
    acceptors_of,
    decode,
    decoded,
    forward,
    output_of,
    targets_of,
)
from lattice_cli.search import nearest_answer, oracle


@dataclass(frozen=True, eq=False)
class Nearest:
    """The path whose output has the fewest errors against a reference, of those the one of least energy.

    wanted: the labels of the reference. errors: 0 if the graph has it."""

    wanted: tuple[str, ...]
    errors: int
    path: Decoded


@dataclass(frozen=True, eq=False)
class Picture:
    """document: the graph to be drawn, with its named scores where they are of its arcs. best: its best path, None if
    there is none. posterior: (arcs,) how likely each arc is at the beta that was asked for, None where there is no path
    or their sum diverges; why: the reason. paths: the best ones. free_energy: of all, nats, None as for the posterior.
    nearest: to the reference, None where there is none, or it cannot be found; unfound: the reason."""

    document: Document
    best: Decoded | None
    posterior: FloatArray | None
    why: str = ""
    paths: Sequence[Decoded] = ()
    free_energy: float | None = None
    nearest: Nearest | None = None
    unfound: str = ""


def picture(
    document: Document, beta: float, decoder: Decoder, of: str = "recognition", request: SearchRequest | None = None
) -> Picture:
    """The picture of a record. request: how many paths. Raises UsageError."""
    interpretation = decoder.interpret(document)
    side = interpretation.side(of)
    scores = document.scores if side.graph is document.graph else {}
    drawn = replace(document, graph=side.graph, names=side.names, times=side.times, scores=scores, scales={})
    try:
        (found,) = decode([document], decoder, request, of=of)
        if isinstance(found, NoPath):
            return Picture(drawn, None, None, str(found))
    except Diverged as error:
        return Picture(drawn, None, None, str(error.at(document.names)))
    best, paths = found.paths[0], found.paths
    try:
        (sums,) = forward([document], [beta], decoder, arcs=True, of=of)
    except Diverged as error:
        return Picture(drawn, best, None, str(error.at(document.names)), paths)
    assert not isinstance(sums, NoPath), "there is a best path"
    (summed,) = sums
    assert not isinstance(summed, Diverged), "of one beta that is raised"
    return Picture(drawn, best, summed.posterior, paths=paths, free_energy=summed.statistics.free_energy)


def with_reference(found: Picture, document: Document, decoder: Decoder, of: str = "recognition") -> Picture:
    """The picture of a record and the path nearest to its target, if it has one."""
    if document.target is None or found.best is None:
        return found
    interpretation = decoder.interpret(document)
    outputs = ("", *sorted(interpretation.outputs))
    try:
        every = acceptors_of(targets_of(document.target, outputs, document.split))
        near = [(each, wanted) for wanted in every if (each := oracle(interpretation.graph, wanted)) is not None]
        nearest, right = min(near, key=lambda each: (each[0].errors, each[0].path.energy))
        said = output_of(interpretation.graph, nearest.path)
        wanted = nearest_answer(right, said) if isinstance(right, Graph) else right
    except (Diverged, UsageError) as error:
        return replace(found, unfound=_told(error, document))
    (path,) = decoded(interpretation, [nearest.path], of)
    return replace(found, nearest=Nearest(wanted, nearest.errors, path))


def _told(error: LatticeError, document: Document) -> str:
    return str(error.at(document.names)) if isinstance(error, Diverged) else str(error)
