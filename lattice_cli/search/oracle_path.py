"""How close the paths of a graph come to a reference: the path of fewest errors, the lattice oracle.

The graph is walked together with the edit transducer of the reference (Mohri 2003, "Edit-distance of weighted
automata"): a node of the product is a node of the graph and a place in the reference. It is swept twice with the hard
minimum, for the errors and then, on the arcs that are on a path of fewest errors, for the energy. So the order of the
two is exact: no weight stands in for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lattice_cli.arrays import NO_INDICES, FloatArray, IntArray
from lattice_cli.errors import UsageError
from lattice_cli.graph import EPSILON, Graph, label_index, union
from lattice_cli.search.best_path import Path, best_paths, path_energy, require_single
from lattice_cli.sweep import TROPICAL, relocated, sweep

#: The product is built in memory, at about 200 bytes an arc.
MOST_ARCS = 20_000_000
#: Products are swept together up to this many arcs.
_UNION_ARCS = 200_000


@dataclass(frozen=True)
class Oracle:
    """A path whose output has the fewest errors against a reference; of those paths the one of least energy."""

    errors: int
    path: Path


def oracle(graph: Graph, reference: Sequence[str]) -> Oracle | None:
    """The path of a graph that is closest to a reference in edit distance; None if the graph has no path.

    Epsilon outputs cost nothing. Ties of errors and energy are broken the same way every time. Raises Diverged where a
    cycle of negative energy, at no error, leaves no least energy among the paths of fewest errors, GraphError for a
    union, and UsageError if graph and reference together are too large.
    """
    with relocated(np.repeat(np.arange(graph.nodes), len(reference) + 1)):
        return oracles([graph], [reference])[0]


def oracles(graphs: Sequence[Graph], references: Sequence[Sequence[str]]) -> list[Oracle | None]:
    """The same for many graphs, each with its own reference; small ones are swept together.

    A divergence is raised with nodes of the products: ask graph by graph for those of the graph.
    """
    found: list[Oracle | None] = []
    waiting: list[_Product] = []
    arcs = 0
    for graph, reference in zip(graphs, references):
        require_single(graph)
        waiting.append(_product(graph, reference))
        arcs += waiting[-1].walked.arcs
        if arcs >= _UNION_ARCS:
            found += _closest_paths(waiting)
            waiting, arcs = [], 0
    return found + _closest_paths(waiting)


@dataclass(frozen=True, eq=False)
class _Product:
    """A graph walked together with a reference. walked: the product, its energies the errors; node * places + place is
    a node with so many labels of the reference behind it. owner: (arcs,) the graph's arc of each; -1 for a deletion."""

    graph: Graph
    places: int
    walked: Graph
    owner: IntArray

    def path(self, arcs: tuple[int, ...], start: int) -> Path:
        """The path of the graph that these arcs of the product, from node `start` of it on, come from."""
        owner = self.owner[np.array(arcs, dtype=np.intp)]
        taken = owner[owner >= 0]
        own_arcs, nodes = tuple(taken.tolist()), (start // self.places, *self.graph.dst[taken].tolist())
        return Path(path_energy(self.graph, own_arcs, nodes), own_arcs, nodes)


def _closest_paths(products: Sequence[_Product]) -> list[Oracle | None]:
    """The oracle of each product, by sweeps over all of them side by side."""
    if not products:
        return []
    errors, closest, kept = _fewest_errors(union([product.walked for product in products]))
    energy = np.concatenate([np.append(product.graph.energy, 0.0)[product.owner] for product in products])
    start = np.concatenate([np.repeat(product.graph.start, product.places) for product in products])
    final = np.concatenate([np.repeat(product.graph.final, product.places) for product in products])
    # Places that no path of fewest errors begins or ends at stay none; the others cost what they do in the graph.
    start[np.isinf(closest.start)] = np.inf
    final[np.isinf(closest.final)] = np.inf
    paths = best_paths(replace(closest, energy=energy[kept], start=start, final=final))
    first = np.concatenate([[0], np.cumsum([product.walked.arcs for product in products])])
    found: list[Oracle | None] = []
    for member, (product, path) in enumerate(zip(products, paths)):
        if path is None:
            found.append(None)
            continue
        arcs = kept[closest.arc_offsets[member] + np.array(path.arcs, dtype=np.intp)] - first[member]
        found.append(Oracle(int(errors[member]), product.path(tuple(arcs.tolist()), path.nodes[0])))
    return found


def _fewest_errors(walked: Graph) -> tuple[FloatArray, Graph, IntArray]:
    """(graphs,) the least energy of each member, the graph of all paths that have it, and which arcs these are.

    Energies are whole numbers of errors, so equality is exact. An arc that makes the least of its head from the least
    of its tail is kept: along any path of such arcs, from a start node, errors are the least of its last node.
    """
    swept = sweep(walked, TROPICAL)
    alpha, least = swept.node_totals, swept.totals
    arrives = alpha[walked.src] + walked.energy == alpha[walked.dst]
    kept = np.flatnonzero(arrives & np.isfinite(alpha[walked.dst]))
    closest = Graph(
        walked.src[kept],
        walked.dst[kept],
        walked.ilabel[kept],
        walked.olabel[kept],
        walked.energy[kept],
        walked.start,
        np.where(alpha == least[walked.graph_of_node], walked.final, np.inf),
        walked.labels,
        walked.node_offsets,
        np.searchsorted(kept, walked.arc_offsets),
    )
    return least, closest, kept


def _product(graph: Graph, reference: Sequence[str]) -> _Product:
    """The graph walked together with a reference.

    Of parallel arcs only the cheapest that says anything may be wrong: which label is wrong does not matter, and an arc
    that is right is never better taken as a wrong one.
    """
    places, size = len(reference) + 1, graph.nodes * (len(reference) + 1)
    silent, speaking = np.flatnonzero(graph.olabel == EPSILON), np.flatnonzero(graph.olabel != EPSILON)
    wrong = _cheapest(graph, speaking)
    at_any, before_any = np.arange(places), np.arange(places - 1)
    right = _right(graph, speaking, reference)
    arcs = (len(silent) + len(wrong)) * places + (len(wrong) + graph.nodes) * (places - 1) + len(right[0])
    if arcs > MOST_ARCS:
        what = f"{graph.arcs} arcs and a reference of {len(reference)} labels"
        raise UsageError(f"the oracle of {what} takes {arcs} arcs together, more than {MOST_ARCS}")
    # (arc, place before it), how many places it moves on, its errors; a deletion belongs to a node and to no arc.
    kinds: list[tuple[tuple[IntArray, IntArray], int, float]] = [
        (_pairs(silent, at_any), 0, 0.0),
        (_pairs(wrong, at_any), 0, 1.0),
        (_pairs(wrong, before_any), 1, 1.0),
        (right, 1, 0.0),
    ]
    node, before = _pairs(np.arange(graph.nodes), before_any)
    deleted = node * places + before
    src = np.concatenate([*(graph.src[arc] * places + place for (arc, place), _, _ in kinds), deleted])
    dst = np.concatenate([*(graph.dst[arc] * places + place + on for (arc, place), on, _ in kinds), deleted + 1])
    energy = np.concatenate([*(np.full(len(arc), errors) for (arc, _), _, errors in kinds), np.ones(len(deleted))])
    owner = np.concatenate([*(arc for (arc, _), _, _ in kinds), np.full(len(deleted), -1, dtype=np.intp)])
    start, final = np.full(size, np.inf), np.full(size, np.inf)
    start[::places] = np.where(np.isfinite(graph.start), 0.0, np.inf)
    final[places - 1 :: places] = np.where(np.isfinite(graph.final), 0.0, np.inf)
    none = np.zeros(len(src), dtype=np.intp)
    return _Product(graph, places, Graph(src, dst, none, none, energy, start, final), owner)


def _pairs(first: IntArray, second: IntArray) -> tuple[IntArray, IntArray]:
    """Every pair of an entry of the first and one of the second."""
    return np.repeat(first, len(second)), np.tile(second, len(first))


def _right(graph: Graph, speaking: IntArray, reference: Sequence[str]) -> tuple[IntArray, IntArray]:
    """The arcs and the places of the reference before them where the arc says the label that comes next."""
    index = label_index(graph.labels)
    wanted = np.array([index.get(label, -1) for label in reference], dtype=np.intp)
    found = [
        _pairs(speaking[graph.olabel[speaking] == label], np.flatnonzero(wanted == label))
        for label in dict.fromkeys(wanted.tolist())
    ]
    arcs, places = zip((NO_INDICES, NO_INDICES), *found)
    return np.concatenate(arcs), np.concatenate(places)


def _cheapest(graph: Graph, arcs: IntArray) -> IntArray:
    """Of these arcs the one of least energy between each two nodes, the first of several."""
    order = np.lexsort((arcs, graph.energy[arcs], graph.dst[arcs], graph.src[arcs]))
    ordered = arcs[order]
    src, dst = graph.src[ordered], graph.dst[ordered]
    first = np.ones(len(ordered), dtype=bool)
    first[1:] = (src[1:] != src[:-1]) | (dst[1:] != dst[:-1])
    return ordered[first]
