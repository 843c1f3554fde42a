"""What is minimised: the ten losses, the energies of correct and incorrect answers, and their gradients.

answer_graphs   correct, wrong and all answers of an example
batch_loss      the same for a training batch (to be one with the line above, section 4.5)
contrasts       what losses of one record and of many have in common
gradient_check  gradients against central differences, kinks told apart
loss_energies   energies of correct, offending and all answers of records
losses          the ten losses as functions of a few energies
path_sets       the paths a loss is taken over, at energies that change
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.learning.losses.answer_graphs import AnswerGraphs
    from lattice_cli.learning.losses.batch_loss import Batch, Objective, Outcome
    from lattice_cli.learning.losses.gradient_check import Check, RecordLosses, checked
    from lattice_cli.learning.losses.loss_energies import AnswerEnergy, LossFailure, LossResult, evaluate
    from lattice_cli.learning.losses.losses import LOSSES, Settings
    from lattice_cli.learning.losses.path_sets import BuiltPathSet, PathSet, ProductPathSet

__getattr__ = lazy_names(__name__)
