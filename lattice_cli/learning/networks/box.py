"""A convolution on the image of an item, and a dense network on the numbers beside it; their outputs are added."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lattice_cli.graph.graph import FloatArray
from lattice_cli.learning.networks.convolution import ConvolutionNetwork
from lattice_cli.learning.networks.dense import DenseNetwork
from lattice_cli.learning.networks.layers import Parameters, Pullback


@dataclass(frozen=True)
class BoxNetwork:
    """Items (items, columns * rows + extras) -> (items, outputs). image: covers an item in one step."""

    image: ConvolutionNetwork
    extras: DenseNetwork | None

    @property
    def outputs(self) -> int:
        """Numbers in a row of outputs."""
        return self.image.outputs

    def initial(self, rng: np.random.Generator) -> Parameters:
        """Parameters to start from."""
        found = {f"image.{name}": value for name, value in self.image.initial(rng).items()}
        if self.extras is not None:
            found |= {f"extras.{name}": value for name, value in self.extras.initial(rng).items()}
        return found

    def forward(self, parameters: Parameters, inputs: FloatArray) -> tuple[FloatArray, Pullback]:
        """(items, outputs), and the backward pass."""
        columns = self.image.columns or 0
        pixels = columns * self.image.height
        values, pull = self.image.forward(
            _part(parameters, "image."), inputs[:, :pixels].reshape(len(inputs), columns, self.image.height)
        )
        outputs = values[:, 0]
        pull_extras: Pullback | None = None
        if self.extras is not None:
            beside, pull_extras = self.extras.forward(_part(parameters, "extras."), inputs[:, pixels:])
            outputs = outputs + beside

        def pullback(gradient: FloatArray) -> Parameters:
            """gradient: (items, outputs)."""
            found = {f"image.{name}": value for name, value in pull(gradient[:, np.newaxis]).items()}
            if pull_extras is not None:
                found |= {f"extras.{name}": value for name, value in pull_extras(gradient).items()}
            return found

        return outputs, pullback


def _part(parameters: Parameters, prefix: str) -> Parameters:
    return {name.removeprefix(prefix): value for name, value in parameters.items() if name.startswith(prefix)}
