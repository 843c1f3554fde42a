"""`viterbi MODEL INPUTS` with modules and ONNX files: as in the pipe with recognize; code runs where it is trusted."""

from __future__ import annotations

import pathlib
import shutil

import pytest
from support import ROOT
from support.commands import lattice
from support.training_data import vectors, write_inputs
from support.user_nets import NETS

from lattice_cli.models import train

CONFIG = """
train: 1
data: {train: train.npz, hold_out: 0.25}
recognizer: {kind: torch, torch: {module: nets.py:Net, arguments: {units: 6}}}
grammar: {ngram: 2}
optimizer: {rate: 0.05}
training: {epochs: 2, batch: 8, keep: loss}
"""
FIELDS = str(ROOT / "samples" / "check-reader" / "fields-valid.npz")
NET = str(ROOT / "samples" / "check-reader.onnx")


def test_a_module_decodes_where_its_code_may_be_run(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("torch")
    write_inputs(tmp_path / "train.npz", *vectors(30, 1))
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "config.yaml").write_text(CONFIG)
    state = train(tmp_path / "config.yaml", tmp_path / "m.npz")
    assert state.kept_epoch is not None
    assert state.kept_epoch.validation_loss == min(epoch.validation_loss or 0.0 for epoch in state.epochs)
    graphs = lattice("recognize", "m.npz", "train.npz", cwd=tmp_path).stdout
    expected = lattice("viterbi", "-", "-g", "m.npz", "--json", cwd=tmp_path, stdin=graphs).stdout
    assert lattice("viterbi", "m.npz", "train.npz", "--json", cwd=tmp_path).stdout == expected
    assert lattice("viterbi", "m.npz", "train.npz", "--json", "--jobs", "2", cwd=tmp_path).stdout == expected
    (tmp_path / "away").mkdir()
    for name in ("m.npz", "nets.py"):
        shutil.copy(tmp_path / name, tmp_path / "away" / name)
    asked = ("viterbi", "away/m.npz", "train.npz", "--json")
    assert "--trust-code" in lattice(*asked, cwd=tmp_path, status=2).stderr
    assert lattice(*asked, "--trust-code", cwd=tmp_path).stdout == expected


def test_an_onnx_file_decodes_its_inputs(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("onnxruntime")
    (tmp_path / "labels.txt").write_text("".join(f"{label}\n" for label in "0123456789-"))
    units = ("--labels", "labels.txt", "--logits")
    graphs = lattice("recognize", NET, FIELDS, *units, cwd=tmp_path).stdout
    expected = lattice("viterbi", "-", "--ctc", "-", "--json", cwd=tmp_path, stdin=graphs).stdout
    assert lattice("viterbi", NET, FIELDS, *units, "--ctc", "-", "--json", cwd=tmp_path).stdout == expected
