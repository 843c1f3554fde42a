"""Hypothesis strategies for graphs: small, and full of everything that goes wrong.

Isolated nodes, dead ends, parallel arcs, epsilon on either or both sides, empty languages, nodes that are start and
final at once, several starts and finals with energies, node ids and arcs in any order.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from lattice_cli.graph import Graph, Labels, linear_graph

LABELS: Labels = ("", "a", "b", "c")
#: The same labels in another order, and one more: a table that must be matched by name.
OTHER_LABELS: Labels = ("", "d", "c", "a", "b")
BETAS = st.sampled_from([0.1, 0.5, 1.0, 2.0, 10.0])

INF = float("inf")

halves = st.integers(-4, 6).map(lambda count: count / 2)
positive_halves = st.integers(1, 6).map(lambda count: count / 2)
small = st.floats(-3, 3)
positive = st.floats(0.25, 3)
large = st.floats(-1e6, 1e6)

#: Ties, zeros, negatives and ordinary numbers; nothing that costs precision.
moderate_energies = st.one_of(halves, small)
#: The same with numbers of up to a million among them.
any_energies = st.one_of(halves, small, small, halves, large)
#: For cycles: energies at which `best_first` can list paths in order.
positive_energies = st.one_of(positive_halves, positive)


@st.composite
def graphs(
    draw: st.DrawFn,
    *,
    energies: st.SearchStrategy[float] = any_energies,
    cyclic: bool = False,
    max_nodes: int = 7,
    max_arcs: int = 12,
    labels: Labels = LABELS,
    epsilon: bool = True,
    acceptor: bool | None = None,
    min_nodes: int = 0,
) -> Graph:
    """A graph of any shape within these limits. Without `cyclic`, arcs go up a hidden order of the nodes."""
    nodes = draw(st.integers(min_nodes, max_nodes))
    if nodes == 0:
        return Graph([], [], [], [], [], [], [], labels)
    places = st.integers(0, nodes - 1)
    ids = draw(st.one_of(st.just(list(range(nodes))), st.permutations(range(nodes))))
    ends = draw(st.lists(st.tuples(places, places), max_size=max_arcs))
    if not cyclic:
        ends = [(min(pair), max(pair)) for pair in ends if pair[0] != pair[1]]
    symbols = st.integers(0 if epsilon else 1, len(labels) - 1)
    ilabel = draw(st.lists(symbols, min_size=len(ends), max_size=len(ends)))
    if acceptor is None:
        acceptor = draw(st.booleans())
    olabel = ilabel if acceptor else draw(st.lists(symbols, min_size=len(ends), max_size=len(ends)))
    energy = draw(st.lists(energies, min_size=len(ends), max_size=len(ends)))
    return Graph(
        [ids[tail] for tail, _ in ends],
        [ids[head] for _, head in ends],
        ilabel,
        olabel,
        energy,
        draw(boundary(nodes, ids, 0, energies)),
        draw(boundary(nodes, ids, nodes - 1, energies)),
        labels,
    )


@st.composite
def boundary(
    draw: st.DrawFn, nodes: int, ids: Sequence[int], usual: int, energies: st.SearchStrategy[float]
) -> list[float]:
    """(nodes,) start or final energies: mostly at the usual place, sometimes elsewhere, at several nodes or nowhere."""
    kind = draw(st.sampled_from(["usual", "usual", "several", "several", "any"]))
    places = st.integers(0, nodes - 1)
    chosen = {usual} if kind == "usual" else draw(st.sets(places, max_size=3))
    if kind == "several":
        chosen = chosen | {usual}
    column = [INF] * nodes
    for place in sorted(chosen):
        column[ids[place]] = draw(st.one_of(st.just(0.0), energies))
    return column


@st.composite
def connected_graphs(
    draw: st.DrawFn,
    *,
    energies: st.SearchStrategy[float] = any_energies,
    cyclic: bool = False,
    max_nodes: int = 5,
    max_arcs: int = 6,
    labels: Labels = LABELS,
    epsilon: bool = True,
    acceptor: bool | None = None,
) -> Graph:
    """A graph with a path for certain: a random graph along a backbone from its first node to its last."""
    graph = draw(
        graphs(
            energies=energies,
            cyclic=cyclic,
            min_nodes=1,
            max_nodes=max_nodes,
            max_arcs=max_arcs,
            labels=labels,
            epsilon=epsilon,
            acceptor=acceptor,
        )
    )
    order = hidden_order(graph) if not cyclic else draw(st.permutations(range(graph.nodes)))
    steps = graph.nodes - 1
    symbols = st.integers(0 if epsilon else 1, len(labels) - 1)
    column = st.lists(symbols, min_size=steps, max_size=steps)
    ilabel = draw(column)
    straight = graph.ilabel.tolist() == graph.olabel.tolist()
    olabel = ilabel if straight and acceptor is not False else draw(column)
    start, final = graph.start.copy(), graph.final.copy()
    start[order[0]] = draw(st.one_of(st.just(0.0), energies))
    final[order[-1]] = draw(st.one_of(st.just(0.0), energies))
    return Graph(
        [*graph.src.tolist(), *order[:-1]],
        [*graph.dst.tolist(), *order[1:]],
        [*graph.ilabel.tolist(), *ilabel],
        [*graph.olabel.tolist(), *olabel],
        [*graph.energy.tolist(), *draw(st.lists(energies, min_size=steps, max_size=steps))],
        start,
        final,
        labels,
    )


def hidden_order(graph: Graph) -> list[int]:
    """Nodes of an acyclic graph, tails before heads."""
    ends = list(zip(graph.src.tolist(), graph.dst.tolist(), strict=True))
    order: list[int] = []
    while len(order) < graph.nodes:
        order.append(
            next(
                node
                for node in range(graph.nodes)
                if node not in order and all(tail in order for tail, head in ends if head == node)
            )
        )
    return order


@st.composite
def renumbered(draw: st.DrawFn, graph: Graph) -> tuple[Graph, list[int], list[int]]:
    """The graph with nodes and arcs in another order: (graph, old node of each new one, old arc of each new one)."""
    nodes = list(draw(st.permutations(range(graph.nodes))))
    arcs = list(draw(st.permutations(range(graph.arcs))))
    place = {old: new for new, old in enumerate(nodes)}
    renumbered_graph = Graph(
        [place[node] for node in graph.src[arcs].tolist()] if arcs else [],
        [place[node] for node in graph.dst[arcs].tolist()] if arcs else [],
        graph.ilabel[arcs] if arcs else [],
        graph.olabel[arcs] if arcs else [],
        graph.energy[arcs] if arcs else [],
        graph.start[nodes] if nodes else [],
        graph.final[nodes] if nodes else [],
        graph.labels,
    )
    return renumbered_graph, nodes, arcs


def sequences(labels: Labels = LABELS) -> st.SearchStrategy[Graph]:
    """Acceptors of one label sequence."""
    return st.lists(st.integers(1, len(labels) - 1), max_size=4).map(lambda sequence: linear_graph(labels, sequence))


# The lecture's graphs, as shared/golden/lecture.json gives them -----------------------------------------------------

LECTURE_34_ARCS = [
    (0, 1, "3", 0.1),
    (0, 1, "5", 2.3),
    (1, 2, "4", 0.4),
    (1, 2, "2", 1.3),
    (2, 3, "1", 0.1),
    (2, 3, "4", 2.4),
    (0, 2, "3", 3.4),
    (0, 2, "4", 4.4),
    (1, 3, "4", 0.6),
    (1, 3, "9", 1.2),
]
LECTURE_CUT_ARCS = [
    (0, 1, "c", 0.4),
    (0, 1, "o", 1.0),
    (0, 1, "d", 1.8),
    (1, 2, "x", 0.1),
    (1, 2, "a", 0.2),
    (1, 2, "u", 0.8),
    (2, 3, "p", 0.2),
    (2, 3, "t", 0.8),
]
LECTURE_WORDS = ["barn", "but", "cut", "cute", "cure", "cap", "cat", "card"]


def acceptor(arcs: Sequence[tuple[int, int, str, float]], start: int, final: int) -> Graph:
    """An acceptor from its arcs; its label table is its own."""
    labels: Labels = ("", *sorted({label for _, _, label, _ in arcs if label}))
    nodes = 1 + max(max(tail, head) for tail, head, _, _ in arcs)
    column = [labels.index(label) for _, _, label, _ in arcs]
    return Graph(
        [tail for tail, _, _, _ in arcs],
        [head for _, head, _, _ in arcs],
        column,
        column,
        [energy for _, _, _, energy in arcs],
        [0.0 if node == start else INF for node in range(nodes)],
        [0.0 if node == final else INF for node in range(nodes)],
        labels,
    )


def transducer(
    arcs: Sequence[tuple[int, int, str, str, float]], start: Sequence[float], final: Sequence[float]
) -> Graph:
    """A transducer from its arcs and the start and final energies of its nodes; its label table is its own."""
    labels: Labels = ("", *sorted({label for _, _, one, other, _ in arcs for label in (one, other) if label}))
    return Graph(
        [arc[0] for arc in arcs],
        [arc[1] for arc in arcs],
        [labels.index(arc[2]) for arc in arcs],
        [labels.index(arc[3]) for arc in arcs],
        [arc[4] for arc in arcs],
        start,
        final,
        labels,
    )


def lecture_34() -> Graph:
    """The recognition graph of the perceptron-loss figure."""
    return acceptor(LECTURE_34_ARCS, 0, 3)


def lecture_cut() -> Graph:
    """The recognition graph of the composition figure."""
    return acceptor(LECTURE_CUT_ARCS, 0, 3)


def word_trie(words: Sequence[str] = LECTURE_WORDS) -> Graph:
    """The acceptor of these words as a trie without energies; a word may end at an interior node."""
    nodes = {"": 0}
    arcs = []
    for word in words:
        for length in range(1, len(word) + 1):
            if word[:length] not in nodes:
                nodes[word[:length]] = len(nodes)
                arcs.append((nodes[word[: length - 1]], nodes[word[:length]], word[length - 1], word[length - 1], 0.0))
    final = [0.0 if prefix in words else INF for prefix in nodes]
    return transducer(arcs, [0.0] + [INF] * (len(nodes) - 1), final)
