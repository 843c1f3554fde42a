"""What can be said of a network that is learned from text, for `lattice grammar neural`."""

from __future__ import annotations

import click

from lattice_cli.choices import ACTIVATIONS
from lattice_cli.cli.options.groups import applied
from lattice_cli.cli.options.parameter_types import Number, SizeList, file_read, positive

neural_options = applied(
    click.option("--context", type=click.IntRange(min=1), help="Labels that the next is predicted from. Default: 3."),
    click.option(
        "--embedding",
        type=click.IntRange(min=1),
        help="Numbers that stand for a label in the network. Default: 16.",
    ),
    click.option("--hidden", type=SizeList(), help="Units of each hidden layer; 0: no hidden layer. Default: 64."),
    click.option("--activation", type=click.Choice(ACTIVATIONS), help="Function of the hidden layers. Default: tanh."),
    click.option("--energy-scale", type=positive, help="Factor of the energies: this times -ln p. Default: 1."),
    click.option(
        "--start", metavar="MODEL", type=file_read, help="A neural grammar to go on from: sizes, vocabulary, weights."
    ),
    click.option(
        "--epochs", type=click.IntRange(min=0), default=10, show_default=True, help="Passes of training over the text."
    ),
    click.option(
        "--batch",
        type=click.IntRange(min=1),
        default=256,
        show_default=True,
        help="Places of the text to a step of training.",
    ),
    click.option("--rate", type=positive, default=0.003, show_default=True, help="Learning rate of Adam."),
    click.option(
        "--decay", type=positive, default=0.85, show_default=True, help="Factor on the learning rate after each epoch."
    ),
    click.option(
        "--hold-out",
        type=Number(0, 1, max_open=True),
        default=0.0,
        show_default=True,
        help="Fraction of the lines to measure on; the best epoch is kept.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=1,
        show_default=True,
        help="Seed of the random weights, order and hold-out.",
    ),
)
