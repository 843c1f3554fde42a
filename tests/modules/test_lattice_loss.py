"""lattice_loss: the values of the engine, gradients that torch agrees with, its own CTC beside ours."""

from __future__ import annotations

import itertools
import math
import pathlib

import numpy as np
import pytest
from support import ROOT

torch = pytest.importorskip("torch")

import lattice_cli  # noqa: E402
from lattice_cli.errors import FormatError, LatticeError, UsageError  # noqa: E402
from lattice_cli.torch import LatticeReader, lattice_loss, load_module  # noqa: E402

LABELS = ("a", "b", "_")


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    energies = np.random.default_rng(seed).normal(size=shape)
    return torch.tensor(energies, dtype=torch.float64, requires_grad=True)


def collapsed(path: tuple[int, ...]) -> str:
    return "".join(LABELS[label] for label, _ in itertools.groupby(path) if LABELS[label] != "_")


def test_ctc_is_the_sum_over_all_paths_one_by_one() -> None:
    energies, targets, lengths = drawn(3, 4, 3), ["ab", "a", ""], [4, 3, 2]
    found = lattice_loss(energies, LatticeReader(LABELS, ctc="_").graphs(targets, lengths), reduction="none")
    for own, target, length, value in zip(energies.detach().numpy(), targets, lengths, found.tolist()):
        paths = list(itertools.product(range(3), repeat=length))
        sums = [math.exp(-sum(own[step, label] for step, label in enumerate(path))) for path in paths]
        right = sum(each for each, path in zip(sums, paths) if collapsed(path) == target)
        assert value == pytest.approx(math.log(sum(sums)) - math.log(right), abs=1e-12)


def test_it_is_torchs_ctc_loss_value_and_gradient() -> None:
    logits = drawn(4, 9, 3)
    targets, lengths = ["ab", "aab", "b", "abab"], [9, 7, 4, 8]
    ids = torch.tensor([LABELS.index(label) for target in targets for label in target])
    sizes = torch.tensor([len(target) for target in targets])
    theirs = torch.nn.functional.ctc_loss(
        logits.log_softmax(-1).transpose(0, 1), ids, torch.tensor(lengths), sizes, blank=2, reduction="none"
    )
    reader = LatticeReader(LABELS, ctc="_")
    for given in (targets, [[LABELS.index(label) for label in target] for target in targets]):
        ours = lattice_loss(-logits.log_softmax(-1), reader.graphs(given, lengths), reduction="none")
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-12)
        weights = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
        pairs = [torch.autograd.grad((each * weights).sum(), logits, retain_graph=True)[0] for each in (ours, theirs)]
        assert torch.allclose(*pairs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("loss", ["nll", "mee", "perceptron", "hinge", "log", "lvq2", "mce", "square-square", "mwer"])
def test_gradients_pass_torchs_check(loss: str) -> None:
    graphs = LatticeReader(LABELS, ctc="_").graphs(["ab", "b"], [5, 3])
    assert torch.autograd.gradcheck(lambda each: lattice_loss(each, graphs, loss), (drawn(2, 5, 3, seed=3),))


def test_energies_may_be_rows_of_all_records() -> None:
    energies, reader = drawn(2, 4, 3), LatticeReader(LABELS)
    padded = lattice_loss(energies, reader.graphs(["ab_a", "b_"], [4, 2]))
    rows = torch.cat([energies[0], energies[1, :2]])
    assert lattice_loss(rows, reader.graphs(["ab_a", "b_"], [4, 2])) == padded


def test_float32_is_summed_in_float64_and_comes_back_as_it_came() -> None:
    energies = drawn(1, 6, 3).detach().float().requires_grad_()
    graphs = LatticeReader(LABELS, ctc="_").graphs(["ab"])
    found = lattice_loss(energies, graphs)
    assert found.dtype == torch.float32
    found.backward()
    assert energies.grad is not None
    assert energies.grad.dtype == torch.float32
    assert found.item() == pytest.approx(lattice_loss(energies.double(), graphs).item(), rel=1e-7)


def test_lattices_are_read_arc_by_arc() -> None:
    document = lattice_cli.read(str(ROOT / "samples" / "lecture-34.json"))
    labels = sorted({document.graph.labels[label] for label in document.graph.ilabel.tolist()} - {""})
    graphs = LatticeReader(labels).graphs(["34"], lattices=[document.graph])
    energies = torch.tensor(document.graph.energy, requires_grad=True)
    found = lattice_loss(energies, graphs, "perceptron")
    assert found.item() == pytest.approx(lattice_cli.loss(document, "34", "perceptron").value.value)
    assert torch.autograd.gradcheck(lambda each: lattice_loss(each, graphs), (energies,))


def test_a_grammar_may_learn_with_the_network(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("ab\nb\naab\n")
    reader = LatticeReader(LABELS, ctc="_", grammar=path, learn=True)
    graphs, energies = reader.graphs(["ab", "b"], [5, 4]), drawn(2, 5, 3)
    weights = torch.zeros(reader.weights, dtype=torch.float64, requires_grad=True)
    fixed = LatticeReader(LABELS, ctc="_", grammar=path)
    assert lattice_loss(energies, graphs, weights=weights) == lattice_loss(energies, fixed.graphs(["ab", "b"], [5, 4]))
    for reduction in ("mean", "sum"):
        assert torch.autograd.gradcheck(
            lambda each, own, how=reduction: lattice_loss(each, graphs, weights=own, reduction=how),
            (energies, weights),
        )
    with pytest.raises(UsageError, match="of all records together"):
        lattice_loss(energies, graphs, weights=weights, reduction="none")
    with pytest.raises(UsageError, match="weights are not given"):
        lattice_loss(energies, graphs)


def test_a_target_without_a_path_is_an_error_or_left_out() -> None:
    reader, energies = LatticeReader(LABELS, ctc="_"), drawn(2, 3, 3)
    with pytest.raises(FormatError, match="record 0: "):
        lattice_loss(energies, reader.graphs(["abab", "b"]))
    found = lattice_loss(energies, reader.graphs(["abab", "b"], unspelled="skip"))
    assert found == lattice_loss(energies[1:], reader.graphs(["b"]))
    found.backward()
    assert energies.grad is not None
    assert not energies.grad[0].any()
    values = lattice_loss(energies, reader.graphs(["abab", "b"], unspelled="skip"), reduction="none")
    assert values.tolist() == [0.0, found.item()]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda r, e: lattice_loss(e, r.graphs(["a", "b"]), "nothing"),
            "no loss is called 'nothing', expected one of energy, ",
        ),
        (lambda r, e: lattice_loss(e, r.graphs(["a", "b"]), heat=1.0), "no setting of losses is called 'heat'"),
        (lambda r, e: lattice_loss(e, r.graphs(["a", "b"]), reduction="max"), "reduction is 'max'"),
        (lambda r, e: lattice_loss(e, r.graphs(["a"])), r"energies have shape \(2, 3, 3\), expected \(1, steps, 3\)"),
        (lambda r, e: lattice_loss(e, r.graphs(["a", "b"], [3, 7])), "a record has 7 steps, but the energies only 3"),
        (lambda r, e: r.graphs(["a", "b"], [3]), "2 targets, but 1 lengths"),
        (lambda r, e: r.graphs([["x"], "b"]), "record 0: label 'x' of the target is not one that answers are made of"),
        (lambda r, e: lattice_loss(e / 0.0, r.graphs(["a", "b"])), "record 0: an energy is "),
        (lambda r, e: LatticeReader("ab", ctc="_"), "the blank '_' is not one of the labels"),
        (lambda r, e: LatticeReader("aa"), "labels: one is empty or there twice"),
    ],
)
def test_what_does_not_fit_is_said(call: object, said: str) -> None:
    assert callable(call)
    with pytest.raises(LatticeError, match=said):
        call(LatticeReader(LABELS, ctc="_"), drawn(2, 3, 3))


def test_the_module_of_a_model_is_a_module(tmp_path: pathlib.Path) -> None:
    from support.training_data import vectors, write_inputs
    from support.user_nets import NETS

    from lattice_cli.models import load_model, train

    inputs, targets = vectors(30, 1)
    write_inputs(tmp_path / "train.npz", inputs, targets)
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "c.yaml").write_text(
        "train: 1\ndata: {train: train.npz}\nrecognizer: {kind: torch, torch: nets.py:Net}\ntraining: {epochs: 2}\n"
    )
    train(tmp_path / "c.yaml", tmp_path / "m.npz")
    module = load_module(tmp_path / "m.npz")
    model, parameters = load_model(str(tmp_path / "m.npz"))
    energies = model.recognizer.energies(parameters, np.array(inputs[0]))[0]
    found = module(torch.tensor(inputs[0], dtype=torch.float32)).detach().double().reshape(-1)
    np.testing.assert_array_equal(found.numpy(), energies)
