"""Whether compiled loops are used: the rule, in one place.

They come with numba (`pip install 'lattice-decoder[fast]'`), and walk the same schedule as numpy does. Loading them
takes half a second, so by themselves they are used for graphs so large that they win that back at once.
LATTICE_COMPILED=1 asks for them always, which pays for a long stream of large graphs, and =0 never. The rule looks at a
graph by itself: what a record gives must not depend on which records came before it, and sums of compiled loops may
differ in the last bit (exp is another one). That is why a union, which may be cut in many ways, has none unless asked.
"""

from __future__ import annotations

import importlib.util
import os
from functools import lru_cache
from types import ModuleType

from lattice_cli.graph.graph import Graph

#: From so many arcs on a schedule and a sweep by compiled loops are faster than by numpy by more than loading takes.
LARGE = 3_000_000
_SWITCH = "LATTICE_COMPILED"


def loops_for(graph: Graph) -> ModuleType | None:
    """The compiled loops, if they are there and this graph is to be walked by them."""
    switch = os.environ.get(_SWITCH, "")
    if switch == "0" or (switch != "1" and (graph.arcs < LARGE or graph.graphs > 1)):
        return None
    return _loaded()


@lru_cache(maxsize=1)
def _loaded() -> ModuleType | None:
    if importlib.util.find_spec("numba") is None:
        return None
    from lattice_cli.graph import compiled

    return compiled
