"""Steps on one vector of weights.

lbfgs        L-BFGS
line_search  strong-Wolfe line search
optimizers   sgd, adam, two by turns
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.learning.optimizers.lbfgs import Lbfgs
    from lattice_cli.learning.optimizers.line_search import Evaluate
    from lattice_cli.learning.optimizers.optimizers import (
        FOREIGN,
        Adam,
        Alternating,
        Optimizer,
        Sgd,
        State,
        clipped,
        require_state_like,
    )

__getattr__ = lazy_names(__name__)
