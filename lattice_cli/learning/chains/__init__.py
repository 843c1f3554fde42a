"""Chains z_{k+1} = f_k(z_k, w_k) with costs, and their Lagrangian: states forward, multipliers backward.

chain        StateChain: states, multipliers, gradients, residuals; their differences
expressions  formulas of one line, with their derivatives by every name
fitting      weights and first states of least cost
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.learning.chains.chain import Checked, Solved, StateChain, checked, solved
    from lattice_cli.learning.chains.expressions import FUNCTIONS, Expression, NotFinite
    from lattice_cli.learning.chains.fitting import Fit, fitted

__getattr__ = lazy_names(__name__)
