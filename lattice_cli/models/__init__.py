"""Configurations and model files as models: where files and learning meet.

assemble          a configuration file and what it names, put together
chain_file        chains with costs, as files
description       what is in a model file, to be shown
grammar_argument  what -g, --ctc and --combine mean: a decoder
module_code       code of modules of torch: read, named in models, trusted or not
model_store       trained models to and from files
neural_store      neural grammars in model files
module_weights    state dicts of modules, in files of their own
onnx_recognizer   networks in ONNX files as recognisers; sole importer of onnxruntime
trainings/        trainings: one, or one for each point of a grid, written down
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.models.chain_file import ChainFile, split_chains
    from lattice_cli.models.description import described, described_ngrams
    from lattice_cli.models.grammar_argument import factor_names, read_decoder, read_grammar_argument
    from lattice_cli.models.model_store import Recognition, load_model, load_model_with_proposal, recognition_of
    from lattice_cli.models.neural_store import NEURAL, neural_of, save_neural
    from lattice_cli.models.onnx_recognizer import OnnxRecognizer
    from lattice_cli.models.trainings import GridRow, OutputLock, Trainer, grid_points, train, train_grid

__getattr__ = lazy_names(__name__)
