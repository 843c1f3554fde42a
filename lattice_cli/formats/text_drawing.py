"""Small graphs drawn in text: nodes on a line, arcs as brackets over it, arcs that go back under it.

Nodes stand in topological order as far as there is one. Every arc has a row to itself where no other is in its way; the
arcs of the best path are drawn heavy.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from unicodedata import east_asian_width

from lattice_cli.errors import printable
from lattice_cli.formats.exchange import arc_labels
from lattice_cli.graph import Document, Graph

_LEFT, _RIGHT, _UP, _DOWN = 1, 2, 4, 8
_LIGHT = dict(zip((3, 12, 5, 6, 9, 10, 7, 11, 13, 14, 15, 1, 2, 4, 8), "─│╯╰╮╭┴┬┤├┼╴╶╵╷"))
_HEAVY = dict(zip((3, 12, 5, 6, 9, 10, 7, 11, 13, 14, 15, 1, 2, 4, 8), "━┃┛┗┓┏┻┳┫┣╋╸╺╹╻"))


@dataclass
class _Canvas:
    """Cells by (row, column): lines that meet there as bits, or a letter. Rows count up from the line of nodes."""

    lines: dict[tuple[int, int], int] = field(default_factory=dict)
    heavy: set[tuple[int, int]] = field(default_factory=set)
    letters: dict[tuple[int, int], str] = field(default_factory=dict)

    def stroke(self, cells: Sequence[tuple[int, int]], heavy: bool) -> None:
        """A line through neighbouring cells."""
        for one, other in pairwise(cells):
            bits = _towards(one, other)
            self.lines[one] = self.lines.get(one, 0) | bits[0]
            self.lines[other] = self.lines.get(other, 0) | bits[1]
        if heavy:
            self.heavy.update(cells)

    def write(self, row: int, column: int, text: str) -> None:
        """Letters from a column on; a wide one takes up two."""
        for letter in text:
            self.letters[row, column] = letter
            if _width(letter) == 2:
                self.letters[row, column + 1] = ""
            column += _width(letter)

    def text(self) -> str:
        """The rows from above, without white space behind them."""
        cells = {**self.lines, **self.letters}
        if not cells:
            return ""
        rows = [row for row, _ in cells]
        last = max(column for _, column in cells)
        drawn = [
            "".join(self._cell(row, column) for column in range(last + 1)).rstrip()
            for row in range(max(rows), min(rows) - 1, -1)
        ]
        return "".join(line + "\n" for line in drawn)

    def _cell(self, row: int, column: int) -> str:
        if (row, column) in self.letters:
            return self.letters[row, column]
        bits = self.lines.get((row, column), 0)
        return (_HEAVY if (row, column) in self.heavy else _LIGHT).get(bits, " ")


def _towards(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    if one[0] == other[0]:
        return (_RIGHT, _LEFT) if other[1] > one[1] else (_LEFT, _RIGHT)
    return (_UP, _DOWN) if other[0] > one[0] else (_DOWN, _UP)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def sketch(document: Document, best: Collection[int] = ()) -> str:
    """The drawing; `best`: arcs to be drawn heavy."""
    graph, labels = document.graph, arc_labels(document)
    order = _order(graph)
    place = {node: position for position, node in enumerate(order)}
    boxes = [_box(document, node) for node in range(graph.nodes)]
    ends = list(zip(graph.src.tolist(), graph.dst.tolist()))
    left, right = _columns(order, place, boxes, ends, labels)
    canvas = _Canvas()
    for node, box in enumerate(boxes):
        canvas.write(0, left[node], box)
    rows: dict[bool, list[list[tuple[int, int]]]] = {True: [], False: []}
    spans = [_span(place, left, right, tail, head) for tail, head in ends]
    # Short arcs stay close to the nodes, those of the best path closest.
    for arc in sorted(range(graph.arcs), key=lambda arc: (spans[arc][1] - spans[arc][0], arc not in best, arc)):
        tail, head = ends[arc]
        ahead = place[head] > place[tail]
        row = _free_row(rows[ahead], spans[arc]) * (1 if ahead else -1)
        _draw_arc(canvas, (right[tail], left[head]), row, labels[arc], arc in best)
    return canvas.text()


def _order(graph: Graph) -> list[int]:
    """Nodes, tails before heads; where a cycle forbids that, the first of those left."""
    waiting = dict.fromkeys(range(graph.nodes), 0)
    leaving: dict[int, list[int]] = {}
    for tail, head in zip(graph.src.tolist(), graph.dst.tolist()):
        if tail != head:
            waiting[head] += 1
            leaving.setdefault(tail, []).append(head)
    order: list[int] = []
    reached: set[int] = set()
    while waiting:
        free = [node for node, count in waiting.items() if count == 0]
        started = [node for node in graph.starts.tolist() if node in waiting]
        # On a cycle the first that can be reached by now, else a start.
        node = [*free, *(node for node in waiting if node in reached), *started, *waiting][0]
        del waiting[node]
        order.append(node)
        reached.update(leaving.get(node, []))
        for head in leaving.get(node, []):
            if head in waiting:
                waiting[head] -= 1
    return order


def _box(document: Document, node: int) -> str:
    """A node as it stands on the line: (name), ▸ before a start, ((name)) for an end, energies that are not 0."""
    start, final = float(document.graph.start[node]), float(document.graph.final[node])
    name = printable(str(document.names[node]))
    box = f"({name})" if math.isinf(final) else f"(({name}))"
    before = "" if math.isinf(start) else "▸" if start == 0 else f"{start:.4g}▸"
    behind = "" if math.isinf(final) or final == 0 else f"◂{final:.4g}"
    return f"{before}{box}{behind}"


def _columns(
    order: Sequence[int],
    place: dict[int, int],
    boxes: Sequence[str],
    ends: Sequence[tuple[int, int]],
    labels: Sequence[str],
) -> tuple[dict[int, int], dict[int, int]]:
    """The columns where each node begins and ends: far enough from the others for the labels of its arcs."""
    left: dict[int, int] = {}
    right: dict[int, int] = {}
    at = 0
    for node in order:
        column, widest = at, max(2, _width(boxes[node]))
        for (tail, head), label in zip(ends, labels):
            room = _width(label) + 4
            if head == node and tail in right:
                column = max(column, right[tail] + room)
            if tail == node and head in left:
                column = max(column, left[head] + room - widest)
            if tail == head == node:
                widest = max(widest, room)
        left[node], right[node] = column, column + widest - 1
        at = column + widest + 2
    return left, right


def _span(place: dict[int, int], left: dict[int, int], right: dict[int, int], tail: int, head: int) -> tuple[int, int]:
    return (right[tail], left[head]) if place[head] > place[tail] else (left[head], right[tail])


def _free_row(rows: list[list[tuple[int, int]]], span: tuple[int, int]) -> int:
    """The row, counted from 2, nearest to the nodes in which nothing overlaps the span."""
    for number, taken in enumerate(rows):
        if all(span[1] < begin or span[0] > end for begin, end in taken):
            taken.append(span)
            return number + 2
    rows.append([span])
    return len(rows) + 1


def _draw_arc(canvas: _Canvas, columns: tuple[int, int], row: int, label: str, heavy: bool) -> None:
    """From the right end of the tail up (or down) to the row, along it, and to the left end of the head."""
    begin, end = columns
    step = 1 if row > 0 else -1
    rise = [(height, begin) for height in range(step, row, step)]
    low, high = min(begin, end), max(begin, end)
    along = [(row, column) for column in range(low, high + 1)]
    along = along if begin < end else along[::-1]
    fall = [(height, end) for height in range(row - step, step, -step)]
    canvas.stroke([*rise, *along, *fall], heavy)
    canvas.letters[step, end] = "▼" if step > 0 else "▲"
    canvas.lines.setdefault((2 * step, end), 0)
    canvas.lines[2 * step, end] |= _DOWN if step > 0 else _UP
    room = high - low - 1 - _width(label)
    canvas.write(row, low + 1 + room // 2, label)
