"""Networks of PyTorch, an extra, as functions with backward passes: what people have trained, and go on training.

module_settings  which class of which file, what it is made with, where it is computed
torch_module     a module as parameters in and outputs out; of items, of sequences
torch_steps      optimisers and schedules of torch by their names; with torch_module the importers of torch
user_code        a class in a person's own file: run, made, and its mistakes told with their line
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.learning.modules.module_settings import TorchOptimizerSettings, TorchSettings
    from lattice_cli.learning.modules.torch_module import ItemModule, SequenceModule, TorchModule
    from lattice_cli.learning.modules.torch_steps import TorchOptimizer
    from lattice_cli.learning.modules.user_code import UserCode

__getattr__ = lazy_names(__name__)
