"""The names of what can be chosen: what commands and configurations list without loading what the names stand for.

Each is the keys of a table, or the cases of a function, in the engine; tests hold them together.
"""

from __future__ import annotations

from typing import Literal, get_args

#: The losses, the ten of the lecture first (learning.losses.losses), each with its formula for the help.
LOSS_FORMULAS = {
    "energy": "E_C",
    "perceptron": "E_C - min of all E",
    "hinge": "max(0, m + d)",
    "log": "log(1 + e^d)",
    "lvq2": "min(M, max(0, d))",
    "mce": "1 / (1 + e^-d)",
    "square-square": "E_C^2 + max(0, m - E_I)^2",
    "square-exp": "E_C^2 + gamma e^-E_I",
    "nll": "F(correct) - F(all)",
    "mee": "1 - P(correct)",
    "mwer": "E[edit distance]",
}
LOSSES = tuple(LOSS_FORMULAS)
#: How the energy of an answer with several paths is taken: that of the best, or their free energy.
LATENTS = ("viterbi", "forward")
#: Whose arcs are reported on (records.interpretation).
SIDES = ("recognition", "grammar", "interpretation")
#: How the energies of two matching arcs become one (composition.combine).
COMBINE = ("add", "max", "min", "left", "right", "product")
#: How labels spell words, and texts become labels (grammars.spelling); that labels are words says two words for it.
SPLITS = ("words", "characters", "labels", "pieces")
#: Of hidden layers (learning.networks.layers).
ActivationName = Literal["tanh", "relu", "sigmoid"]
ACTIVATIONS: tuple[ActivationName, ...] = get_args(ActivationName)
#: What becomes of a network's outputs (learning.recognizers.outputs).
OUTPUTS = ("energies", "log-softmax", "softplus")
#: What has an energy of its own in a proposal that is fitted (learning.variational.proposal_fit).
TIES = ("arc", "label", "level", "mean-field")
#: Where the gradient of such a fit is from (learning.variational.proposal_fit).
FITS = ("exact", "samples")
#: States that an exact search of a matrix follows, all rows together, before it says how far it came (records.request):
#: some seconds, and some hundred megabytes.
MAX_STATES = 8_000_000
