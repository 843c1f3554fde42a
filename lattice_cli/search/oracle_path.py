"""How close the paths of a graph come to a reference: the path of fewest errors, the lattice oracle.

The graph is walked together with the edit transducer of the reference (Mohri 2003, "Edit-distance of weighted
automata"): a node of the product is a node of the graph and a place in the reference, which may be an acceptor of
several answers: the nearest of them is what counts. It is swept twice with the hard
minimum, for the errors and then, on the arcs that are on a path of fewest errors, for the energy. So the order of the
two is exact: no weight stands in for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lattice_cli.arrays import NO_INDICES, FloatArray, IntArray, distinct
from lattice_cli.errors import UsageError
from lattice_cli.graph import EPSILON, Graph, label_index, target_acceptor, union
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


def oracle(graph: Graph, reference: Sequence[str] | Graph) -> Oracle | None:
    """The path of a graph that is closest to a reference in edit distance; None if the graph has no path.

    reference: labels, or an acceptor without epsilons, of which any answer will do; its energies say nothing. Epsilon
    outputs cost nothing. Ties of errors and energy are broken the same way every time. Raises Diverged where a
    cycle of negative energy, at no error, leaves no least energy among the paths of fewest errors, GraphError for a
    union, and UsageError if graph and reference together are too large.
    """
    places = reference.nodes if isinstance(reference, Graph) else len(reference) + 1
    with relocated(np.repeat(np.arange(graph.nodes), places)):
        return oracles([graph], [reference])[0]


def oracles(graphs: Sequence[Graph], references: Sequence[Sequence[str] | Graph]) -> list[Oracle | None]:
    """The same for many graphs, each with its own reference; small ones are swept together.

    A divergence is raised with nodes of the products: ask graph by graph for those of the graph.
    """
    found: list[Oracle | None] = []
    waiting: list[_Product] = []
    arcs = 0
    for graph, reference in zip(graphs, references):
        require_single(graph)
        right = reference if isinstance(reference, Graph) else target_acceptor([tuple(reference)], ("",))
        waiting.append(_product(graph, right))
        arcs += waiting[-1].walked.arcs
        if arcs >= _UNION_ARCS:
            found += _closest_paths(waiting)
            waiting, arcs = [], 0
    return found + _closest_paths(waiting)


def nearest_answer(graph: Graph, reference: Sequence[str]) -> tuple[str, ...]:
    """What the path that is closest to a reference says, in a graph that has paths."""
    found = oracle(graph, reference)
    assert found is not None
    return tuple(graph.words(graph.olabel[list(found.path.arcs)].tolist()))


@dataclass(frozen=True, eq=False)
class _Product:
    """A graph walked together with a reference. walked: the product, its energies the errors; node * places + place is
    a node, and the node of the reference that it is at. owner: (arcs,) the graph's arc of each; -1 for a deletion."""

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


def _product(graph: Graph, reference: Graph) -> _Product:
    """The graph walked together with a reference.

    Of parallel arcs only the cheapest that says anything may be wrong: which label is wrong does not matter, and an arc
    that is right is never better taken as a wrong one.
    """
    places, size = reference.nodes, graph.nodes * reference.nodes
    silent, speaking = np.flatnonzero(graph.olabel == EPSILON), np.flatnonzero(graph.olabel != EPSILON)
    wrong = _cheapest(graph, speaking)
    tail, head = np.divmod(distinct(reference.src * places + reference.dst), places)  # whatever the label is
    at_any, over_any = np.arange(places), np.arange(len(tail))
    right = _right(graph, speaking, reference)
    arcs = (len(silent) + len(wrong)) * places + (len(wrong) + graph.nodes) * len(tail) + len(right[0])
    if arcs > MOST_ARCS:
        what = f"{graph.arcs} arcs and a reference of {reference.arcs} labels"
        raise UsageError(f"the oracle of {what} takes {arcs} arcs together, more than {MOST_ARCS}")
    instead, over = _pairs(wrong, over_any)
    node, deleted = _pairs(np.arange(graph.nodes), over_any)
    # Arc, place before it, place behind it, its errors; a deletion belongs to a node and to no arc.
    kinds: list[tuple[IntArray, IntArray, IntArray, float]] = [
        (*_staying(silent, at_any), 0.0),
        (*_staying(wrong, at_any), 1.0),
        (instead, tail[over], head[over], 1.0),
        (right[0], reference.src[right[1]], reference.dst[right[1]], 0.0),
    ]
    src = [*(graph.src[arc] * places + before for arc, before, _, _ in kinds), node * places + tail[deleted]]
    dst = [*(graph.dst[arc] * places + behind for arc, _, behind, _ in kinds), node * places + head[deleted]]
    energy = [*(np.full(len(arc), errors) for arc, _, _, errors in kinds), np.ones(len(deleted))]
    owner = np.concatenate([*(arc for arc, _, _, _ in kinds), np.full(len(deleted), -1, dtype=np.intp)])
    start, final = (
        np.where(np.isfinite(own)[:, None] & np.isfinite(other), 0.0, np.inf).reshape(size)
        for own, other in ((graph.start, reference.start), (graph.final, reference.final))
    )
    none = np.zeros(len(owner), dtype=np.intp)
    ends, errors = (np.concatenate(src), np.concatenate(dst)), np.concatenate(energy)
    return _Product(graph, places, Graph(*ends, none, none, errors, start, final), owner)


def _pairs(first: IntArray, second: IntArray) -> tuple[IntArray, IntArray]:
    """Every pair of an entry of the first and one of the second."""
    return np.repeat(first, len(second)), np.tile(second, len(first))


def _staying(arcs: IntArray, places: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Every arc at every place, before and behind it."""
    arc, place = _pairs(arcs, places)
    return arc, place, place


def _right(graph: Graph, speaking: IntArray, reference: Graph) -> tuple[IntArray, IntArray]:
    """The arcs of the graph, and those of the reference that say the same."""
    index = label_index(graph.labels)
    own = np.array([-1, *(index.get(label, -1) for label in reference.labels[1:])], dtype=np.intp)
    wanted = own[reference.ilabel]
    found = [
        _pairs(speaking[graph.olabel[speaking] == label], np.flatnonzero(wanted == label))
        for label in dict.fromkeys(wanted.tolist())
    ]
    arcs, others = zip((NO_INDICES, NO_INDICES), *found)
    return np.concatenate(arcs), np.concatenate(others)


def _cheapest(graph: Graph, arcs: IntArray) -> IntArray:
    """Of these arcs the one of least energy between each two nodes, the first of several."""
    order = np.lexsort((arcs, graph.energy[arcs], graph.dst[arcs], graph.src[arcs]))
    ordered = arcs[order]
    src, dst = graph.src[ordered], graph.dst[ordered]
    first = np.ones(len(ordered), dtype=bool)
    first[1:] = (src[1:] != src[:-1]) | (dst[1:] != dst[:-1])
    return ordered[first]
