"""The graph of connectionist temporal classification."""

from __future__ import annotations

import numpy as np

from lattice_cli.graph.graph import EPSILON, Graph, Labels


def ctc_topology(labels: Labels, blank: int) -> Graph:
    """Alignments to outputs: repeats of a label merge unless the blank stands between, and the blank is not output.

    Node k is "the last frame was label k", with the blank's node as start; entering a node by another label outputs it.
    Each alignment has one path, so sums over alignments are right (Graves et al. 2006). `blank` is an index in labels.
    """
    classes = np.arange(1, len(labels), dtype=np.intp)
    last, now = (grid.ravel() for grid in np.meshgrid(classes, classes, indexing="ij"))
    silent = (now == blank) | (now == last)
    start = np.full(len(classes), np.inf)
    start[blank - 1] = 0.0
    output = np.where(silent, EPSILON, now)
    return Graph(last - 1, now - 1, now, output, np.zeros(len(now)), start, np.zeros(len(classes)), labels)
