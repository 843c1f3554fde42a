"""Other systems, where they are installed: the same workloads, their own best way to solve them.

A peer says what it can do with a workload as `calls`: task -> a function without arguments that does it once and gives
the energy it found (in float32 for most of them; the sums over paths of a union added up). What it needs is built
beforehand and not timed. Tasks: viterbi (the best path itself), forward, gradients (forward and the derivative by every
arc), n-best, compose, and compose + viterbi, compose + gradients. Where a peer has no gradients of arcs but distances
both ways, those are what is timed, which flatters it.
"""

from __future__ import annotations

import importlib
import math
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
from workloads import Columns, att_text, columns_of, graph_of, members

from lattice_cli.graph import evaluation_order, trimmed

Calls = dict[str, Callable[[], Any]]
#: torch is not asked for longer graphs: a level costs it some 50 microseconds.
_MOST_LEVELS = 5000


class _Files:
    """Graphs as OpenFst binary files, made by fstcompile."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._count = 0

    def compiled(self, made: Columns, arc_type: str = "standard") -> str:
        self._count += 1
        path = pathlib.Path(self._folder.name, f"{self._count}.fst")
        command = ["fstcompile", f"--arc_type={arc_type}", "-", str(path)]
        subprocess.run(command, input=att_text(made).encode(), check=True)
        return str(path)


FILES = _Files()


class Pynini:
    """OpenFst's C++ library through pynini; sums over paths in its log64 semiring."""

    name, module, needs = "OpenFst", "pynini", "fstcompile"
    tasks = ("viterbi", "gradients", "n-best", "compose", "compose + viterbi", "compose + gradients")

    def __init__(self) -> None:
        self.fst = importlib.import_module("pynini")

    def _read(self, made: Columns, arc_type: str = "standard") -> Any:
        return self.fst.Fst.read(FILES.compiled(made, arc_type))

    def _best(self, graphs: list[Any], count: int = 1) -> float:
        total = 0.0
        for graph in graphs:
            found = self.fst.shortestpath(graph, nshortest=count)
            if count == 1:
                total += float(self.fst.shortestdistance(found, reverse=True)[found.start()])
        return total

    def _sums(self, graphs: list[Any]) -> float:
        total = 0.0
        for graph in graphs:
            self.fst.shortestdistance(graph)
            total += float(self.fst.shortestdistance(graph, reverse=True)[graph.start()])
        return total

    def calls(self, made: Columns) -> Calls:
        graphs = [self._read(member) for member in members(made)]
        logs = [self._read(member, "log64") for member in members(made)]
        found: Calls = {"viterbi": lambda: self._best(graphs), "gradients": lambda: self._sums(logs)}
        return found | ({"n-best": lambda: self._best(graphs, 10)} if len(graphs) == 1 else {})

    def product_calls(self, left: Columns, right: Columns) -> Calls:
        sides = [self._read(made) for made in (left, right)]
        logs = [self._read(made, "log64") for made in (left, right)]
        for graphs in (sides, logs):
            graphs[1].arcsort(sort_type="ilabel")
        return {
            "compose": lambda: self.fst.compose(*sides) and None,
            "compose + viterbi": lambda: self._best([self.fst.compose(*sides)]),
            "compose + gradients": lambda: self._sums([self.fst.compose(*logs)]),
        }


class Rustfst:
    """rustfst-python: the tropical semiring only."""

    name, module, needs = "rustfst", "rustfst", "fstcompile"
    tasks = ("viterbi", "n-best", "compose", "compose + viterbi")

    def __init__(self) -> None:
        self.fst = importlib.import_module("rustfst").VectorFst
        self.config = importlib.import_module("rustfst.algorithms.shortest_path").ShortestPathConfig

    def _best(self, graphs: list[Any]) -> float:
        total = 0.0
        for graph in graphs:
            path = graph.shortest_path()
            state = path.start()
            while not path.is_final(state):
                (arc,) = path.trs(state)
                total += arc.weight
                state = arc.next_state
            total += path.final(state)
        return total

    def calls(self, made: Columns) -> Calls:
        graphs = [self.fst.read(FILES.compiled(member)) for member in members(made)]
        found: Calls = {"viterbi": lambda: self._best(graphs)}
        if len(graphs) == 1:
            found["n-best"] = lambda: graphs[0].shortest_path(self.config(nshortest=10)) and None
        return found

    def product_calls(self, left: Columns, right: Columns) -> Calls:
        sides = [self.fst.read(FILES.compiled(made)) for made in (left, right)]
        sides[1].tr_sort(True)  # in place
        return {
            "compose": lambda: sides[0].compose(sides[1]) and None,
            "compose + viterbi": lambda: self._best([sides[0].compose(sides[1])]),
        }


class Kaldifst:
    """kaldifst: OpenFst with Kaldi's additions; the tropical semiring."""

    name, module, needs = "kaldifst", "kaldifst", "fstcompile"
    tasks = ("viterbi", "n-best", "compose", "compose + viterbi")

    def __init__(self) -> None:
        self.fst = importlib.import_module("kaldifst")

    def _read(self, made: Columns) -> Any:
        return self.fst.StdVectorFst.read(FILES.compiled(made))

    def _best(self, graphs: list[Any]) -> float:
        total = 0.0
        for graph in graphs:
            *_, weight = self.fst.get_linear_symbol_sequence(self.fst.shortest_path(graph))
            total += weight.value
        return total

    def calls(self, made: Columns) -> Calls:
        graphs = [self._read(member) for member in members(made)]
        found: Calls = {"viterbi": lambda: self._best(graphs)}
        return found | ({"n-best": lambda: self.fst.shortest_path(graphs[0], 10) and None} if len(graphs) == 1 else {})

    def product_calls(self, left: Columns, right: Columns) -> Calls:
        sides = [self._read(made) for made in (left, right)]
        self.fst.arcsort(sides[1], "ilabel")
        return {
            "compose": lambda: self.fst.compose(*sides) and None,
            "compose + viterbi": lambda: self._best([self.fst.compose(*sides)]),
        }


class Gtn:
    """GTN's Python bindings: float32, scores instead of energies."""

    name, module, needs = "GTN", "gtn", ""
    tasks = ("viterbi", "forward", "gradients", "compose", "compose + viterbi", "compose + gradients")

    def __init__(self) -> None:
        self.gtn = importlib.import_module("gtn")

    def _graph(self, made: Columns) -> Any:
        made = columns_of(trimmed(graph_of(made))[0])  # it refuses graphs with dead ends
        graph = self.gtn.Graph(True)
        finals = set(np.atleast_1d(made["finals"]).tolist())
        for node in range(int(made["n_states"])):
            graph.add_node(node == int(made["start"]), node in finals)
        columns = (made[name].tolist() for name in ("src", "dst", "ilabel", "olabel", "energy"))
        for src, dst, ilabel, olabel, energy in zip(*columns):
            graph.add_arc(src, dst, ilabel, olabel or self.gtn.epsilon, -energy)
        return graph

    def _path(self, graphs: list[Any]) -> float:
        return -sum(sum(self.gtn.viterbi_path(graph).weights_to_list()) for graph in graphs)

    def _sums(self, graphs: list[Any], leaves: list[Any]) -> float:
        scores = [self.gtn.forward_score(graph) for graph in graphs]
        self.gtn.backward(scores)
        for leaf in leaves:
            leaf.zero_grad()
        return -sum(score.item() for score in scores)

    def calls(self, made: Columns) -> Calls:
        graphs = [self._graph(member) for member in members(made)]
        return {
            "viterbi": lambda: self._path(graphs),
            "forward": lambda: -sum(self.gtn.forward_score(graph).item() for graph in graphs),
            "gradients": lambda: self._sums(graphs, graphs),
        }

    def product_calls(self, left: Columns, right: Columns) -> Calls:
        sides = [self._graph(made) for made in (left, right)]
        for graph in sides:
            graph.arc_sort(graph is sides[0])
        return {
            "compose": lambda: self.gtn.compose(*sides) and None,
            "compose + viterbi": lambda: self._path([self.gtn.compose(*sides)]),
            "compose + gradients": lambda: self._sums([self.gtn.compose(*sides)], sides),
        }


class K2:
    """k2 on the CPU: scores instead of energies, sums in float64, a union of graphs as one vector of them."""

    name, module, needs = "k2", "k2", ""
    tasks = ("viterbi", "forward", "gradients")

    def __init__(self) -> None:
        self.k2 = importlib.import_module("k2")

    def _graph(self, made: Columns) -> Any:
        nodes, finals = int(made["n_states"]), np.atleast_1d(made["finals"])
        columns = (made[name].tolist() for name in ("src", "dst", "ilabel", "energy"))
        lines = [f"{src} {dst} {label} {-energy!r}" for src, dst, label, energy in zip(*columns)]
        lines += [f"{final} {nodes} -1 0" for final in finals.tolist()]
        return self.k2.Fsa.from_str("\n".join([*lines, str(nodes)]))

    def _sums(self, graphs: Any) -> float:
        scores = graphs.get_tot_scores(use_double_scores=True, log_semiring=True).sum()
        scores.backward()
        graphs.scores.grad = None
        return -float(scores)

    def calls(self, made: Columns) -> Calls:
        graphs = self.k2.create_fsa_vec([self._graph(member) for member in members(made)])
        graphs.scores.requires_grad_(True)
        totals = {"use_double_scores": True, "log_semiring": True}
        return {
            "viterbi": lambda: -float(self.k2.shortest_path(graphs, True).scores.sum()),
            "forward": lambda: -float(graphs.get_tot_scores(**totals).sum()),
            "gradients": lambda: self._sums(graphs),
        }

    def product_calls(self, left: Columns, right: Columns) -> Calls:
        return {}


class Torch:
    """What one would write in torch: the levels of a graph, or the emissions' steps, with its own derivatives.

    float64, one thread. The order of the levels is given; only graphs whose arcs go from a level to the next.
    """

    name, module, needs = "torch", "torch", ""
    tasks = ("forward", "gradients", "compose + gradients")

    def __init__(self) -> None:
        self.torch = importlib.import_module("torch")
        self.torch.set_num_threads(1)

    def _joined(self, entering: Any, heads: Any, nodes: int) -> Any:
        """(nodes,) the soft minimum of the energies that enter each."""
        torch = self.torch
        least = torch.full((nodes,), math.inf, dtype=torch.float64).scatter_reduce(0, heads, entering.detach(), "amin")
        sums = torch.zeros(nodes, dtype=torch.float64).scatter_add(0, heads, torch.exp(least[heads] - entering))
        return least - torch.log(sums)

    def calls(self, made: Columns) -> Calls:
        torch = self.torch
        if "node_off" in made:
            return {}
        made = columns_of(trimmed(graph_of(made))[0])
        levels = _levels(made)
        if not levels:
            return {}
        steps = []
        for low, high, first, end, before in levels:
            tails, heads = (
                made["src"][low:high].astype(np.int64) - before,
                made["dst"][low:high].astype(np.int64) - first,
            )
            steps.append((slice(low, high), torch.from_numpy(tails), torch.from_numpy(heads), end - first))
        energy = torch.tensor(np.asarray(made["energy"], dtype=np.float64), requires_grad=True)

        def forward() -> Any:
            alpha = torch.zeros(1, dtype=torch.float64)
            for arcs, tails, heads, nodes in steps:
                alpha = self._joined(alpha[tails] + energy[arcs], heads, nodes)
            return -torch.logsumexp(-alpha, 0)

        def gradients() -> float:
            energy.grad = None
            total = forward()
            total.backward()
            return total.item()

        def plain() -> float:
            with torch.no_grad():
                return float(forward())

        return {"forward": plain, "gradients": gradients}

    def product_calls(self, left: Columns, right: Columns) -> Calls:
        torch = self.torch
        steps = int(left["n_states"]) - 1
        emissions = torch.tensor(left["energy"].reshape(steps, -1), requires_grad=True)
        tails, heads = (torch.from_numpy(right[name].astype(np.int64)) for name in ("src", "dst"))
        column, energy = torch.from_numpy(right["ilabel"].astype(np.int64) - 1), torch.from_numpy(right["energy"])
        nodes = int(right["n_states"])

        def gradients() -> float:
            emissions.grad = None
            alpha = torch.full((nodes,), math.inf, dtype=torch.float64)
            alpha[0] = 0.0
            far = torch.tensor(1e9, dtype=torch.float64)  # infinities would make its derivatives nan
            for row in emissions:
                alpha = self._joined(torch.minimum(alpha, far)[tails] + energy + row[column], heads, nodes)
            alpha[0].backward()
            return alpha[0].item()

        return {"compose + gradients": gradients}


def _levels(made: Columns) -> list[tuple[int, int, int, int, int]]:
    """(first arc, end, first node, end, first node of the level before) of each level; none for other graphs."""
    src, dst, nodes = made["src"], made["dst"], int(made["n_states"])
    level = evaluation_order(src, dst, np.array([0, nodes])).level
    if (np.diff(src) < 0).any() or (level[dst] != level[src] + 1).any() or level[-1] > _MOST_LEVELS:
        return []
    bounds = [*np.flatnonzero(np.diff(level, prepend=-1)).tolist(), nodes]
    arcs = np.searchsorted(src, bounds).tolist()
    return [
        (arcs[number - 1], arcs[number], bounds[number], bounds[number + 1], bounds[number - 1])
        for number in range(1, len(bounds) - 1)
    ]


PEERS: tuple[Any, ...] = (Pynini, Rustfst, Kaldifst, Gtn, K2, Torch)


def installed() -> tuple[list[Any], dict[str, str]]:
    """The peers that are here, and of the others why they are not."""
    found, absent = [], {}
    for peer in PEERS:
        try:
            if peer.needs and shutil.which(peer.needs) is None:
                raise ImportError(f"{peer.needs} is not installed")
            found.append(peer())
        except ImportError as error:
            absent[peer.name] = str(error)
    return found, absent
