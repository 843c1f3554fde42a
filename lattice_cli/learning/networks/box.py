"""A convolution that covers an item in one step, on items given as flat rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.graph.graph import FloatArray
from lattice_cli.learning.networks.convolution import ConvolutionNetwork
from lattice_cli.learning.networks.layers import Parameters, Pullback


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
