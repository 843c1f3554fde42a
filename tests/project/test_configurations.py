"""The configurations in samples/: each is one that lattice train takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import ROOT

from lattice_cli.formats import read_config
from lattice_cli.learning.training import TrainConfig

SAMPLES = ROOT / "samples"
CONFIGURATIONS = sorted(path for path in SAMPLES.glob("*.yaml") if "\ntrain: 1\n" in f"\n{path.read_text()}")


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_its_keys_and_values_are_known(path: Path) -> None:
    config = read_config(TrainConfig, str(path))
    assert config.train == 1


def test_there_are_some() -> None:
    assert {"letters-crf", "letters-mlp", "lattice-scales"} <= {path.stem for path in CONFIGURATIONS}
