"""A convolution along records of any length: all of them on one strip, a window of blank columns around each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lattice_cli.arrays import FloatArray
from lattice_cli.errors import UsageError
from lattice_cli.learning.networks.convolution import ConvolutionNetwork
from lattice_cli.learning.networks.layers import Parameters, Pullback


@dataclass(frozen=True)
class StripNetwork:
    """Records (columns, height), one a strip, -> rows of outputs: ceil(columns / stride) for each record in order.

    A record is padded with blank columns so that its steps are centred on it; steps between records are left out.
    """

    network: ConvolutionNetwork

    def __post_init__(self) -> None:
        if self.network.stride > self.network.receptive:
            raise UsageError(
                f"convolution: a step sees {self.network.receptive} columns, but steps are {self.network.stride} apart"
            )

    @property
    def height(self) -> int:
        """Numbers in a column."""
        return self.network.height

    @property
    def outputs(self) -> int:
        """Numbers in a row of outputs."""
        return self.network.outputs

    def steps(self, columns: int) -> int:
        """Rows of outputs for a record of that many columns."""
        return -(-columns // self.network.stride)

    def initial(self, rng: np.random.Generator) -> Parameters:
        """Parameters to start from."""
        return self.network.initial(rng)

    def forward(self, parameters: Parameters, records: Sequence[FloatArray]) -> tuple[FloatArray, Pullback]:
        """(steps of all records, outputs), and the backward pass."""
        receptive, stride = self.network.receptive, self.network.stride
        wanted = np.array([self.steps(len(record)) for record in records], dtype=np.intp)
        # Steps of a record see (wanted - 1) * stride + receptive columns; slots are whole numbers of strides.
        slots = wanted + -(-(receptive - stride) // stride)
        first = np.cumsum(slots) - slots
        columns = int(slots.sum()) * stride + receptive
        strip = np.zeros((1, columns, self.height))
        for record, step, count in zip(records, first.tolist(), wanted.tolist()):
            left = step * stride + ((count - 1) * stride + receptive - len(record)) // 2
            strip[0, left : left + len(record)] = record
        values, pull = self.network.forward(parameters, strip)
        kept = np.repeat(first - (np.cumsum(wanted) - wanted), wanted) + np.arange(int(wanted.sum()))

        def pullback(gradient: FloatArray) -> Parameters:
            """gradient: (steps of all records, outputs)."""
            whole = np.zeros(values.shape)
            whole[0, kept] = gradient
            return pull(whole)

        return values[0, kept], pullback
