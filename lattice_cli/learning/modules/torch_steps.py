"""Optimisers of torch and their schedules, by name, on our vector of parameters in float64."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found,import-untyped,unused-ignore]
from numpy.typing import NDArray

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import UsageError
from lattice_cli.learning.modules.module_settings import TorchOptimizerSettings
from lattice_cli.learning.optimizers import FOREIGN, Evaluate, State, clipped


class TorchOptimizer:
    """See Optimizer. The parameters are one vector to torch's optimiser, which is the same for any that steps each
    number by itself; one that looks at the shapes of weights (Muon) has nothing to look at."""

    full_batch = False
    converged = False

    def __init__(self, settings: TorchOptimizerSettings, rate: float, clip: float | None, steps: int) -> None:
        """steps: of the whole training. Raises UsageError for names and arguments that torch does not know."""
        self.settings, self.rate, self.clip, self.total = settings, rate, clip, steps
        self.scale = 1.0
        self._steps = 0
        self._held: dict[str, Any] = {}
        self._begin(np.zeros(1))  # what torch does not know is said before anything is computed

    def _begin(self, theta: FloatArray) -> None:
        """Anew at these parameters, after as many steps as were taken."""
        self._theta = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
        told = self.settings
        kind = _class(torch.optim, told.name, torch.optim.Optimizer, "name")
        if issubclass(kind, (torch.optim.LBFGS, torch.optim.SparseAdam)):
            raise UsageError(
                f"optimizer.torch.name: {told.name} takes more than a gradient a step (method: lbfgs does)"
            )
        self._optimizer = _made("name", kind, [self._theta], {"lr": self.rate}, told.arguments)
        self._schedule = None
        if told.schedule:
            schedules = torch.optim.lr_scheduler
            kind = _class(schedules, told.schedule, schedules.LRScheduler, "schedule")
            if issubclass(kind, schedules.ReduceLROnPlateau):
                raise UsageError("optimizer.torch.schedule: ReduceLROnPlateau looks at errors, expected one of steps")
            known = {"total_steps": self.total, "T_max": self.total, "total_iters": self.total, "max_lr": self.rate}
            self._schedule = _made("schedule", kind, self._optimizer, known, told.schedule_arguments)
            if self._steps:
                self._optimizer.step()  # torch wants one before; without gradients it is none
            for _ in range(self._steps):
                self._onward()
        self._optimizer.state[self._theta].update(self._held)

    def step(self, theta: FloatArray, evaluate: Evaluate) -> tuple[FloatArray, float]:
        """One evaluation, one step."""
        value, gradient = evaluate(theta)
        if len(self._theta) != len(theta):
            self._begin(theta)
        with np.errstate(all="ignore"):
            gradient = clipped(gradient, self.clip)
        with torch.no_grad():
            self._theta.copy_(torch.from_numpy(np.array(theta)))
        self._theta.grad = torch.from_numpy(np.array(gradient))
        self._optimizer.step()
        self._steps += 1
        self._onward()
        found: FloatArray = self._theta.detach().numpy().copy()
        return found, value

    def _onward(self) -> None:
        if self._schedule is not None:
            try:
                self._schedule.step()
            except ValueError as error:  # its last step is over
                raise UsageError(f"optimizer.torch.schedule: {error}") from None

    def state(self) -> State:
        """steps: taken; the others: torch's own, by its names, vectors of a number for each parameter, or numbers."""
        own = self._optimizer.state.get(self._theta, {})
        arrays = {f"{FOREIGN}{name}": _numbers(value) for name, value in own.items() if value is not None}
        return {"steps": np.array(self._steps), **arrays}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` gave: rates are where so many steps bring them. Raises ValueError."""
        steps = int(state["steps"])
        if not 0 <= steps <= self.total:
            raise ValueError(f"{steps} steps of {self.total}")
        self._steps = steps
        self._held = {
            name.removeprefix(FOREIGN): torch.from_numpy(np.array(array))
            for name, array in state.items()
            if name.startswith(FOREIGN)
        }
        self._theta = torch.zeros(0)  # begun with the next step, which knows the parameters


def _class(home: Any, name: str, base: Any, key: str) -> Any:
    found = getattr(home, name, None)
    if not (isinstance(found, type) and issubclass(found, base) and found is not base):
        have = sorted(
            each
            for each, kind in vars(home).items()
            if isinstance(kind, type) and issubclass(kind, base) and kind is not base and not each.startswith("_")
        )
        raise UsageError(f"optimizer.torch.{key}: torch has no {name!r}, expected one of {', '.join(have)}")
    return found


def _made(key: str, kind: Any, first: Any, known: Mapping[str, Any], arguments: Mapping[str, Any]) -> Any:
    """known: arguments that it gets if it asks for them and they are not given."""
    asked = inspect.signature(kind).parameters
    given = {name: value for name, value in known.items() if name in asked} | dict(arguments)
    try:
        return kind(first, **given)
    except (TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise UsageError(f"optimizer.torch.{key}: {kind.__name__}: {error}") from None


def _numbers(value: Any) -> NDArray[Any]:
    found: NDArray[Any] = value.detach().cpu().numpy().copy() if isinstance(value, torch.Tensor) else np.array(value)
    return found
