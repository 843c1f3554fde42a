"""Convolutional networks whose last layer slides as well: TDNN and SDNN.

Weights are shared over columns (time) and rows (height). The output layer covers all rows that are left and some
columns, so that a network for one character becomes one for a whole field by giving it more columns: it is replicated
at every `stride` columns without repeating any work. (LeCun et al. 1989, "Backpropagation applied to handwritten zip
code recognition"; LeCun, Bottou, Bengio, Haffner 1998, section VII: space-displacement neural networks.)

Images are kept with channels last, so that a convolution is one matrix product over the pixels below each kernel
position. They are taken block by block: the pixels below all positions at once would be 25 images of a 5 x 5 kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lattice_cli.arrays import FloatArray
from lattice_cli.choices import ActivationName
from lattice_cli.errors import UsageError
from lattice_cli.learning.networks.layers import ACTIVATIONS, Parameters, Pullback, scaled_random

#: Numbers in the patches of a block: 256 kB, so that they stay in cache between being gathered and multiplied.
_BLOCK = 1 << 15


@dataclass(frozen=True)
class Kernel:
    """A layer: its channels, and the size and stride of its kernel in (columns, rows)."""

    channels: int
    size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)

    def steps(self, columns: int) -> int:
        """Positions over that many columns."""
        return max(0, (columns - self.size[0]) // self.stride[0] + 1)

    def rows(self, rows: int) -> int:
        """Positions over that many rows."""
        return max(0, (rows - self.size[1]) // self.stride[1] + 1)

    def patches(self, images: FloatArray) -> FloatArray:
        """images (items, columns, rows, channels) -> view (items, steps, rows', kernel columns, kernel rows, channels),
        the pixels below each position."""
        windows = sliding_window_view(images, self.size, axis=(1, 2))
        found: FloatArray = windows[:, :: self.stride[0], :: self.stride[1]].transpose(0, 1, 2, 4, 5, 3)
        return found

    def scatter(self, patches: FloatArray, images: FloatArray) -> None:
        """Add pixels below positions to the images they are from: the transpose of `patches`, an offset at a time."""
        steps, rows = patches.shape[1:3]
        (across, down), (over, below) = self.size, self.stride
        for column in range(across):
            for row in range(down):
                images[:, column : column + steps * over : over, row : row + rows * below : below] += patches[
                    :, :, :, column, row
                ]


@dataclass(frozen=True)
class ConvolutionNetwork:
    """(items, columns, height) -> (items, steps, outputs): convolutions with an activation, then a linear output layer.

    The output layer covers all rows left and `last` of the columns left; with last None all that are left of `columns`,
    so that inputs of that many columns give one step.

    With `extras`, inputs are features as a segmenter makes them, (items, columns * height + extras): an image of
    `columns`, and numbers about it that act on the last layer with an activation as a bias that each item has.
    """

    height: int
    layers: tuple[Kernel, ...]
    last: int | None
    outputs: int
    activation: ActivationName = "tanh"
    columns: int | None = None
    extras: int = 0

    def __post_init__(self) -> None:
        if self.last is None and self.columns is None:
            raise UsageError("convolution network: needs the number of columns where the last layer is to cover all")
        if self.extras and self.columns is None:
            raise UsageError("convolution network: needs the number of columns where numbers follow the image")
        for kernel in (*self.layers, Kernel(self.outputs, (1 if self.last is None else self.last, 1))):
            if min(kernel.channels, *kernel.size, *kernel.stride) < 1:
                raise UsageError("convolution network: channels, sizes, strides and outputs have to be at least 1")
        self._check_fit()

    def _check_fit(self) -> None:
        """Follow the size of an image through the layers."""
        rows, columns = self.height, self.columns
        for number, kernel in enumerate(self.layers):
            where = f"convolution network: layer {number} has a kernel of {kernel.size[0]} x {kernel.size[1]}"
            if kernel.rows(rows) < 1:
                raise UsageError(f"{where} (columns x rows), but only {rows} rows are left of {self.height}")
            if columns is not None and kernel.steps(columns) < 1:
                raise UsageError(f"{where} (columns x rows), but only {columns} columns are left of {self.columns}")
            rows, columns = kernel.rows(rows), None if columns is None else kernel.steps(columns)
        if columns is not None and self.last is not None and columns < self.last:
            raise UsageError(
                f"convolution network: the last layer covers {self.last} columns, "
                f"but only {columns} are left of {self.columns}"
            )

    @cached_property
    def kernels(self) -> tuple[Kernel, ...]:
        """All layers, the output layer too."""
        rows, columns = self.height, self.columns or 0
        for kernel in self.layers:
            rows, columns = kernel.rows(rows), kernel.steps(columns)
        return (*self.layers, Kernel(self.outputs, (columns if self.last is None else self.last, rows)))

    @property
    def stride(self) -> int:
        """Columns of the inputs from one step to the next."""
        return int(np.prod([kernel.stride[0] for kernel in self.kernels]))

    @property
    def receptive(self) -> int:
        """Columns of the inputs that one step sees."""
        columns = 1
        for kernel in reversed(self.kernels):
            columns = (columns - 1) * kernel.stride[0] + kernel.size[0]
        return columns

    def steps(self, columns: int) -> int:
        """Steps for inputs of that many columns; 0 if they are fewer than `receptive`."""
        for kernel in self.kernels:
            columns = kernel.steps(columns)
        return columns

    @property
    def _joined(self) -> int:
        """The layer that the extras act on."""
        return max(0, len(self.layers) - 1)

    def initial(self, rng: np.random.Generator) -> Parameters:
        """layer<k>.weight: (kernel columns, kernel rows, channels below, channels), layer<k>.bias: (channels,), and
        with extras extras.weight: (extras, channels)."""
        found: Parameters = {}
        below = 1
        for layer, kernel in enumerate(self.kernels):
            area = kernel.size[0] * kernel.size[1]
            shape = (*kernel.size, below, kernel.channels)
            # What a unit sends to: as many kernel positions as lie over it.
            over = max(1, area // (kernel.stride[0] * kernel.stride[1])) if layer < len(self.layers) else 1
            found[f"layer{layer}.weight"] = scaled_random(
                rng, shape, self.activation, area * below, over * kernel.channels
            )
            found[f"layer{layer}.bias"] = np.zeros(kernel.channels)
            below = kernel.channels
        if self.extras:
            channels = self.kernels[self._joined].channels
            found["extras.weight"] = scaled_random(rng, (self.extras, channels), self.activation, self.extras, channels)
        return found

    def forward(self, parameters: Parameters, inputs: FloatArray) -> tuple[FloatArray, Pullback]:
        """inputs: (items, columns, height), or flat with extras -> outputs: (items, steps, outputs)."""
        images, extras = self._parted(inputs)
        activation = ACTIVATIONS[self.activation]
        reached = [images[..., np.newaxis]]
        for layer, kernel in enumerate(self.kernels):
            values = _convolve(
                kernel, reached[-1], parameters[f"layer{layer}.weight"], parameters[f"layer{layer}.bias"]
            )
            if self.extras and layer == self._joined:
                values += (extras @ parameters["extras.weight"])[:, np.newaxis, np.newaxis]
            reached.append(activation.apply(values) if layer < len(self.layers) else values)

        def pullback(gradient: FloatArray) -> Parameters:
            """gradient: (items, steps, outputs)."""
            found: Parameters = {}
            gradient = gradient[:, :, np.newaxis]
            for layer in reversed(range(len(self.kernels))):
                found[f"layer{layer}.bias"] = gradient.sum(axis=(0, 1, 2))
                if self.extras and layer == self._joined:
                    found["extras.weight"] = extras.T @ gradient.sum(axis=(1, 2))
                found[f"layer{layer}.weight"], by_images = _pull_convolution(
                    self.kernels[layer], reached[layer], parameters[f"layer{layer}.weight"], gradient, inner=layer > 0
                )
                if by_images is not None:
                    gradient = activation.pull(by_images, reached[layer])
            return {name: found[name] for name in parameters}

        return reached[-1][:, :, 0], pullback

    def _parted(self, inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Images (items, columns, height) and extras (items, extras)."""
        if self.extras and self.columns is not None:
            pixels = self.columns * self.height
            if inputs.ndim != 2 or inputs.shape[1] != pixels + self.extras:
                raise UsageError(
                    f"convolution network: inputs of shape {inputs.shape}, "
                    f"expected (items, {self.columns} * {self.height} + {self.extras})"
                )
            return inputs[:, :pixels].reshape(-1, self.columns, self.height), inputs[:, pixels:]
        if inputs.ndim != 3 or inputs.shape[2] != self.height:
            raise UsageError(
                f"convolution network: inputs of shape {inputs.shape}, expected (items, columns, {self.height})"
            )
        if not self.steps(inputs.shape[1]):
            raise UsageError(
                f"convolution network: inputs of {inputs.shape[1]} columns, but a step sees {self.receptive}"
            )
        return inputs, np.zeros((len(inputs), 0))


def _blocks(patches: FloatArray) -> Iterator[tuple[slice, slice]]:
    """Items and steps of each block: whole items, or some steps of one where an item alone is too large."""
    items, steps = patches.shape[:2]
    at_once = max(1, _BLOCK // int(np.prod(patches.shape[2:])))
    if at_once >= steps:
        for item in range(0, items, at_once // steps):
            yield slice(item, item + at_once // steps), slice(0, steps)
        return
    for item in range(items):
        for first in range(0, steps, at_once):
            yield slice(item, item + 1), slice(first, first + at_once)


def _convolve(kernel: Kernel, images: FloatArray, weight: FloatArray, bias: FloatArray) -> FloatArray:
    """(items, columns, rows, channels below) -> (items, steps, rows', channels)."""
    patches = kernel.patches(images)
    area = weight[..., 0].size
    found = np.empty((*patches.shape[:3], kernel.channels))
    for items, steps in _blocks(patches):
        part = patches[items, steps]
        values = part.reshape(-1, area) @ weight.reshape(area, -1)
        values += bias
        found[items, steps] = values.reshape(*part.shape[:3], -1)
    return found


def _pull_convolution(
    kernel: Kernel, images: FloatArray, weight: FloatArray, gradient: FloatArray, inner: bool
) -> tuple[FloatArray, FloatArray | None]:
    """Gradients by the weight and, for an inner layer, by the images, from (items, steps, rows', channels)."""
    patches = kernel.patches(images)
    area = weight[..., 0].size
    flat = weight.reshape(area, -1)
    by_weight = np.zeros_like(flat)
    by_images = np.zeros(images.shape) if inner else None
    for items, steps in _blocks(patches):
        part = patches[items, steps]
        slopes = gradient[items, steps].reshape(-1, kernel.channels)
        by_weight += part.reshape(-1, area).T @ slopes
        if by_images is not None:
            first = steps.start * kernel.stride[0]
            kernel.scatter((slopes @ flat.T).reshape(part.shape), by_images[items, first:])
    return by_weight.reshape(weight.shape), by_images


@dataclass(frozen=True)
class BoxNetwork:
    """(items, columns * height + extras) -> (items, outputs); network: made for that many columns."""

    network: ConvolutionNetwork

    @property
    def outputs(self) -> int:
        """Numbers in a row of outputs."""
        return self.network.outputs

    def initial(self, rng: np.random.Generator) -> Parameters:
        """Parameters to start from."""
        return self.network.initial(rng)

    def forward(self, parameters: Parameters, inputs: FloatArray) -> tuple[FloatArray, Pullback]:
        """(items, outputs), and the backward pass."""
        network = self.network
        items = inputs if network.extras else inputs.reshape(len(inputs), -1, network.height)
        values, pull = network.forward(parameters, items)
        return values[:, 0], lambda gradient: pull(gradient[:, np.newaxis])
