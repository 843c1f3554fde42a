"""Trainings that are written down: one, or one for each point of a grid.

history        the epochs of a training, in a file beside its model
output_lock    no two trainings write one model, no two runs one manifest
trainer        train from a configuration, without a terminal
training_grid  a training for each combination of values
"""

from typing import TYPE_CHECKING

from lattice_cli.lazy import lazy_names

if TYPE_CHECKING:
    from lattice_cli.models.trainings.output_lock import OutputLock
    from lattice_cli.models.trainings.trainer import Trainer, train
    from lattice_cli.models.trainings.training_grid import GridPoint, GridRow, grid_points, train_grid

__getattr__ = lazy_names(__name__)
