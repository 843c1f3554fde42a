"""What a drawing shows of a record: the graph of one side, its best path, and the posterior of every arc."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import Diverged, NoPath
from lattice_cli.graph import Document
from lattice_cli.records import Decoded, Decoder, decode, forward


@dataclass(frozen=True, eq=False)
class Picture:
    """document: the graph to be drawn. best: its best path, None if there is none. posterior: (arcs,) how likely each
    arc is at the beta that was asked for, None where there is no path or their sum diverges; why: the reason."""

    document: Document
    best: Decoded | None
    posterior: FloatArray | None
    why: str = ""


def picture(document: Document, beta: float, decoder: Decoder, of: str = "recognition") -> Picture:
    """The picture of a record. Raises UsageError."""
    side = decoder.interpret(document).side(of)
    drawn = replace(document, graph=side.graph, names=side.names, times=side.times, scores={}, scales={})
    try:
        (best,) = decode([document], decoder, of=of)
        if isinstance(best, NoPath):
            return Picture(drawn, None, None, str(best))
    except Diverged as error:
        return Picture(drawn, None, None, str(error.at(document.names)))
    try:
        (found,) = forward([document], [beta], decoder, arcs=True, of=of)
    except Diverged as error:
        return Picture(drawn, best.paths[0], None, str(error.at(document.names)))
    assert not isinstance(found, NoPath), "there is a best path"
    return Picture(drawn, best.paths[0], found[0].gradient)
