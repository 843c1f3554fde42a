"""Lattice: decode and train with lattices, in the energy view of Graph Transformer Networks.

On the command line it is `lattice`. From Python, `import lattice_cli as lattice` gives what is imported below, loaded
when it is used: graphs and records, and a function for each question. README.md beside this file is the map of the
package.

errors    exceptions with exit statuses; how messages list nodes, labels and counts
settings  fields of configurations that document themselves
choices   the names of what can be chosen, without what they stand for
lazy      packages whose names are loaded when they are used
library   the functions below
remote    files at URLs
torch     losses over lattices for training loops of one's own
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.composition.composition import Composition
    from lattice_cli.errors import Diverged, FormatError, GraphError, LatticeError, NoPath, UsageError
    from lattice_cli.graph.construct import emission_graph, linear_graph
    from lattice_cli.graph.graph import Graph
    from lattice_cli.graph.record import Document
    from lattice_cli.learning.training.training_loop import TrainingListener
    from lattice_cli.library import compose, forward, loss, matrix, read, read_all, sample, viterbi, write
    from lattice_cli.models.trainings.trainer import Trainer, train

__all__ = [
    "Composition",
    "Diverged",
    "Document",
    "FormatError",
    "Graph",
    "GraphError",
    "LatticeError",
    "NoPath",
    "Trainer",
    "TrainingListener",
    "UsageError",
    "compose",
    "emission_graph",
    "forward",
    "linear_graph",
    "loss",
    "matrix",
    "read",
    "read_all",
    "sample",
    "train",
    "viterbi",
    "write",
]
__version__ = "0.1.0"

__getattr__ = lazy_names(__name__)
