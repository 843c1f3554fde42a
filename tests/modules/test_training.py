"""Trainings of modules: to the bit after a stop, code that is trusted or not, networks that are samples, ONNX."""

from __future__ import annotations

import json
import pathlib
import shutil

import numpy as np
import pytest
from support import ROOT
from support.commands import lattice
from support.training_data import vectors, write_inputs
from support.user_nets import NETS

torch = pytest.importorskip("torch")

from lattice_cli.errors import FormatError, UsageError  # noqa: E402
from lattice_cli.formats import read_model  # noqa: E402
from lattice_cli.learning.recognizers import check_recognizer  # noqa: E402
from lattice_cli.learning.training import TrainingListener  # noqa: E402
from lattice_cli.models import Trainer, load_model, train  # noqa: E402

CONFIG = """
train: 1
data: {train: train.npz, hold_out: 0.25}
recognizer: {kind: torch, torch: {module: nets.py:Net, arguments: {units: 6}}}
grammar: {ngram: 2}
optimizer: {method: torch, rate: 0.05, torch: {name: AdamW, schedule: OneCycleLR}}
training: {epochs: 4, batch: 8, save_every: 0.000000001}
"""
SEQUENCES = ["recognizer.torch={module: nets.py:Recurrent, reads: sequences}"]


class Stopper(TrainingListener):
    def __init__(self, batches: int) -> None:
        self.left = batches

    def batch(self, epoch: int, done: int, batches: int, loss: float) -> None:
        self.left -= 1

    def stopped(self) -> bool:
        return self.left <= 0


@pytest.fixture
def config(tmp_path: pathlib.Path) -> pathlib.Path:
    write_inputs(tmp_path / "train.npz", *vectors(60, 1))
    (tmp_path / "nets.py").write_text(NETS)
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return path


@pytest.mark.parametrize("settings", [[], ["training.average=0.5", "optimizer.torch.name=SGD"]], ids=["adamw", "sgd"])
def test_one_that_was_stopped_goes_on_to_the_bit(config: pathlib.Path, settings: list[str]) -> None:
    whole, parts = config.with_name("whole.npz"), config.with_name("parts.npz")
    train(config, whole, settings)
    train(config, parts, settings, Stopper(3))
    for _ in range(20):
        if train(config, parts, settings, Stopper(5), resume=True).ended:
            break
    first, second = read_model(str(whole)), read_model(str(parts))
    assert set(first.parameters) == set(second.parameters) >= {"buffer.norm.running_mean", "module.first.weight"}
    assert all(np.array_equal(first.parameters[name], second.parameters[name]) for name in first.parameters)
    assert first.about["history"][-1]["loss"] == second.about["history"][-1]["loss"]


@pytest.mark.parametrize("settings", [[], SEQUENCES], ids=["items", "sequences"])
def test_the_gradient_of_the_model_is_that_of_differences(config: pathlib.Path, settings: list[str]) -> None:
    inputs, targets = vectors(60, 1)
    write_inputs(config.with_name("train.npz"), [np.repeat(each, 5, axis=0) for each in inputs], targets)
    train(config, config.with_name("m.npz"), ["training.epochs=1", "alignment.kind=ctc", *settings])
    model, parameters = load_model(str(config.with_name("m.npz")), trusted=True)
    from lattice_cli.formats import read_inputs
    from lattice_cli.formats.io import ReadOptions

    records = list(read_inputs(str(config.with_name("train.npz")), ReadOptions()))[:3]
    examples = [model.recognizer.example(record) for record in records]
    own = model.recognizer_parameters(parameters)
    found = check_recognizer(model.recognizer, own, examples, np.random.default_rng(0))
    assert found.error < 1e-5
    assert found.gradient > 0


def test_weights_may_come_from_a_state_dict(config: pathlib.Path) -> None:
    from safetensors.torch import save_file

    from lattice_cli.torch import load_module

    train(config, config.with_name("m.npz"), ["training.epochs=2"])
    model, parameters = load_model(str(config.with_name("m.npz")))
    module = load_module(config.with_name("m.npz"))
    save_file(module.state_dict(), config.with_name("w.safetensors"))
    torch.save({"state_dict": module.state_dict()}, config.with_name("w.pt"))
    assert model.recognizer.module is not None
    kept = model.recognizer.module.buffers()
    for name in ("w.safetensors", "w.pt", "m.npz"):
        trainer = Trainer(config, config.with_name("n.npz"), [f"training.start={name}"])
        trainer.close()
        own = trainer.problem.model.recognizer.module
        assert own is not None
        assert all(np.array_equal(own.buffers()[key], each) for key, each in kept.items())
        begun = trainer.problem.parameters(trainer.standing.theta)
        np.testing.assert_allclose(begun["module.first.weight"], parameters["module.first.weight"], rtol=1e-6)
    config.with_name("code.pt").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    for name, said in (("code.pt", "does not read it"), ("none.pt", "is not there")):
        with pytest.raises(FormatError, match=said):
            train(config, config.with_name("n.npz"), [f"training.start={name}"])


def test_code_that_changed_is_not_gone_on_with(config: pathlib.Path) -> None:
    train(config, config.with_name("m.npz"), [], Stopper(2))
    config.with_name("nets.py").write_text(NETS + "\n# changed\n")
    with pytest.raises(UsageError, match=r"--resume: .*nets\.py changed since"):
        train(config, config.with_name("m.npz"), resume=True)


def test_code_is_run_where_the_configuration_is_or_where_it_is_trusted(config: pathlib.Path) -> None:
    folder = config.parent
    train(config, folder / "m.npz", ["training.epochs=1"])
    beside = lattice("recognize", "m.npz", "train.npz", cwd=folder).stdout
    assert len(beside.splitlines()) == 60
    away = folder / "away"
    away.mkdir()
    for name in ("m.npz", "nets.py"):
        shutil.copy(folder / name, away / name)
    asked = ("recognize", "away/m.npz", "train.npz")
    refused = lattice(*asked, cwd=folder, status=2)
    assert "code that is run only if it is trusted (--trust-code)" in refused.stderr
    assert not refused.stdout
    assert lattice(*asked, "--trust-code", cwd=folder).stdout == beside
    (away / "nets.py").write_text("raise SystemExit('run')\n")
    changed = lattice(*asked, "--trust-code", cwd=folder, status=3)
    assert "nets.py is no longer the code that" in changed.stderr
    (away / "nets.py").unlink()
    assert "nets.py" in lattice(*asked, "--trust-code", cwd=folder, status=3).stderr


def test_the_configuration_has_to_name_the_file(config: pathlib.Path) -> None:
    train(config, config.with_name("m.npz"), ["training.epochs=1"])
    config.with_name("others.py").write_text(NETS)
    config.write_text(CONFIG.replace("nets.py", "others.py"))
    with pytest.raises(UsageError, match="run only if it is trusted"):
        load_model(str(config.with_name("m.npz")))


def test_a_model_without_its_running_means_is_refused(config: pathlib.Path) -> None:
    path = config.with_name("m.npz")
    train(config, path, ["training.epochs=1"])
    arrays = dict(np.load(path))
    del arrays["parameter/buffer.norm.running_mean"]
    np.savez(path, **arrays)
    with pytest.raises(FormatError, match=r"buffer\.norm\.running_mean is missing"):
        load_model(str(path))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["recognizer.torch.module=nets.py"], r"recognizer\.torch\.module: expected FILE\.py:CLASS, found 'nets\.py'"),
        (["recognizer.torch.module=none.py:Net"], r"none\.py"),
        (["recognizer.kind=mlp", "recognizer.hidden=[3]"], r"recognizer\.torch is for kind: torch, but kind is mlp"),
        (["optimizer.decay=0.5"], r"optimizer\.decay is for adam and sgd, but method is torch"),
        (["optimizer.method=adam"], r"optimizer\.torch is for method: torch, but method is adam"),
        (["objective.loss=variational"], r"the module keeps something beside its weights \(buffer\.norm"),
        (["data.augment.shift=1"], r"data\.augment: rows of numbers are no images"),
    ],
)
def test_what_does_not_go_together_is_said(config: pathlib.Path, settings: list[str], said: str) -> None:
    with pytest.raises((UsageError, FormatError), match=said):
        train(config, config.with_name("m.npz"), settings)


def test_without_torch_it_is_said_what_is_missing(config: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in ("lattice_cli.learning.modules.torch_module", "lattice_cli.learning.modules.torch_steps"):
        monkeypatch.setitem(sys.modules, name, None)
    for module in ("ItemModule", "SequenceModule", "TorchModule", "TorchOptimizer"):
        monkeypatch.delattr(f"lattice_cli.learning.modules.{module}", raising=False)
    with pytest.raises(UsageError, match=r"recognizer\.kind: torch needs PyTorch \(the extra torch\)"):
        train(config, config.with_name("m.npz"))
    with pytest.raises(UsageError, match=r"optimizer\.method: torch needs PyTorch \(the extra torch\)"):
        train(config, config.with_name("m.npz"), ["recognizer.kind=linear", "recognizer.torch={}"])


@pytest.mark.parametrize(
    ("name", "size", "settings"),
    [
        ("SmallCnn", 64, {"reads": "items", "shape": [8, 8]}),
        ("CnnBiLstm", 64, {"reads": "sequences", "shape": [8, 8]}),
        ("LineReader", 16, {"reads": "sequences"}),
        ("LineReader", 16, {"reads": "sequences", "arguments": {"dropout": 0.0, "stride": 2}}),
        ("Tdnn", 5, {"reads": "sequences"}),
        ("Transformer", 5, {"reads": "sequences"}),
    ],
)
def test_the_networks_of_the_samples_learn(
    name: str, size: int, settings: dict[str, object], tmp_path: pathlib.Path
) -> None:
    """A few records by heart, and each alone as in a batch; none of them is longer than 60 lines."""
    rng = np.random.default_rng(0)
    shape = settings.pop("shape", None)
    lengths = [8, 6, 12, 7]
    records = [rng.random((length, size)) for length in lengths]
    targets = ["ab", "b", "ba", "a"] if name == "LineReader" else ["".join(rng.choice(list("ab"), n)) for n in lengths]
    text = np.frombuffer(json.dumps(targets).encode(), dtype=np.uint8)
    np.savez(tmp_path / "train.npz", inputs=np.concatenate(records), lengths=lengths, targets=text)
    shutil.copy(ROOT / "samples" / "networks.py", tmp_path)
    told = {
        "train": 1,
        "data": {"train": "train.npz"},
        "recognizer": {
            "kind": "torch",
            "torch": {"module": f"networks.py:{name}", "arguments": {"dropout": 0.0}, **settings},
        },
        "alignment": {"kind": "ctc" if name == "LineReader" else "each"},
        "optimizer": {"rate": 0.01},
        "training": {"epochs": 60, "batch": 4},
    }
    if shape:
        told["recognizer"]["shape"] = shape
    (tmp_path / "config.yaml").write_text(json.dumps(told))
    standing = train(tmp_path / "config.yaml", tmp_path / "m.npz")
    assert standing.epochs[-1].loss < 0.2 * standing.epochs[0].loss
    model, parameters = load_model(str(tmp_path / "m.npz"))
    recognizer, own = model.recognizer, model.recognizer_parameters(parameters)
    from lattice_cli.formats import read_inputs
    from lattice_cli.formats.io import ReadOptions

    examples = [recognizer.example(record) for record in read_inputs(str(tmp_path / "train.npz"), ReadOptions())]
    together = recognizer.energies(own, recognizer.stacked(examples))[0]
    alone = [recognizer.energies(own, recognizer.stacked([example]))[0] for example in examples]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-3, atol=1e-4)


def test_classes_of_the_samples_are_short() -> None:
    import ast

    classes = [
        each
        for each in ast.parse((ROOT / "samples" / "networks.py").read_text()).body
        if isinstance(each, ast.ClassDef)
    ]
    assert len(classes) >= 5
    assert all(each.end_lineno - each.lineno < 60 for each in classes if each.end_lineno)


class TestOnnx:
    """Networks of any origin."""

    WEIGHT = np.arange(9.0).reshape(3, 3) / 10

    @pytest.fixture
    def files(self, tmp_path: pathlib.Path) -> pathlib.Path:
        pytest.importorskip("onnxruntime")
        onnx = pytest.importorskip("onnx")
        made, kinds = onnx.helper, onnx.TensorProto

        def written(name: str, shape: list[object], nodes: list[object], more: list[object]) -> None:
            weight = made.make_tensor("w", kinds.FLOAT, (3, 3), self.WEIGHT.astype(np.float32).ravel())
            inputs = [made.make_tensor_value_info("x", kinds.FLOAT, shape), *more]
            graph = made.make_graph(
                nodes, "net", inputs, [made.make_tensor_value_info("y", kinds.FLOAT, None)], [weight]
            )
            model = made.make_model(graph, opset_imports=[made.make_opsetid("", 17)], ir_version=8)
            (tmp_path / name).write_bytes(model.SerializeToString())

        times = made.make_node("MatMul", ["x", "w"], ["y"])
        written("rows.onnx", ["n", 3], [times], [])
        written("sequence.onnx", [1, "n", 3], [times], [])
        upright = [
            made.make_node("Constant", [], ["one"], value_ints=[1]),
            made.make_node("Squeeze", ["x", "one"], ["s"]),
            made.make_node("Transpose", ["s"], ["t"], perm=[2, 0, 1]),  # (rows, 1, labels), as torch's CTC has it
            made.make_node("MatMul", ["t", "w"], ["y"]),
        ]
        written("image.onnx", [1, 1, 3, "n"], upright, [made.make_tensor_value_info("l", kinds.INT64, [1])])
        write_inputs(tmp_path / "x.npz", *vectors(5, 1))
        (tmp_path / "labels.txt").write_text("a\nb\nc\n")
        return tmp_path

    @pytest.mark.parametrize("name", ["rows.onnx", "sequence.onnx", "image.onnx"])
    def test_it_is_a_matrix_of_its_outputs(self, files: pathlib.Path, name: str) -> None:
        inputs, targets = vectors(5, 1)
        found = lattice("recognize", name, "x.npz", "--labels", "labels.txt", "--logits", cwd=files)
        told = [json.loads(line) for line in found.stdout.splitlines()]
        assert [each["target"] for each in told] == targets
        for rows, each in zip(inputs, told):
            logits = rows.astype(np.float32) @ self.WEIGHT
            wanted = np.log(np.exp(logits).sum(axis=1, keepdims=True)) - logits
            np.testing.assert_allclose(each["emissions"], wanted, rtol=0, atol=1e-5)

    def test_what_is_missing_or_wrong_is_said(self, files: pathlib.Path) -> None:
        def said(*arguments: str, status: int) -> str:
            return lattice("recognize", *arguments, cwd=files, status=status).stderr

        labels = ("--labels", "labels.txt")
        assert "expected --labels FILE" in said("rows.onnx", "x.npz", status=2)
        (files / "none.onnx").write_bytes(b"nothing")
        assert "does not read it" in said("none.onnx", "x.npz", *labels, status=3)
        assert "an ONNX file has no gradients" in said("rows.onnx", "x.npz", *labels, "--check", status=2)
        np.savez(files / "y.npz", inputs=np.zeros((4, 9)), lengths=[4])
        assert "4 rows of 9 numbers go in with shape (4, 9), but" in said("rows.onnx", "y.npz", *labels, status=3)
        (files / "labels.txt").write_text("a\nb\n")
        assert "2 labels, but rows.onnx gives 3 numbers a row" in said("rows.onnx", "x.npz", *labels, status=3)


def test_q_may_be_a_module_without_buffers(config: pathlib.Path) -> None:
    plain = NETS.replace("self.norm = nn.BatchNorm1d(units)", "self.norm = nn.Identity()")
    config.with_name("nets.py").write_text(plain)
    inputs, targets = vectors(20, 1)
    write_inputs(config.with_name("train.npz"), [np.repeat(each, 4, axis=0) for each in inputs], targets)
    train(config, config.with_name("m.npz"), ["objective=variational", "alignment.kind=ctc", "training.epochs=1"])
    asked = ("bound", "train.npz", "--proposal", "m.npz", "--json")
    beside = lattice(*asked, cwd=config.parent).stdout
    told = [json.loads(line) for line in beside.splitlines()]
    assert len(told) == 20
    assert all(each["gap"] >= -1e-9 for each in told)
    config.unlink()
    assert "run only if it is trusted" in lattice(*asked, cwd=config.parent, status=2).stderr
    assert lattice(*asked, "--trust-code", cwd=config.parent).stdout == beside


@pytest.mark.parametrize(
    "settings",
    [
        ["recognizer.torch={module: nets.py:Drop}"],
        ["recognizer.torch={module: nets.py:Recurrent, reads: sequences}", "alignment.kind=ctc"],
        ["recognizer.torch={module: nets.py:Drop}", "optimizer={method: lbfgs}"],
    ],
    ids=["draws", "sequences", "lbfgs"],
)
def test_processes_come_to_the_same_bits(config: pathlib.Path, settings: list[str]) -> None:
    inputs, targets = vectors(60, 1)
    write_inputs(config.with_name("train.npz"), [np.repeat(each, 5, axis=0) for each in inputs], targets)
    more = ["grammar.ngram=0", "alignment.kind=ctc", "training.piece=3", "training.epochs=2", *settings]
    told = [part for each in more for part in ("--set", each)]
    models = []
    for jobs in ("1", "2"):
        done = lattice("train", "config.yaml", "--jobs", jobs, "-o", f"{jobs}.npz", *told, cwd=config.parent)
        assert "one process does all" not in done.stderr
        models.append(read_model(str(config.with_name(f"{jobs}.npz"))).parameters)
    assert all(np.array_equal(models[0][name], models[1][name]) for name in models[0])


def test_a_module_with_running_means_is_trained_by_one_process(config: pathlib.Path) -> None:
    done = lattice("train", "config.yaml", "--jobs", "2", "-o", "m.npz", cwd=config.parent)
    assert "one process does all the work: the module keeps something beside its weights" in " ".join(
        done.stderr.split()
    )
    with pytest.raises(UsageError, match=r"training\.piece: 4, but the module keeps something beside its weights"):
        train(config, config.with_name("n.npz"), ["training.piece=4"])
