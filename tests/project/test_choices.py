"""Each name that can be chosen is one of something that there is, and no other name is."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.learning import LATTICE

from lattice_cli import choices
from lattice_cli.cli.commands.bound import bound
from lattice_cli.cli.commands.loss import loss
from lattice_cli.composition import OPERATORS, alone
from lattice_cli.errors import UsageError
from lattice_cli.graph import Document
from lattice_cli.learning.losses import LOSSES
from lattice_cli.learning.networks.layers import ACTIVATIONS
from lattice_cli.learning.recognizers import OUTPUTS, RecognizerSettings
from lattice_cli.learning.training.config import ObjectiveSettings
from lattice_cli.learning.variational.proposal_fit import TIED, tied
from lattice_cli.records import Interpretation
from lattice_cli.records.interpretation import CascadePart
from lattice_cli.sweep import schedule_of


@pytest.mark.parametrize(
    ("names", "table"),
    [
        (choices.LOSSES, LOSSES),
        (choices.COMBINE, OPERATORS),
        (choices.ACTIVATIONS, ACTIVATIONS),
        (choices.OUTPUTS, OUTPUTS),
        (choices.TIES, TIED),
    ],
)
def test_names_are_those_of_the_table(names: tuple[str, ...], table: dict[str, object]) -> None:
    assert tuple(table) == names


def test_every_table_knows_the_names_of_its_entries() -> None:
    assert [loss.name for loss in LOSSES.values()] == list(choices.LOSSES)
    assert {loss.latent for loss in LOSSES.values()} == set(choices.LATENTS)
    with pytest.raises(KeyError):
        LOSSES["hinges"]
    with pytest.raises(KeyError):
        tied(LATTICE, schedule_of(LATTICE), "arcs")


@pytest.mark.parametrize("composed", [False, True])
def test_every_side_is_one_and_no_other_is(composed: bool) -> None:
    document = Document(LATTICE, "l", "test", range(3))
    found = Interpretation(
        document, (CascadePart("words", document),) if composed else (), alone(LATTICE) if composed else None
    )
    for name in choices.SIDES:
        if composed or name != "grammar":
            assert found.side(name).graph.arcs == LATTICE.arcs
    with pytest.raises(UsageError, match="'letters'"):
        found.side("letters")


def test_commands_and_configurations_offer_the_names() -> None:
    offered = {option.name: getattr(option.type, "choices", None) for option in (*loss.params, *bound.params)}
    assert tuple(offered["names"]) == (*choices.LOSSES, "all")
    assert tuple(offered["side"]) == choices.SIDES
    assert tuple(offered["combine"]) == choices.COMBINE
    assert tuple(offered["latent"]) == choices.LATENTS
    assert tuple(offered["tie"]) == choices.TIES
    assert tuple(offered["by"]) == choices.FITS
    assert loss.help is not None
    assert all(name in loss.help and formula in loss.help for name, formula in choices.LOSS_FORMULAS.items())
    fields = {**ObjectiveSettings.__dataclass_fields__, **RecognizerSettings.__dataclass_fields__}
    assert set(choices.LOSSES) < set(fields["loss"].metadata["choices"])
    assert fields["activation"].metadata["choices"] == choices.ACTIVATIONS
    assert fields["output"].metadata["choices"] == choices.OUTPUTS


def test_the_names_need_no_library() -> None:
    code = "import sys, lattice_cli.choices; sys.exit('numpy' in sys.modules or 'click' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
