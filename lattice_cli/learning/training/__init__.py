"""From a configuration to a trained model.

config          every key of a configuration with its meaning
diagnosis       over-fitting, too few epochs, nothing learned: what epochs tell
model           a model made of a configuration
model_cascade   the factors behind a recogniser, composed, each fixed or learned
path_samples    a bound's gradient from paths drawn from q
problem         the objective as a function of one vector
proposal_fit    q fitted to one graph
record_bounds   the bounds of a record, as bound asks for them
training_loop   epochs of steps, the weights to keep
training_state  where a training stands, as its checkpoint has it
validation      loss and errors on held-out examples
variational_em  a bound by a second recogniser (variational EM)
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.learning.training.config import FactorSettings, GrammarSettings, TrainConfig, factor_names
    from lattice_cli.learning.training.model import Model, build_model
    from lattice_cli.learning.training.model_cascade import ModelCascade, ModelFactor
    from lattice_cli.learning.training.problem import Problem, examples_of, require_examples
    from lattice_cli.learning.training.record_bounds import BoundRequest, RecordBounds
    from lattice_cli.learning.training.training_loop import Training, TrainingListener
    from lattice_cli.learning.training.training_state import Epoch, TrainingState
    from lattice_cli.learning.training.validation import Validation
    from lattice_cli.learning.training.variational_em import PROPOSAL, NetworkProposal

__getattr__ = lazy_names(__name__)
