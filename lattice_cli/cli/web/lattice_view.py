"""Lattices as a page to be looked at. What is computed is computed here; lattice.js shows it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from lattice_cli.analysis import Picture, has_times, places
from lattice_cli.cli.web.page import data, page, text
from lattice_cli.graph import EPSILON
from lattice_cli.records import Decoded


def lattice_data(found: Picture, beta: float) -> str:
    """One lattice as the JSON that the page reads: columns of nodes and arcs, where they stand, and its best paths."""
    return data(_record(found, beta))


def lattice_page(lattices: Sequence[tuple[str, str]]) -> str:
    """The page of lattices: (id, JSON) of each; with several there is a choice."""
    options = "".join(f'<option value="{number}">{text(name)}</option>' for number, (name, _) in enumerate(lattices))
    parts = [
        f'<script type="application/json" id="lattice-{number}">{found}</script>'
        for number, (_, found) in enumerate(lattices)
    ]
    frame = files(__package__).joinpath("lattice.html").read_text(encoding="utf-8")
    title = lattices[0][0] if len(lattices) == 1 else f"{len(lattices)} lattices"
    body = frame.replace("<!-- lattices -->", options).replace("<!-- data -->", "\n".join(parts))
    return page(title, body, ("page.css", "lattice.css"), "lattice.js")


def _record(found: Picture, beta: float) -> dict[str, Any]:
    document, graph = found.document, found.document.graph
    weight = np.zeros(graph.arcs) if found.posterior is None else found.posterior
    timed = has_times(document.times)
    where = places(graph, document.times, weight, found.best.arcs if found.best else ())
    times = None if document.times is None else _known(document.times.tolist())
    return {
        "id": document.id,
        "source": document.source,
        "beta": beta,
        "timed": timed,
        "why": found.why,
        "unfound": found.unfound,
        "free_energy": found.free_energy,
        "nodes": {
            "name": [str(name) for name in document.names],
            "start": _known(graph.start.tolist()),
            "final": _known(graph.final.tolist()),
            "time": times,
            "column": where.column.tolist(),
            "lane": where.lane.tolist(),
        },
        "labels": [None, *graph.labels[EPSILON + 1 :]],
        "arcs": {
            "from": graph.src.tolist(),
            "to": graph.dst.tolist(),
            "input": graph.ilabel.tolist(),
            "output": graph.olabel.tolist(),
            "energy": graph.energy.tolist(),
            "posterior": None if found.posterior is None else found.posterior.tolist(),
            "scores": {name: column.tolist() for name, column in document.scores.items()},
            "lane": where.arc_lane.tolist(),
        },
        "paths": [_path(path, found.free_energy, beta) for path in found.paths],
        "reference": None
        if found.nearest is None
        else {
            "wanted": list(found.nearest.wanted),
            "errors": found.nearest.errors,
            **_path(found.nearest.path, found.free_energy, beta),
        },
    }


def _path(path: Decoded, free_energy: float | None, beta: float) -> dict[str, Any]:
    """A path. Its posterior is exp(-beta (E - F))."""
    share = None if free_energy is None else math.exp(min(0.0, beta * (free_energy - path.energy)))
    return {
        "energy": path.energy,
        "posterior": share,
        "text": path.text,
        "output": path.output,
        "arcs": path.arcs,
    }


def _known(column: list[float]) -> list[float | None]:
    """A column with None for what is not finite: JSON has no other word for it."""
    return [value if math.isfinite(value) else None for value in column]
