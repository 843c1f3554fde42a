"""A module of torch as a function of its parameters: float64 parameters in, energies and the way back out.

Parameters are ours, float64 by name, and are given to the module at each call (torch.func.functional_call), so that one
module serves any weights; its backward pass is torch's. What it keeps itself, running means of batch normalisation,
are its buffers. While it learns, what it draws (dropout) is drawn from the seed that the step gives it, so that a
training goes on to the bit from what is written down.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found,import-untyped,unused-ignore]

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import UsageError
from lattice_cli.learning.modules.module_settings import TorchSettings
from lattice_cli.learning.modules.user_code import UserCode
from lattice_cli.learning.networks import BUFFER, MODULE, Parameters, Pullback


class TorchModule:
    """A module, made anew from its class where parameters to start from are drawn."""

    def __init__(self, code: UserCode, settings: TorchSettings, known: Mapping[str, Any]) -> None:
        """known: what the class is told where it asks for it. Raises UsageError for a class that is no module, a device
        that is not there, a buffer that cannot be written down."""
        self.code, self.settings, self._known = code, settings, dict(known)
        self.dtype = getattr(torch, settings.dtype)
        self.device = _device(settings.device)
        self._draws: np.random.Generator | None = None
        self.module = self._made(0)
        for name, buffer in self._buffers():
            if buffer.is_complex() or (buffer.is_floating_point() and not bool(torch.isfinite(buffer).all())):
                raise UsageError(
                    f"{code.path}: {code.name}: its buffer {name!r} is not of finite numbers, which a model file "
                    "cannot keep: registered with persistent=False it need not be"
                )

    def __reduce__(self) -> tuple[Any, ...]:
        """In another process it is made anew, with the buffers that it has."""
        return _remade, (self.code, self.settings, self._known, self.buffers())

    def _made(self, seed: int) -> Any:
        with torch.random.fork_rng(self._rng_devices()):
            torch.manual_seed(seed)
            found = self.code.make(self._known, self.settings.arguments)
        if not isinstance(found, torch.nn.Module):
            raise UsageError(f"{self.code.path}: {self.code.name} is no torch.nn.Module")
        return found.to(device=self.device, dtype=self.dtype).eval()

    def _rng_devices(self) -> list[Any]:
        return [self.device] if self.device.type == "cuda" else []

    def _buffers(self) -> list[tuple[str, Any]]:
        """Those that a state of the module has."""
        kept = set(self.module.state_dict())
        return [(name, each) for name, each in self.module.named_buffers() if name in kept]

    def exact(self) -> TorchModule:
        """The same in float64, for gradients to be checked."""
        found = TorchModule(self.code, replace(self.settings, dtype="float64"), self._known)
        found.restore(self.buffers())
        return found

    def initial(self, rng: np.random.Generator) -> Parameters:
        """Parameters to start from, as the class draws them."""
        made = self._made(int(rng.integers(2**62)))
        return {f"{MODULE}{name}": _array(each) for name, each in made.named_parameters()}

    def buffers(self) -> Parameters:
        """What it keeps itself, by name, as float64."""
        return {f"{BUFFER}{name}": _array(each) for name, each in self._buffers()}

    def restore(self, buffers: Mapping[str, FloatArray]) -> None:
        """Have it keep these. Raises ValueError for some that are not its own."""
        for name, buffer in self._buffers():
            array = buffers.get(f"{BUFFER}{name}")
            if array is None or array.shape != tuple(buffer.shape):
                found = "missing" if array is None else f"of shape {array.shape}"
                raise ValueError(f"{BUFFER}{name} is {found}, expected shape {tuple(buffer.shape)}")
            buffer.copy_(torch.from_numpy(np.array(array)).to(buffer.dtype))

    def with_weights(self, parameters: Parameters) -> Any:
        """The module itself, a torch.nn.Module, with these weights in it."""
        with torch.no_grad():
            for name, weight in self.module.named_parameters():
                weight.copy_(self._tensor(parameters[f"{MODULE}{name}"]))
        return self.module

    @contextmanager
    def learning(self, draws: np.random.Generator) -> Iterator[None]:
        """Within it the module is in training mode, and draws from `draws`."""
        self._draws = draws
        self.module.train()
        try:
            yield
        finally:
            self._draws = None
            self.module.eval()

    def call(
        self, parameters: Parameters, inputs: Sequence[Any], rows: Callable[[Any], Any]
    ) -> tuple[FloatArray, Pullback]:
        """(rows, outputs) float64, and the backward pass.

        inputs: tensors, those of floating point in our precision. rows: from what the module gives to the rows that are
        wanted; raises UsageError where it is not as expected.
        """
        if self._draws is not None:
            values, weights = self._forward(parameters, inputs, rows, int(self._draws.integers(2**62)))
            return _array(values), lambda gradient: self._pulled(values, weights, gradient)
        with torch.no_grad():
            found = _array(self._forward(parameters, inputs, rows)[0])

        def pull(gradient: FloatArray) -> Parameters:
            return self._pulled(*self._forward(parameters, inputs, rows), gradient)

        return found, pull

    def _forward(
        self, parameters: Parameters, inputs: Sequence[Any], rows: Callable[[Any], Any], seed: int | None = None
    ) -> tuple[Any, dict[str, Any]]:
        weights = {
            name.removeprefix(MODULE): self._tensor(array).requires_grad_()
            for name, array in parameters.items()
            if name.startswith(MODULE)
        }
        with self.code.mistakes("forward"), torch.random.fork_rng(self._rng_devices(), enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(seed)
            given = [self._tensor(each) for each in inputs]
            return rows(torch.func.functional_call(self.module, weights, tuple(given))), weights

    def _tensor(self, array: Any) -> Any:
        kind = np.float64 if self.dtype == torch.float64 else np.float32
        array = np.array(array, dtype=kind) if array.dtype.kind == "f" else np.array(array)
        return torch.from_numpy(array).to(self.device)

    def _pulled(self, values: Any, weights: dict[str, Any], gradient: FloatArray) -> Parameters:
        seed = self._tensor(gradient).reshape(values.shape)
        with self.code.mistakes("backward"):
            found = torch.autograd.grad(values, list(weights.values()), seed, allow_unused=True)
        return {
            f"{MODULE}{name}": np.zeros(tuple(weight.shape)) if each is None else _array(each)
            for (name, weight), each in zip(weights.items(), found)
        }


def _remade(code: UserCode, settings: TorchSettings, known: Mapping[str, Any], buffers: Parameters) -> TorchModule:
    found = TorchModule(code, settings, known)
    found.restore(buffers)
    return found


def _device(name: str) -> Any:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        told = str(error).splitlines()[0]
        raise UsageError(f"recognizer.torch.device: {name!r} is not to be had: {told}") from None
    return device


def _array(tensor: Any) -> FloatArray:
    found: FloatArray = tensor.detach().cpu().to(torch.float64).numpy().copy()
    return found


@dataclass(frozen=True, eq=False)
class ItemModule:
    """A module on items by themselves: forward(items), (items, size) -> (items, outputs). See Network."""

    module: TorchModule
    outputs: int

    def initial(self, rng: np.random.Generator) -> Parameters:
        """Parameters to start from."""
        return self.module.initial(rng)

    def exact(self) -> ItemModule:
        """In float64."""
        return ItemModule(self.module.exact(), self.outputs)

    def forward(self, parameters: Parameters, inputs: FloatArray) -> tuple[FloatArray, Pullback]:
        """(items, outputs), and the backward pass."""

        def rows(found: Any) -> Any:
            _require_shape(self.module.code, found, (len(inputs), self.outputs))
            return found

        return self.module.call(parameters, [inputs], rows)


@dataclass(frozen=True, eq=False)
class SequenceModule:
    """A module on whole records: forward(inputs) or forward(inputs, lengths), inputs (records, longest, height) with
    zeros behind each record and lengths (records,) -> (records, steps, outputs).

    It has as many steps as rows unless it has a method steps(rows). See StripNetwork.
    """

    module: TorchModule
    height: int
    outputs: int

    def initial(self, rng: np.random.Generator) -> Parameters:
        """Parameters to start from."""
        return self.module.initial(rng)

    def exact(self) -> SequenceModule:
        """In float64."""
        return SequenceModule(self.module.exact(), self.height, self.outputs)

    def steps(self, columns: int) -> int:
        """Rows of outputs for a record of that many columns. Raises UsageError if the module has another idea."""
        module, code = self.module.module, self.module.code
        if not hasattr(module, "steps"):
            return columns
        with code.mistakes(f"steps({columns})"):
            found = module.steps(columns)
        if not isinstance(found, int) or found < 0:
            raise UsageError(f"{code.path}: {code.name}.steps({columns}) is {found!r}, expected a whole number")
        return found

    @cached_property
    def _asks_lengths(self) -> bool:
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        asked = inspect.signature(self.module.module.forward).parameters.values()
        return len([each for each in asked if each.kind in kinds]) > 1

    def forward(self, parameters: Parameters, records: Sequence[FloatArray]) -> tuple[FloatArray, Pullback]:
        """(steps of all records, outputs), and the backward pass."""
        lengths = np.array([len(record) for record in records], dtype=np.int64)
        padded = np.zeros((len(records), int(lengths.max(initial=0)), self.height))
        for place, record in zip(padded, records):
            place[: len(record)] = record
        steps = [self.steps(length) for length in lengths.tolist()]
        inputs = [padded, lengths] if self._asks_lengths else [padded]

        def rows(found: Any) -> Any:
            _require_shape(self.module.code, found, (len(records), None, self.outputs))
            if found.shape[1] < max(steps):
                name = self.module.code.name
                raise UsageError(
                    f"{self.module.code.path}: {name} gave {found.shape[1]} steps for {int(lengths.max())} rows, "
                    f"expected {max(steps)}: a module with fewer steps than rows has a method steps(rows)"
                )
            return torch.cat([each[:count] for each, count in zip(found, steps)])

        return self.module.call(parameters, inputs, rows)


def _require_shape(code: UserCode, found: Any, wanted: tuple[int | None, ...]) -> None:
    fits = isinstance(found, torch.Tensor) and found.ndim == len(wanted)
    if not fits or any(want is not None and want != size for want, size in zip(wanted, found.shape)):
        gave = f"shape {tuple(found.shape)}" if isinstance(found, torch.Tensor) else type(found).__name__
        shown = ", ".join("steps" if want is None else str(want) for want in wanted)
        raise UsageError(f"{code.path}: {code.name} gave {gave}, expected ({shown}): energies, the last axis by label")
