"""Variational bounds on the log loss, minimised.

path_samples    a bound's gradient from paths drawn from q
proposal_fit    q fitted to one graph
variational_em  a bound by a second recogniser (variational EM)
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.learning.variational.proposal_fit import LatticeRow, fit
    from lattice_cli.learning.variational.variational_em import (
        PROPOSAL,
        ArcProposal,
        BoundOutcome,
        NetworkProposal,
        Proposal,
        evaluate_bound,
    )

__getattr__ = lazy_names(__name__)
