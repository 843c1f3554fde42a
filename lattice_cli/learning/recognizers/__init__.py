"""From inputs (rows, strips of images, segments, named scores) to the energies of arcs, and back.

augmentation      images moved, thickened, erased while they are learned from
cut_energies      energies of cuts, learned
examples          Example: a record as its recognition graph; what it is at every step
outputs           energies as they are, log-softmax, softplus
recognizer        Recognizer: rows, strips, segments, scores to arc energies and back
recognizer_check  gradients, adjoints and fixed points of a recogniser
recognizer_kinds  the one table of recognisers: settings, what each owns, how it is built
tied_energies     energies that are sums of weights
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.learning.recognizers.augmentation import AugmentSettings, augmented
    from lattice_cli.learning.recognizers.cut_energies import CutEnergySettings
    from lattice_cli.learning.recognizers.examples import Example, at_steps, first_arcs
    from lattice_cli.learning.recognizers.outputs import OUTPUTS
    from lattice_cli.learning.recognizers.recognizer import PullEnergies, Recognizer, RowRecognizer, StripRecognizer
    from lattice_cli.learning.recognizers.recognizer_check import RecognizerCheck, check_recognizer
    from lattice_cli.learning.recognizers.recognizer_kinds import (
        RECOGNIZERS,
        LayerSettings,
        RecognizerKind,
        RecognizerSettings,
        Surroundings,
        on_items,
    )
    from lattice_cli.learning.recognizers.tied_energies import LinearEnergies, by_scores, fixed, free

__getattr__ = lazy_names(__name__)
