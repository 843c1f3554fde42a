"""From a configuration to a trained model.

config          every key of a configuration with its meaning
crew            who works on pieces: this process, or several
diagnosis       over-fitting, too few epochs, nothing learned: what epochs tell
held_pieces     what a process holds of a problem, and what it adds to a step
model           a model made of a configuration
model_cascade   the factors behind a recogniser, composed, each fixed or learned
pieces          the fixed parts of batches
problem         the objective as a function of one vector
record_bounds   the bounds of a record, as bound asks for them
training_loop   epochs of steps, the weights to keep
training_state  where a training stands, as its checkpoint has it
validation      loss and errors on held-out examples
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.learning.training.config import FactorSettings, GrammarSettings, TrainConfig, factor_names
    from lattice_cli.learning.training.crew import Alone, Crew, Spread
    from lattice_cli.learning.training.model import Model, build_model
    from lattice_cli.learning.training.model_cascade import ModelCascade, ModelFactor
    from lattice_cli.learning.training.pieces import PIECE, Piece, most_pieces
    from lattice_cli.learning.training.problem import Problem, examples_of, require_examples
    from lattice_cli.learning.training.record_bounds import BoundRequest, RecordBounds
    from lattice_cli.learning.training.training_loop import Training, TrainingListener
    from lattice_cli.learning.training.training_state import Epoch, TrainingState
    from lattice_cli.learning.training.validation import Validation

__getattr__ = lazy_names(__name__)
