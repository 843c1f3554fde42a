"""What is minimised: the losses, the energies of correct and incorrect answers, and their gradients.

answer_graphs    correct, wrong and all answers of an example
batch_loss       losses of a training batch, with both derivatives
contrasts        offending answers, why a target is not spelled: what loss and train share
expected_errors  expected edit distance, by the edit automaton or over the n best
free_answers     CTC without a grammar: rows, chains and what leaves them, nothing built
gradient_check   gradients against central differences, kinks told apart
loss_energies    losses of records, with their gradients by every arc
loss_results     a loss of a record: its energies, its gradient, notes
losses           the losses as functions of a few energies
other_answers    best paths with wrong answers, of products too large to be built
path_sets        the paths a loss is taken over, at energies that change
row_energies     the paths that losses of a matrix are taken over, row by row
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.learning.losses.answer_graphs import AnswerGraphs, AnswerPaths
    from lattice_cli.learning.losses.batch_loss import Batch, Objective, Outcome
    from lattice_cli.learning.losses.free_answers import FreeAnswers
    from lattice_cli.learning.losses.gradient_check import Check, RecordLosses, checked
    from lattice_cli.learning.losses.loss_energies import evaluate
    from lattice_cli.learning.losses.loss_results import AnswerEnergy, LossFailure, LossResult
    from lattice_cli.learning.losses.losses import LOSSES, Settings
    from lattice_cli.learning.losses.path_sets import AllPaths, BuiltPathSet, PathSet

__getattr__ = lazy_names(__name__)
