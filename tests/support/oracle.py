"""The slow truth: every answer by listing paths one by one, in plain Python.

Nothing here knows how the engine works. Graphs are read into lists once (`plain`), paths are found by recursion,
sums are `math.fsum`, and where a graph has cycles the infinite sums are solved exactly in fractions.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from lattice_cli.graph import Graph

INF = math.inf


class Arc(NamedTuple):
    src: int
    dst: int
    ilabel: str  # "" is epsilon
    olabel: str
    energy: float


@dataclass(frozen=True)
class Plain:
    """A graph as lists."""

    arcs: list[Arc]
    start: list[float]
    final: list[float]

    def leaving(self, node: int) -> list[int]:
        return [index for index, arc in enumerate(self.arcs) if arc.src == node]

    def nodes(self) -> range:
        return range(len(self.start))


class OnePath(NamedTuple):
    arcs: tuple[int, ...]
    nodes: tuple[int, ...]
    energy: float
    input: tuple[str, ...]
    output: tuple[str, ...]


def plain(graph: Graph) -> Plain:
    """The columns of a graph as lists of Python numbers and strings."""
    names = ["", *graph.labels[1:]]
    columns = zip(
        graph.src.tolist(),
        graph.dst.tolist(),
        graph.ilabel.tolist(),
        graph.olabel.tolist(),
        graph.energy.tolist(),
        strict=True,
    )
    arcs = [Arc(src, dst, names[ilabel], names[olabel], energy) for src, dst, ilabel, olabel, energy in columns]
    return Plain(arcs, graph.start.tolist(), graph.final.tolist())


def path_of(lists: Plain, first: int, arcs: Sequence[int]) -> OnePath:
    """The path that takes these arcs from node `first`; AssertionError if there is no such path."""
    nodes = [first]
    for index in arcs:
        assert lists.arcs[index].src == nodes[-1], f"arc {index} does not leave node {nodes[-1]}"
        nodes.append(lists.arcs[index].dst)
    energies = [lists.start[first], *(lists.arcs[index].energy for index in arcs), lists.final[nodes[-1]]]
    return OnePath(
        tuple(arcs),
        tuple(nodes),
        math.fsum(energies),
        tuple(lists.arcs[index].ilabel for index in arcs if lists.arcs[index].ilabel),
        tuple(lists.arcs[index].olabel for index in arcs if lists.arcs[index].olabel),
    )


def all_paths(graph: Graph, longest: float = INF) -> list[OnePath]:
    """Every path of at most `longest` arcs. Without that bound a cycle ends in RecursionError."""
    lists = plain(graph)
    found: list[OnePath] = []

    def extend(first: int, node: int, arcs: tuple[int, ...]) -> None:
        if lists.final[node] < INF:
            found.append(path_of(lists, first, arcs))
        for index in lists.leaving(node) if len(arcs) < longest else []:
            extend(first, lists.arcs[index].dst, (*arcs, index))

    for node in lists.nodes():
        if lists.start[node] < INF:
            extend(node, node, ())
    return found


def best_first(graph: Graph) -> Iterator[OnePath]:
    """The paths of a graph by increasing energy, lazily; cycles are walked, and none may have negative energy.

    Partial paths wait in a heap by their energy and the least energy still to come, so that cycles of zero energy
    cannot keep the others waiting; the order is that of the energies up to rounding.
    """
    lists = plain(graph)
    to_come = simple_prefix_minima(graph.reversed())
    serial = 0
    heap: list[tuple[float, int, float, int, tuple[int, ...], bool]] = []

    def push(energy: float, rest: float, first: int, arcs: tuple[int, ...], done: bool) -> None:
        nonlocal serial
        serial += 1
        heapq.heappush(heap, (energy + rest, serial, energy, first, arcs, done))

    for node in nodes_on_paths(graph):
        if lists.start[node] < INF:
            push(lists.start[node], to_come[node], node, (), False)
    while heap:
        _, _, energy, first, arcs, done = heapq.heappop(heap)
        if done:
            yield path_of(lists, first, arcs)
            continue
        node = lists.arcs[arcs[-1]].dst if arcs else first
        if lists.final[node] < INF:
            push(energy, lists.final[node], first, arcs, True)
        for index in lists.leaving(node):
            head = lists.arcs[index].dst
            if to_come[head] < INF:
                push(energy + lists.arcs[index].energy, to_come[head], first, (*arcs, index), False)


# Sums over listed paths ----------------------------------------------------------------------------------------------


def soft_minimum(energies: Iterable[float], beta: float) -> float:
    """-(1/beta) log sum exp(-beta e); +inf for no energies."""
    listed = list(energies)
    lowest = min(listed, default=INF)
    if lowest == INF:
        return INF
    return lowest - math.log(math.fsum(math.exp(-beta * (energy - lowest)) for energy in listed)) / beta


def free_energy(paths: Sequence[OnePath], beta: float) -> float:
    return soft_minimum([path.energy for path in paths], beta)


def probabilities(paths: Sequence[OnePath], beta: float) -> list[float]:
    """The Gibbs probability of each path."""
    lowest = min((path.energy for path in paths), default=INF)
    weights = [math.exp(-beta * (path.energy - lowest)) for path in paths]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def expectation(paths: Sequence[OnePath], beta: float, value: Callable[[OnePath], float]) -> float:
    return math.fsum(
        share * value(path) for share, path in zip(probabilities(paths, beta), paths, strict=True) if share
    )


def expected_energy(paths: Sequence[OnePath], beta: float) -> float:
    return expectation(paths, beta, lambda path: path.energy)


def variance(paths: Sequence[OnePath], beta: float) -> float:
    mean = expected_energy(paths, beta)
    return expectation(paths, beta, lambda path: (path.energy - mean) ** 2)


def entropy(paths: Sequence[OnePath], beta: float) -> float:
    """-sum p log p over paths, nats."""
    return -math.fsum(share * math.log(share) for share in probabilities(paths, beta) if share > 0)


class Gradient(NamedTuple):
    arcs: list[float]
    nodes: list[float]
    start: list[float]
    final: list[float]


def gradient(graph: Graph, paths: Sequence[OnePath], beta: float) -> Gradient:
    """Derivative of the free energy by each arc, start and final energy, and the visits of each node: posteriors."""
    shares = probabilities(paths, beta)

    def posterior(count: Callable[[OnePath], int]) -> float:
        return math.fsum(share * count(path) for share, path in zip(shares, paths, strict=True))

    return Gradient(
        [posterior(lambda path, k=index: path.arcs.count(k)) for index in range(graph.arcs)],
        [posterior(lambda path, k=node: path.nodes.count(k)) for node in range(graph.nodes)],
        [posterior(lambda path, k=node: path.nodes[0] == k) for node in range(graph.nodes)],
        [posterior(lambda path, k=node: path.nodes[-1] == k) for node in range(graph.nodes)],
    )


def prefix_energies(graph: Graph, paths: Sequence[OnePath]) -> list[list[float]]:
    """For each node, the energies of all distinct ways to reach it (start included) that lie on some path."""
    lists = plain(graph)
    prefixes: list[dict[tuple[int, tuple[int, ...]], float]] = [{} for _ in range(graph.nodes)]
    for path in paths:
        for length, node in enumerate(path.nodes):
            taken = path.arcs[:length]
            prefixes[node][path.nodes[0], taken] = math.fsum(
                [lists.start[path.nodes[0]], *(lists.arcs[index].energy for index in taken)]
            )
    return [list(ways.values()) for ways in prefixes]


# Answers -------------------------------------------------------------------------------------------------------------


def answers(paths: Sequence[OnePath]) -> dict[tuple[str, ...], list[OnePath]]:
    """The paths of each output."""
    grouped: dict[tuple[str, ...], list[OnePath]] = defaultdict(list)
    for path in paths:
        grouped[path.output].append(path)
    return dict(grouped)


def best_answers(paths: Sequence[OnePath]) -> list[tuple[float, tuple[str, ...]]]:
    """(lowest energy, output) of each answer, lowest first."""
    return sorted((min(path.energy for path in group), output) for output, group in answers(paths).items())


def answer_free_energies(paths: Sequence[OnePath], beta: float) -> dict[tuple[str, ...], float]:
    return {output: free_energy(group, beta) for output, group in answers(paths).items()}


# Composition ---------------------------------------------------------------------------------------------------------


class Pair(NamedTuple):
    left: OnePath
    right: OnePath
    energy: float


def alignment(left: Plain, right: Plain, pair: tuple[OnePath, OnePath]) -> list[tuple[int, int]]:
    """The arcs that match, label by label, and those taken by one side alone (-1 for the other side)."""
    speaking = [index for index in pair[0].arcs if left.arcs[index].olabel]
    hearing = [index for index in pair[1].arcs if right.arcs[index].ilabel]
    alone = [(index, -1) for index in pair[0].arcs if not left.arcs[index].olabel]
    alone += [(-1, index) for index in pair[1].arcs if not right.arcs[index].ilabel]
    return [*zip(speaking, hearing, strict=True), *alone]


def composed(left: Graph, right: Graph, operator: str = "add", longest: float = INF) -> list[Pair]:
    """Each pair of paths (left output = right input) with the energy that the composition gives it.

    Only paths of at most `longest` arcs are paired, for graphs with cycles.

    Matched arcs, and the start and the final energies, are combined by the operator; an arc taken by one side alone
    keeps its energy, times its weight where there are two, except that `left` lets the right side move for nothing and
    the other way round.
    """
    weights = {"left": (1.0, 0.0), "right": (0.0, 1.0), "1.5,-0.25": (1.5, -0.25)}.get(operator, (1.0, 1.0))
    combine: Callable[[float, float], float] = {
        "add": lambda one, other: one + other,
        "product": lambda one, other: one * other,
        "1.5,-0.25": lambda one, other: 1.5 * one - 0.25 * other,
        "max": max,
        "min": min,
        "left": lambda one, other: one,
        "right": lambda one, other: other,
    }[operator]
    one, other = plain(left), plain(right)
    right_by_input: dict[tuple[str, ...], list[OnePath]] = defaultdict(list)
    for path in all_paths(right, longest):
        right_by_input[path.input].append(path)
    pairs = []
    for left_path in all_paths(left, longest):
        for right_path in right_by_input.get(left_path.output, []):
            terms = [
                combine(one.start[left_path.nodes[0]], other.start[right_path.nodes[0]]),
                combine(one.final[left_path.nodes[-1]], other.final[right_path.nodes[-1]]),
            ]
            for left_arc, right_arc in alignment(one, other, (left_path, right_path)):
                if right_arc < 0:
                    terms.append(weights[0] * one.arcs[left_arc].energy)
                elif left_arc < 0:
                    terms.append(weights[1] * other.arcs[right_arc].energy)
                else:
                    terms.append(combine(one.arcs[left_arc].energy, other.arcs[right_arc].energy))
            pairs.append(Pair(left_path, right_path, math.fsum(terms)))
    return pairs


# Shape ---------------------------------------------------------------------------------------------------------------


def reachable(sources: Iterable[int], steps: Iterable[tuple[int, int]]) -> set[int]:
    neighbours: dict[int, list[int]] = defaultdict(list)
    for tail, head in steps:
        neighbours[tail].append(head)
    seen = set(sources)
    waiting = list(seen)
    while waiting:
        for head in neighbours[waiting.pop()]:
            if head not in seen:
                seen.add(head)
                waiting.append(head)
    return seen


def nodes_on_paths(graph: Graph) -> list[int]:
    """Nodes on some path from a start to a final node, in order."""
    lists = plain(graph)
    forwards = reachable([n for n in lists.nodes() if lists.start[n] < INF], [(a.src, a.dst) for a in lists.arcs])
    backwards = reachable([n for n in lists.nodes() if lists.final[n] < INF], [(a.dst, a.src) for a in lists.arcs])
    return sorted(forwards & backwards)


def useful_arcs(graph: Graph) -> list[int]:
    """Arcs on some path, in order."""
    useful = set(nodes_on_paths(graph))
    return [k for k, arc in enumerate(plain(graph).arcs) if arc.src in useful and arc.dst in useful]


def simple_cycles(graph: Graph) -> list[tuple[int, ...]]:
    """The arcs of each cycle that visits no node twice and lies on some path, from its lowest node."""
    lists = plain(graph)
    useful = set(nodes_on_paths(graph))
    found: list[tuple[int, ...]] = []

    def extend(first: int, visited: tuple[int, ...], arcs: tuple[int, ...]) -> None:
        for index in lists.leaving(visited[-1]):
            head = lists.arcs[index].dst
            if head == first:
                found.append((*arcs, index))
            elif head > first and head in useful and head not in visited:
                extend(first, (*visited, head), (*arcs, index))

    for node in sorted(useful):
        extend(node, (node,), ())
    return found


def cycle_energies(graph: Graph) -> list[float]:
    """The energy of each simple cycle on some path."""
    lists = plain(graph)
    return [math.fsum(lists.arcs[index].energy for index in cycle) for cycle in simple_cycles(graph)]


def simple_paths(graph: Graph) -> list[OnePath]:
    """The paths that visit no node twice: without negative cycles the best path is among them."""
    lists = plain(graph)
    found: list[OnePath] = []

    def extend(visited: tuple[int, ...], arcs: tuple[int, ...]) -> None:
        if lists.final[visited[-1]] < INF:
            found.append(path_of(lists, visited[0], arcs))
        for index in lists.leaving(visited[-1]):
            if lists.arcs[index].dst not in visited:
                extend((*visited, lists.arcs[index].dst), (*arcs, index))

    for node in lists.nodes():
        if lists.start[node] < INF:
            extend((node,), ())
    return found


def simple_prefix_minima(graph: Graph) -> list[float]:
    """The lowest energy of reaching each node that is on some path; +inf for the others. No negative cycles."""
    lists = plain(graph)
    useful = set(nodes_on_paths(graph))
    lowest = [INF] * graph.nodes

    def extend(visited: tuple[int, ...], energy: float) -> None:
        lowest[visited[-1]] = min(lowest[visited[-1]], energy)
        for index in lists.leaving(visited[-1]):
            head = lists.arcs[index].dst
            if head in useful and head not in visited:
                extend((*visited, head), energy + lists.arcs[index].energy)

    for node in useful:
        if lists.start[node] < INF:
            extend((node,), lists.start[node])
    return lowest


# Cyclic sums, exactly ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Jet:
    """c0 + c1 t + c2 t^2: a weight exp(-(beta + t) e) to second order in t, for the moments of the energy."""

    c0: Fraction
    c1: Fraction
    c2: Fraction

    def __add__(self, other: Jet) -> Jet:
        return Jet(self.c0 + other.c0, self.c1 + other.c1, self.c2 + other.c2)

    def __sub__(self, other: Jet) -> Jet:
        return Jet(self.c0 - other.c0, self.c1 - other.c1, self.c2 - other.c2)

    def __mul__(self, other: Jet) -> Jet:
        return Jet(
            self.c0 * other.c0,
            self.c0 * other.c1 + self.c1 * other.c0,
            self.c0 * other.c2 + self.c1 * other.c1 + self.c2 * other.c0,
        )

    def over(self, other: Jet) -> Jet:
        c0 = self.c0 / other.c0
        c1 = (self.c1 - c0 * other.c1) / other.c0
        return Jet(c0, c1, (self.c2 - c0 * other.c2 - c1 * other.c1) / other.c0)


NOTHING = Jet(Fraction(0), Fraction(0), Fraction(0))
ONE = Jet(Fraction(1), Fraction(0), Fraction(0))


def weight(energy: float, beta: float) -> Jet:
    """exp(-(beta + t) energy) to second order in t; nothing for an infinite energy."""
    if energy == INF:
        return NOTHING
    value = Fraction(math.exp(-beta * energy))
    exact = Fraction(energy)
    return Jet(value, -value * exact, value * exact * exact / 2)


@dataclass(frozen=True)
class CyclicSums:
    """The sums over all paths of a graph with cycles, as convergent geometric series summed exactly.

    reaching, leaving: (nodes,) weight of all ways from the starts to the node, from the node to the finals.
    total:             weight of all paths.
    """

    graph: Graph
    beta: float
    reaching: list[Jet]
    leaving: list[Jet]
    total: Jet

    def free_energy(self) -> float:
        return -log(self.total.c0) / self.beta if self.total.c0 else INF

    def node_totals(self) -> list[float]:
        useful = set(nodes_on_paths(self.graph))
        return [-log(way.c0) / self.beta if node in useful else INF for node, way in enumerate(self.reaching)]

    def gradient(self) -> Gradient:
        lists = plain(self.graph)

        def share(head: Fraction, energy: float, tail: Fraction) -> float:
            return float(head * weight(energy, self.beta).c0 * tail / self.total.c0)

        unit = Fraction(1)
        return Gradient(
            [share(self.reaching[a.src].c0, a.energy, self.leaving[a.dst].c0) for a in lists.arcs],
            [float(head.c0 * tail.c0 / self.total.c0) for head, tail in zip(self.reaching, self.leaving, strict=True)],
            [share(unit, energy, self.leaving[node].c0) for node, energy in enumerate(lists.start)],
            [share(self.reaching[node].c0, energy, unit) for node, energy in enumerate(lists.final)],
        )

    def expected_energy(self) -> float:
        return float(-self.total.c1 / self.total.c0)

    def variance(self) -> float:
        mean = self.total.c1 / self.total.c0
        return float(2 * self.total.c2 / self.total.c0 - mean * mean)

    def entropy(self) -> float:
        return self.beta * self.expected_energy() + log(self.total.c0)


def log(value: Fraction) -> float:
    """The logarithm of a positive fraction, also where a float would overflow."""
    return math.log(value.numerator) - math.log(value.denominator)


def smallest_pivot(graph: Graph, beta: float) -> float:
    """The smallest pivot of I - A over the useful nodes: the series converges exactly if it is positive.

    (I - A with A >= 0 is a nonsingular M-matrix, so that its inverse is the sum of the powers of A, if and only if
    elimination without exchanges meets only positive pivots: Berman and Plemmons 1994, chapter 6.)
    """
    matrix = identity_minus_arcs(graph, beta)
    lowest = Fraction(1)
    for k in range(len(matrix)):
        pivot = matrix[k][k].c0
        lowest = min(lowest, pivot)
        if pivot <= 0:
            break
        for row in matrix[k + 1 :]:
            factor = row[k].over(matrix[k][k])
            for column in range(k, len(matrix)):
                row[column] = row[column] - factor * matrix[k][column]
    return float(lowest)


def identity_minus_arcs(graph: Graph, beta: float) -> list[list[Jet]]:
    useful = nodes_on_paths(graph)
    position = {node: k for k, node in enumerate(useful)}
    matrix = [[ONE if row == column else NOTHING for column in range(len(useful))] for row in range(len(useful))]
    lists = plain(graph)
    for index in useful_arcs(graph):
        arc = lists.arcs[index]
        row, column = position[arc.src], position[arc.dst]
        matrix[row][column] = matrix[row][column] - weight(arc.energy, beta)
    return matrix


def solve(matrix: list[list[Jet]], right_side: Sequence[Jet]) -> list[Jet]:
    """x with matrix x = right_side, by elimination without exchanges."""
    rows = [[*row, value] for row, value in zip(matrix, right_side, strict=True)]
    size = len(rows)
    for k in range(size):
        for row in range(size):
            if row != k and rows[row][k].c0:
                factor = rows[row][k].over(rows[k][k])
                rows[row] = [entry - factor * above for entry, above in zip(rows[row], rows[k], strict=True)]
    return [rows[k][size].over(rows[k][k]) for k in range(size)]


def cyclic_sums(graph: Graph, beta: float) -> CyclicSums | None:
    """All sums over the paths of any graph; None where they diverge."""
    if smallest_pivot(graph, beta) <= 0:
        return None
    useful = nodes_on_paths(graph)
    lists = plain(graph)
    matrix = identity_minus_arcs(graph, beta)
    transposed = [list(column) for column in zip(*matrix, strict=True)]
    starts = [weight(lists.start[node], beta) for node in useful]
    finals = [weight(lists.final[node], beta) for node in useful]
    reaching, leaving = [NOTHING] * graph.nodes, [NOTHING] * graph.nodes
    for node, way in zip(useful, solve(transposed, starts), strict=True):
        reaching[node] = way
    for node, way in zip(useful, solve(matrix, finals), strict=True):
        leaving[node] = way
    total = NOTHING
    for node, end in zip(useful, finals, strict=True):
        total = total + reaching[node] * end
    return CyclicSums(graph, beta, reaching, leaving, total)


# Long acyclic graphs: the recursion, a node at a time -----------------------------------------------------------------


def recursion(graph: Graph, beta: float | None) -> tuple[list[float], float]:
    """alpha of every node and the total, by the textbook recursion in topological order; beta None is the minimum.

    For graphs with too many paths to list. Nodes that start nodes do not reach are +inf; dead ends are not excluded.
    """
    lists = plain(graph)
    entering: list[list[Arc]] = [[] for _ in lists.nodes()]
    for arc in lists.arcs:
        entering[arc.dst].append(arc)
    alpha = [INF] * graph.nodes

    def reduce(energies: list[float]) -> float:
        return min(energies, default=INF) if beta is None else soft_minimum([e for e in energies if e < INF], beta)

    for node in topological(lists):
        alpha[node] = reduce([lists.start[node], *(alpha[arc.src] + arc.energy for arc in entering[node])])
    return alpha, reduce([way + end for way, end in zip(alpha, lists.final, strict=True)])


def topological(lists: Plain) -> list[int]:
    """The nodes of an acyclic graph, tails before heads."""
    missing = [0] * len(lists.start)
    heads: list[list[int]] = [[] for _ in lists.nodes()]
    for arc in lists.arcs:
        missing[arc.dst] += 1
        heads[arc.src].append(arc.dst)
    ready = [node for node in lists.nodes() if not missing[node]]
    order = []
    while ready:
        order.append(ready.pop())
        for head in heads[order[-1]]:
            missing[head] -= 1
            if not missing[head]:
                ready.append(head)
    assert len(order) == len(lists.start), "the graph has a cycle"
    return order


def recursion_posteriors(graph: Graph, beta: float) -> list[float]:
    """The posterior of each arc, from the recursion run both ways."""
    reaching, total = recursion(graph, beta)
    leaving, _ = recursion(graph.reversed(), beta)
    return [math.exp(-beta * (reaching[arc.src] + arc.energy + leaving[arc.dst] - total)) for arc in plain(graph).arcs]


def iterated(graph: Graph, beta: float, rounds: int = 4000) -> tuple[list[float], float]:
    """alpha of every node and the total of a graph with cycles too large to solve: sum the walks length by length.

    Stops when a round adds nothing; AssertionError if that does not happen.
    """
    lists = plain(graph)
    factors = [(arc.src, arc.dst, math.exp(-beta * arc.energy)) for arc in lists.arcs]
    arriving = [math.exp(-beta * energy) for energy in lists.start]
    reaching = list(arriving)
    for _ in range(rounds):
        after = [0.0] * graph.nodes
        for tail, head, factor in factors:
            after[head] += arriving[tail] * factor
        if all(way + more == way for way, more in zip(reaching, after, strict=True)):
            total = math.fsum(way * math.exp(-beta * end) for way, end in zip(reaching, lists.final, strict=True))
            return [-math.log(way) / beta if way else INF for way in reaching], -math.log(total) / beta
        reaching = [way + more for way, more in zip(reaching, after, strict=True)]
        arriving = after
    raise AssertionError(f"the sum has not settled after {rounds} rounds")


def k_best_energies(graph: Graph, k: int) -> list[float]:
    """The k lowest path energies of an acyclic graph with too many paths to list: k-best lists along the recursion."""
    lists = plain(graph)
    position = {node: place for place, node in enumerate(topological(lists))}
    lowest: list[list[float]] = [[energy] if energy < INF else [] for energy in lists.start]
    for arc in sorted(lists.arcs, key=lambda arc: position[arc.src]):
        lowest[arc.dst] = sorted([*lowest[arc.dst], *(way + arc.energy for way in lowest[arc.src])])[:k]
    return sorted(way + end for ways, end in zip(lowest, lists.final, strict=True) if end < INF for way in ways)[:k]


# Answers against references -------------------------------------------------------------------------------------------


def edit_distance(reference: Sequence[str], answer: Sequence[str]) -> int:
    """Levenshtein's, by its definition."""
    if not reference or not answer:
        return len(reference) + len(answer)
    if reference[0] == answer[0]:
        return edit_distance(reference[1:], answer[1:])
    return 1 + min(
        edit_distance(reference[1:], answer[1:]),
        edit_distance(reference[1:], answer),
        edit_distance(reference, answer[1:]),
    )


def alignments(
    reference: Sequence[str], answer: Sequence[str]
) -> list[tuple[tuple[int, ...], list[tuple[str | None, str | None]]]]:
    """Every alignment: its moves (0 both, 1 a deletion, 2 an insertion) and its pairs."""
    found = [] if reference or answer else [((), [])]
    if reference and answer:
        both = (reference[0], answer[0])
        found += [((0, *moves), [both, *pairs]) for moves, pairs in alignments(reference[1:], answer[1:])]
    if reference:
        gone = (reference[0], None)
        found += [((1, *moves), [gone, *pairs]) for moves, pairs in alignments(reference[1:], answer)]
    if answer:
        new = (None, answer[0])
        found += [((2, *moves), [new, *pairs]) for moves, pairs in alignments(reference, answer[1:])]
    return found


def fewest_errors(graph: Graph, reference: Sequence[str]) -> tuple[int, float] | None:
    """(errors, energy) of the path closest to a reference, by relaxing (node, place) until nothing improves.

    For graphs with cycles as well; -inf is not found, so energies have to be at least 0 there.
    """
    lists, places = plain(graph), range(len(reference) + 1)
    steps = []
    for arc in lists.arcs:
        for place in places:
            cost = int(arc.olabel != "")
            steps.append(((arc.src, place), (arc.dst, place), (cost, arc.energy)))
            if arc.olabel and place < len(reference):
                wrong = int(arc.olabel != reference[place])
                steps.append(((arc.src, place), (arc.dst, place + 1), (wrong, arc.energy)))
    steps += [((node, place), (node, place + 1), (1, 0.0)) for node in lists.nodes() for place in places[:-1]]
    best = {(node, 0): (0, start) for node, start in enumerate(lists.start) if start < INF}
    changed = True
    while changed:
        changed = False
        for tail, head, (errors, energy) in steps:
            if tail in best:
                through = (best[tail][0] + errors, best[tail][1] + energy)
                if through[0] < best.get(head, (INF, INF))[0] or (
                    through[0] == best[head][0] and through[1] < best[head][1] - 1e-9
                ):
                    best[head], changed = through, True
    ends = [
        (best[node, len(reference)][0], best[node, len(reference)][1] + final)
        for node, final in enumerate(lists.final)
        if final < INF and (node, len(reference)) in best
    ]
    return min(ends, default=None)
