"""Grammars that call grammars: rules as automata whose arcs call rules (recursive transition networks, Woods 1970).

beside    the part of such a grammar that a record reaches and finishes
chart     where a rule that stands at a node of a record can end (inside pass)
pushdown  states with the stack of places to come back to; written out to a depth
rules     the automata, and what is wrong with rules: no way out, no progress
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.grammars.recursion.beside import Expansion, RecursiveGrammar
    from lattice_cli.grammars.recursion.pushdown import to_depth
    from lattice_cli.grammars.recursion.rules import rules_of, with_ends_merged

__getattr__ = lazy_names(__name__)
