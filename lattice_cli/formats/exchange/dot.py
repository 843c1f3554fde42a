"""Graphs in DOT, Graphviz's language, for pictures; it is written, and not read."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lattice_cli.errors import printable
from lattice_cli.formats.io import WriteOptions, Written
from lattice_cli.graph import EPSILON, Document, Labels

_DIGITS = 6


def write_dot(document: Document, options: WriteOptions) -> Written:
    """A digraph of one document. Nothing counts as lost: a picture is not read back."""
    return Written(dot_text(document).encode())


def dot_text(document: Document, arcs: Sequence[str] = (), nodes: Sequence[str] = ()) -> str:
    """The digraph; `arcs` and `nodes` give further attributes for each of them."""
    graph, names = document.graph, document.names
    lines = [f"digraph {_quoted(document.id)} {{", "  rankdir=LR;", "  node [shape=circle];"]
    for node, name in enumerate(names):
        given = nodes[node] if nodes else ""
        start, final = float(graph.start[node]), float(graph.final[node])
        label = f"{name}{_end('▸', start)}{_end('◂', final)}"
        shape = "" if math.isinf(final) else " shape=doublecircle"
        bold = "" if math.isinf(start) else " style=bold"
        time = "" if document.times is None else _time(float(document.times[node]))
        lines.append(f"  n{node} [label={_quoted(label)}{shape}{bold}{time}{given}];")
    columns = zip(graph.src.tolist(), graph.dst.tolist(), arc_labels(document))
    for arc, (tail, head, label) in enumerate(columns):
        lines.append(f"  n{tail} -> n{head} [label={_quoted(label)}{arcs[arc] if arcs else ''}];")
    return "\n".join([*lines, "}", ""])


def arc_labels(document: Document) -> list[str]:
    """(arcs,) what is written on each arc: label/energy, or input:output/energy."""
    graph = document.graph
    columns = zip(graph.ilabel.tolist(), graph.olabel.tolist(), graph.energy.tolist())
    return [f"{_label(one, other, graph.labels)}/{energy:.{_DIGITS}g}" for one, other, energy in columns]


def _label(one: int, other: int, labels: Labels) -> str:
    shown = ["ε" if label == EPSILON else printable(labels[label]) for label in (one, other)]
    return shown[0] if one == other else ":".join(shown)


def _end(mark: str, energy: float) -> str:
    return "" if math.isinf(energy) or energy == 0 else f"\n{mark} {energy:.{_DIGITS}g}"


def _time(time: float) -> str:
    return "" if math.isnan(time) else f' xlabel="{time:.{_DIGITS}g} s"'


def _quoted(text: str) -> str:
    """A string of DOT, whose backslash would begin an escape, and whose & a reference of HTML: Graphviz reads both."""
    lines = [
        printable(line).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') for line in text.split("\n")
    ]
    return '"' + "\\n".join(lines) + '"'
