"""Grammars that learn: energies that are weights, and networks that predict the next label.

learned        grammars whose energies depend on parameters
neural         a network that predicts the next label
neural_scorer  the same asked word by word, for matrices row by row
text_training  that network learned from text
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.learning.grammars.learned import (
        GRAMMAR,
        GRAMMAR_WEIGHTS,
        MOST_ARCS,
        LearnedGrammar,
        NetworkGrammar,
        PullColumns,
        TiedGrammar,
        learned_grammar,
        ngram,
    )
    from lattice_cli.learning.grammars.neural import NeuralGrammar, NeuralSettings, ReachedGrammar, TrainedGrammar
    from lattice_cli.learning.grammars.text_training import TextEpoch, TextSettings, learn

__getattr__ = lazy_names(__name__)
