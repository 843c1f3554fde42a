"""The epochs of a training in a file beside its model, a line of JSON each, for whatever makes curves of them."""

from __future__ import annotations

from lattice_cli.errors import FormatError
from lattice_cli.formats.io import json_line, write_whole
from lattice_cli.learning.training import Epoch, TrainingListener, TrainingState


def epoch_line(epoch: Epoch) -> str:
    """An epoch as a line of JSON: what is known of it, by the names of lattice train --json."""
    told = epoch.known()
    return json_line({"epoch": told.pop("number"), **told}) + "\n"


class TrainingHistory(TrainingListener):
    """Writes the epochs down, and passes on what it hears.

    The first epoch of a run writes the file anew, with all epochs that the standing has: those of another training, and
    those that a training which was killed had not got into its checkpoint, are gone. The others are added to it, whole
    lines at a time.
    """

    def __init__(self, path: str, standing: TrainingState, listener: TrainingListener) -> None:
        self.path = path
        self._standing, self._listener = standing, listener
        self._begun = False

    def write(self) -> None:
        """Every epoch of the standing, the file being whole at any time. Raises FormatError where it cannot be."""
        write_whole(self.path, "".join(map(epoch_line, self._standing.epochs)).encode())
        self._begun = True

    def epoch(self, epoch: Epoch) -> None:
        """See TrainingListener. Raises FormatError where it cannot be written down."""
        if not self._begun:
            self.write()
        else:
            try:
                with open(self.path, "ab") as file:
                    file.write(epoch_line(epoch).encode())
            except OSError as error:
                raise FormatError(f"{self.path}: cannot write: {error.strerror or error}") from None
        self._listener.epoch(epoch)

    def batch(self, epoch: int, done: int, batches: int, loss: float) -> None:
        """See TrainingListener."""
        self._listener.batch(epoch, done, batches, loss)

    def note(self, text: str) -> None:
        """See TrainingListener."""
        self._listener.note(text)

    def stopped(self) -> bool:
        """See TrainingListener."""
        return self._listener.stopped()
