"""The frames of nodes in lattices whose inputs are transition-ids, one a frame of speech."""

from __future__ import annotations

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.graph.connect import reachable
from lattice_cli.graph.graph import Graph
from lattice_cli.graph.levels import evaluation_order


def frame_times(graph: Graph) -> FloatArray | None:
    """(nodes,) how many frames have passed at each node; nan where no path comes.

    Input labels are transition-ids, or strings of them as Kaldi writes them, `17_17_18`; each is a frame. None where
    that says nothing: two ways to a node take different numbers of frames, or there are cycles.
    """
    order = evaluation_order(graph.src, graph.dst, graph.node_offsets)
    if order.cyclic or not graph.arcs:
        return None
    taken = np.array([0, *(label.count("_") + 1 for label in graph.labels[1:])], dtype=np.float64)[graph.ilabel]
    reached = reachable(graph.src, graph.dst, graph.starts, graph.nodes)
    # Each node by one of its ways: an arc into it leads back to a start node, in strides that double.
    arcs = np.flatnonzero(reached[graph.src])
    before, frames = np.arange(graph.nodes), np.where(reached, 0.0, np.nan)
    before[graph.dst[arcs]], frames[graph.dst[arcs]] = graph.src[arcs], taken[arcs]
    before[graph.starts], frames[graph.starts] = graph.starts, 0.0
    for _ in range(graph.nodes.bit_length()):
        frames, before = frames + frames[before], before[before]
    agree: bool = (frames[graph.src[arcs]] + taken[arcs] == frames[graph.dst[arcs]]).all()
    return frames if agree else None
