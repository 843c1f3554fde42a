"""Two automata as one, with the arc of each side that every arc of the result comes from.

combine      how two energies become one (add, max, min, left, right), and their derivatives
composition  Composition: interpretation graph with provenance; a cascade of them, gradients back to every factor
explain      why a composition or a graph has no path
matcher      arcs of one side by (node, label)
pair_search  reachable pairs of states, breadth first, with the epsilon filter
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.composition.combine import ADD, OPERATORS, Combine, operator_of
    from lattice_cli.composition.composition import Composition, Factor, alone, compose, then
    from lattice_cli.composition.explain import has_path, why_empty, why_no_path

__getattr__ = lazy_names(__name__)
