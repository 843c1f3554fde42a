"""The workloads that speed.py and commands.py measure: made with a fixed seed, or read from a folder.

| | what | nodes / arcs |
|---|---|---|
| W1 | emission matrix 1000 x 100 | 1 k / 100 k |
| W2 | emissions 200 x 29 through a 10,000-word trie in a loop | product 8.2 M / 10.1 M |
| W2s | emissions 100 x 29 through a 1,000-word trie in a loop | product 0.44 M / 0.53 M |
| W3 | 300 levels x 200 nodes x 4 arcs | 60 k / 240 k |
| W4 | 50 levels x 20,000 nodes x 3 arcs | 1 M / 3 M |
| W5 | 100,000 levels x 3 nodes x 2 arcs | 300 k / 600 k |
| W6 | 1,000 small lattices of about 50 nodes | 51 k / 141 k in all |
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from lattice_cli.graph import Graph

SEED = 20240607
#: Columns: src, dst, ilabel, olabel, energy; n_states, start, finals; of a union also node_off and arc_off.
Columns = dict[str, np.ndarray]


def _rng(workload: int) -> np.random.Generator:
    return np.random.default_rng([SEED, workload])


def _columns(nodes: int, start: Any, finals: Any, **arcs: Any) -> Columns:
    made = {"n_states": nodes, "start": start, "finals": np.atleast_1d(finals), **arcs}
    made.setdefault("olabel", made["ilabel"])
    return {name: np.asarray(column) for name, column in made.items()}


def _sausage(steps: int, classes: int, rng: np.random.Generator) -> Columns:
    """An emission matrix as a row of vector arcs."""
    logits = rng.normal(size=(steps, classes)) * 2.0
    top = logits.max(1, keepdims=True)
    energy = top + np.log(np.exp(logits - top).sum(1, keepdims=True)) - logits
    src = np.repeat(np.arange(steps), classes)
    label = np.tile(np.arange(1, classes + 1), steps)
    return _columns(steps + 1, 0, steps, src=src, dst=src + 1, ilabel=label, energy=energy.ravel())


def _layer_arcs(levels: int, width: int, degree: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Node 0 leads to a level of nodes, each of which leads to `degree` random nodes of the next level, and so on."""
    level = np.repeat(np.arange(levels - 1), width * degree)
    node = np.tile(np.repeat(np.arange(width), degree), levels - 1)
    src = np.concatenate([np.zeros(width, int), 1 + level * width + node])
    heads = 1 + (level + 1) * width + rng.integers(0, width, size=len(level))
    return src, np.concatenate([1 + np.arange(width), heads])


def layered(levels: int, width: int, degree: int, rng: np.random.Generator) -> Columns:
    src, dst = _layer_arcs(levels, width, degree, rng)
    label = rng.integers(1, 1001, size=len(src))
    nodes = 1 + levels * width
    finals = np.arange(nodes - width, nodes)
    return _columns(nodes, 0, finals, src=src, dst=dst, ilabel=label, energy=rng.uniform(0, 4.0, size=len(src)))


def _batch(members: int, rng: np.random.Generator) -> Columns:
    """Many small layered graphs."""
    parts, nodes, arcs = [], [0], [0]
    for _ in range(members):
        levels, width = int(rng.integers(6, 9)), int(rng.integers(6, 9))
        src, dst = _layer_arcs(levels, width, 3, rng)
        sink = 1 + levels * width
        src, dst = np.append(src, np.arange(sink - width, sink)), np.append(dst, np.full(width, sink))
        label = rng.integers(1, 51, size=len(src))
        parts.append((src + nodes[-1], dst + nodes[-1], label, rng.uniform(0, 4, size=len(src))))
        nodes.append(nodes[-1] + sink + 1)
        arcs.append(arcs[-1] + len(src))
    src, dst, label, energy = (np.concatenate(column) for column in zip(*parts))
    made = _columns(nodes[-1], nodes[:-1], np.array(nodes[1:]) - 1, src=src, dst=dst, ilabel=label, energy=energy)
    return {**made, "node_off": np.array(nodes), "arc_off": np.array(arcs)}


def _lexicon(words: int, rng: np.random.Generator, letters: int = 28) -> Columns:
    """A trie of random words in a loop; the last letter ends a word, at log(words) nats, and outputs its number."""
    trie: list[dict[int, int]] = [{}]
    ends: dict[int, int] = {}
    seen: set[tuple[int, ...]] = set()
    while len(seen) < words:
        word = tuple(int(letter) for letter in rng.integers(1, letters + 1, size=int(rng.integers(3, 11))))
        if word in seen:
            continue
        seen.add(word)
        node = 0
        for letter in word:
            if letter not in trie[node]:
                trie[node][letter] = len(trie)
                trie.append({})
            node = trie[node][letter]
        ends[node] = len(seen)
    arcs = []
    for node, after in enumerate(trie):
        arcs += [(node, head, letter, 0, 0.0) for letter, head in sorted(after.items())]
        if node in ends:
            arcs.append((node, 0, letters + 1, ends[node], float(np.log(words))))
    src, dst, ilabel, olabel, energy = zip(*arcs)
    return _columns(len(trie), 0, 0, src=src, dst=dst, ilabel=ilabel, olabel=olabel, energy=energy)


MAKERS: dict[str, Callable[[], Columns]] = {
    "W1": lambda: _sausage(1000, 100, _rng(1)),
    "W2_em": lambda: _sausage(200, 29, _rng(2)),
    "W2_lex": lambda: _lexicon(10_000, _rng(3)),
    "W2s_em": lambda: _sausage(100, 29, _rng(4)),
    "W2s_lex": lambda: _lexicon(1000, _rng(5)),
    "W3": lambda: layered(300, 200, 4, _rng(6)),
    "W4": lambda: layered(50, 20_000, 3, _rng(8)),
    "W5": lambda: layered(100_000, 3, 2, _rng(9)),
    "W6": lambda: _batch(1000, _rng(10)),
}


def workload(name: str, folder: pathlib.Path | None = None) -> Columns:
    """The columns of a workload (of W2 and W2s: of NAME_em and NAME_lex), made or read."""
    return MAKERS[name]() if folder is None else dict(np.load(folder / f"{name}.npz"))


def graph_of(made: Columns) -> Graph:
    """A workload as a graph; label k is written k."""
    start = np.full(int(made["n_states"]), np.inf)
    final = start.copy()
    start[made["start"]], final[made["finals"]] = 0.0, 0.0
    labels = ("", *map(str, range(1, 1 + int(max(made["ilabel"].max(), made["olabel"].max())))))
    offsets = {}
    if "node_off" in made:
        offsets = {"node_offsets": made["node_off"].astype(np.intp), "arc_offsets": made["arc_off"].astype(np.intp)}
    columns = (made[name] for name in ("src", "dst", "ilabel", "olabel", "energy"))
    return Graph(*columns, start, final, labels, **offsets)


def columns_of(graph: Graph) -> Columns:
    """The columns of a graph whose ends cost nothing."""
    arcs = {name: getattr(graph, name) for name in ("src", "dst", "ilabel", "olabel", "energy")}
    return _columns(graph.nodes, graph.starts[0], graph.finals, **arcs)


def members(made: Columns) -> list[Columns]:
    """The members of a union, with their own numbers of nodes; a plain graph is its own only member."""
    if "node_off" not in made:
        return [made]
    found = []
    bounds = zip(made["node_off"], made["node_off"][1:], made["arc_off"], made["arc_off"][1:], made["start"])
    for low, high, first, end, start in bounds:
        arcs: dict[str, Any] = {name: made[name][first:end] for name in ("ilabel", "olabel", "energy")}
        arcs |= {name: made[name][first:end] - low for name in ("src", "dst")}
        finals = made["finals"][(made["finals"] >= low) & (made["finals"] < high)] - low
        found.append(_columns(int(high - low), int(start - low), finals, **arcs))
    return found


def att_text(made: Columns) -> str:
    """A graph in OpenFst's text form."""
    arcs = zip(*(made[name].tolist() for name in ("src", "dst", "ilabel", "olabel", "energy")))
    lines = [f"{src}\t{dst}\t{ilabel}\t{olabel}\t{energy!r}" for src, dst, ilabel, olabel, energy in arcs]
    return "\n".join([*lines, *map(str, made["finals"].tolist())]) + "\n"
