"""What the epochs of a training that is over tell a person: over-fitting, too few epochs, nothing learned.

The criteria are simple ones, and say nothing where it is not clear; page train has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from lattice_cli.learning.training.config import TrainConfig
from lattice_cli.learning.training.training_state import Epoch

#: The validation loss has risen where it is this part above its least in each of so many last epochs.
_RISE, _RISEN = 0.05, 2
#: The loss is still falling where it has come down by this part in each of so many last epochs, of so many at least:
#: who asks for fewer knows it.
_FALL, _FALLING, _EPOCHS = 0.1, 2, 5
#: What is small beside the first epoch's loss, of losses and of their differences.
_SMALL = 0.01
#: The loss has moved where that of the first batch, or of an epoch beside the first one, has come down by this part; in
#: fewer epochs and steps than these nobody expects it to.
_MOVED, _MOVING, _STEPS = 0.01, 3, 50


def overfitted(epochs: Sequence[Epoch], config: TrainConfig, kept: int) -> str | None:
    """What is to be said of a validation loss that has risen while the training loss fell. kept: the number of the
    epoch whose weights the model has."""
    known = [epoch for epoch in epochs if epoch.validation_loss is not None]
    if len(known) <= _RISEN:
        return None
    losses = [epoch.validation_loss or 0.0 for epoch in known]
    lowest = losses.index(min(losses))
    least, last, rise = losses[lowest], losses[-1], min(losses[-_RISEN:]) - losses[lowest]
    if least <= 0 or lowest >= len(known) - _RISEN or rise <= max(_RISE * least, _SMALL * losses[0]):
        return None
    if known[-1].loss >= known[lowest].loss:
        return None
    best = known[lowest]
    said = (
        f"over-fitting: the validation loss was least at epoch {best.number}, {least:.4g}, and is {last:.4g} now, "
        f"while the training loss went from {best.loss:.4g} to {known[-1].loss:.4g}"
    )
    ways = [f"training.keep: loss keeps epoch {best.number}"] if kept != best.number else []
    ways.append(f"objective.l2 ({config.objective.l2:g} now)")
    if config.alignment.kind in ("segments", "whole") or config.recognizer.shape:
        ways += [] if config.data.augment.given else ["data.augment"]
    return f"{said}; {f'the model is that of epoch {kept}; ' if kept else ''}what may help: {', '.join(ways)}"


def underfitted(epochs: Sequence[Epoch]) -> str | None:
    """What is to be said of a loss that was still falling fast when there were no more epochs."""
    if len(epochs) < _EPOCHS:
        return None
    losses = [epoch.loss for epoch in epochs]
    recent = losses[-_FALLING - 1 :]
    falling = all(after < (1 - _FALL) * before for before, after in pairwise(recent))
    if not falling or losses[-1] <= _SMALL * losses[0]:
        return None
    held = [epoch.validation_loss for epoch in epochs]
    if held[-1] is not None and held[-1] > min(loss for loss in held if loss is not None):
        return None
    part = 100 * (1 - recent[-1] / recent[-2])
    least = "" if held[-1] is None else ", and so was the validation loss"
    return f"the loss was still falling, by {part:.0f} % in the last epoch{least}: more training.epochs would lower it"


def nothing_learned(begun: float | None, now: float, config: TrainConfig) -> str | None:
    """What is to be said where epochs have hardly moved the loss. begun: of the first batch before the first step; now:
    of the same batch."""
    if begun is None or now < (1 - _MOVED) * begun:
        return None
    return (
        f"nothing was learned: the loss of the first batch was {begun:.4g} before the first step and is {now:.4g} now; "
        f"look at optimizer.rate ({config.optimizer.rate:g} now), at the size of the numbers in the inputs, and "
        "whether the targets are those of the inputs"
    )


def hardly_moved(epochs: Sequence[Epoch], begun: float | None, batches: int) -> bool:
    """True if the epochs alone, of so many batches, look as if nothing was learned."""
    if begun is None or begun <= 0 or len(epochs) < _MOVING or len(epochs) * batches < _STEPS:
        return False
    return min(epoch.loss for epoch in epochs) > (1 - _MOVED) * epochs[0].loss
