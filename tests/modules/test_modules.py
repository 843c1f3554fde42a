"""Modules of torch as recognisers: gradients, padding, seeds, and what is said of code that is wrong."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
from support.user_nets import NETS

torch = pytest.importorskip("torch")

from lattice_cli.errors import UsageError  # noqa: E402
from lattice_cli.learning.modules import (  # noqa: E402
    ItemModule,
    SequenceModule,
    TorchModule,
    TorchOptimizer,
    TorchOptimizerSettings,
    TorchSettings,
    UserCode,
)


def module(name: str, dtype: str = "float64", **arguments: object) -> TorchModule:
    settings = TorchSettings(f"nets.py:{name}", arguments, dtype=dtype)
    return TorchModule(UserCode("nets.py", NETS, name), settings, {"inputs": 4, "outputs": 3})


def test_the_gradient_is_that_of_differences() -> None:
    rng = np.random.default_rng(0)
    for network, inputs in (
        (ItemModule(module("Net"), 3), rng.standard_normal((7, 4))),
        (SequenceModule(module("Recurrent"), 4, 3), [rng.standard_normal((size, 4)) for size in (5, 1, 8)]),
    ):
        parameters = network.initial(rng)
        values, pull = network.forward(parameters, inputs)
        seed = rng.standard_normal(values.shape)
        gradient = pull(seed)
        assert list(gradient) == list(parameters)
        for name, array in parameters.items():
            along, step = rng.standard_normal(array.shape), 1e-6
            ends = [
                (network.forward({**parameters, name: array + sign * step * along}, inputs)[0] * seed).sum()
                for sign in (1, -1)
            ]
            assert (gradient[name] * along).sum() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6, abs=1e-7)


def test_a_record_in_a_batch_is_what_it_is_alone() -> None:
    rng = np.random.default_rng(1)
    network = SequenceModule(module("Recurrent"), 4, 3)
    parameters = network.initial(rng)
    records = [rng.standard_normal((size, 4)) for size in (5, 1, 8)]
    together, _ = network.forward(parameters, records)
    alone = np.concatenate([network.forward(parameters, [record])[0] for record in records])
    assert len(alone) == 3 + 1 + 4
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-12)


def test_one_module_serves_several_weights_at_once() -> None:
    """The way back of the first is that of the first, though the second was computed between."""
    rng = np.random.default_rng(2)
    network = SequenceModule(module("Recurrent"), 4, 3)
    inputs = [rng.standard_normal((6, 4))]
    first, second = network.initial(rng), network.initial(rng)
    with network.module.learning(np.random.default_rng(0)):
        values, pull = network.forward(first, inputs)
        network.forward(second, inputs)
        gradient = pull(np.ones(values.shape))
    expected = network.forward(first, inputs)[1](np.ones(values.shape))
    assert all(np.allclose(gradient[name], expected[name], rtol=0, atol=1e-12) for name in expected)


def test_what_is_drawn_is_drawn_from_the_seed() -> None:
    network = ItemModule(module("Net"), 3)
    parameters, inputs = network.initial(np.random.default_rng(0)), np.ones((5, 4))
    torch.manual_seed(5)
    before = torch.get_rng_state()

    def learned(seed: int) -> np.ndarray:
        with network.module.learning(np.random.default_rng(seed)):
            return network.forward(parameters, inputs)[0]

    assert np.array_equal(learned(1), learned(1))
    assert not np.array_equal(learned(1), learned(2))
    assert np.array_equal(network.forward(parameters, inputs)[0], network.forward(parameters, inputs)[0])
    assert torch.equal(before, torch.get_rng_state()), "those of others are not touched"


def test_buffers_are_taken_and_given_back() -> None:
    network = ItemModule(module("Net"), 3)
    rng = np.random.default_rng(0)
    parameters, inputs = network.initial(rng), rng.standard_normal((50, 4))
    with network.module.learning(rng):
        network.forward(parameters, inputs)
    kept = network.module.buffers()
    other = ItemModule(module("Net"), 3)
    assert not np.allclose(other.forward(parameters, inputs)[0], network.forward(parameters, inputs)[0])
    other.module.restore(kept)
    assert np.array_equal(other.forward(parameters, inputs)[0], network.forward(parameters, inputs)[0])
    with pytest.raises(ValueError, match=r"buffer\.norm\.running_mean is missing"):
        other.module.restore({})


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("Nothing", {}, r"nets\.py: there is no class 'Nothing': its classes are Net, Drop, Recurrent, "),
        ("NoModule", {}, r"nets\.py: NoModule is no torch\.nn\.Module"),
        ("Net", {"wide": 2}, r"nets\.py: Net\(inputs=4, outputs=3, wide=2\): TypeError: .*wide"),
        ("Infinite", {}, r"nets\.py: Infinite: its buffer 'mask' is not of finite numbers"),
        ("Net", {"units": -1}, r"nets\.py:\d+: Net\(.*units=-1\): RuntimeError"),
    ],
)
def test_a_class_that_is_wrong_is_named(name: str, arguments: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        module(name, **arguments)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Wrong", r"nets\.py:\d+: forward: RuntimeError: .*shape"),
        ("Wide", r"nets\.py: Wide gave shape \(5, 2\), expected \(5, 3\)"),
    ],
)
def test_outputs_that_are_wrong_are_named(name: str, said: str) -> None:
    network = ItemModule(module(name), 3)
    with pytest.raises(UsageError, match=said):
        network.forward(network.initial(np.random.default_rng(0)), np.ones((5, 4)))


def test_a_file_that_is_no_python_is_named_with_its_line() -> None:
    with pytest.raises(UsageError, match=r"^bad\.py:2: running it: SyntaxError: "):
        UserCode("bad.py", "x = 1\ndef (\n", "Net").made_by  # noqa: B018
    with pytest.raises(UsageError, match=r"^bad\.py:1: running it: ModuleNotFoundError: No module named 'nowhere_'"):
        UserCode("bad.py", "import nowhere_\n", "Net").made_by  # noqa: B018


def test_a_file_may_import_what_lies_beside_it(tmp_path: pathlib.Path) -> None:
    (tmp_path / "beside_it.py").write_text("SIZE = 3\n")
    path = tmp_path / "own.py"
    code = UserCode(str(path), "import beside_it\nclass Net:\n    size = beside_it.SIZE\n", "Net")
    assert code.made_by.size == 3


def test_a_device_that_is_not_there_is_named() -> None:
    code = UserCode("nets.py", NETS, "Net")
    for device in ("cuda:9", "nonsense"):
        with pytest.raises(UsageError, match=rf"recognizer\.torch\.device: '{device}' is not to be had"):
            TorchModule(code, TorchSettings("nets.py:Net", device=device), {"inputs": 4, "outputs": 3})


@pytest.mark.parametrize(
    "settings",
    [
        TorchOptimizerSettings("AdamW", {"weight_decay": 0.1}, "OneCycleLR"),
        TorchOptimizerSettings("SGD", {"momentum": 0.9, "nesterov": True}, "CosineAnnealingLR"),
        TorchOptimizerSettings("RMSprop"),
        TorchOptimizerSettings("SGD"),
    ],
    ids=lambda each: each.name + each.schedule,
)
def test_steps_are_those_of_torch_and_go_on_to_the_bit(settings: TorchOptimizerSettings) -> None:
    target = np.arange(4.0)

    def evaluate(theta: np.ndarray) -> tuple[float, np.ndarray]:
        return float(((theta - target) ** 2).sum()), 2 * (theta - target)

    theta = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    theirs = getattr(torch.optim, settings.name)([theta], lr=0.05, **settings.arguments)
    schedule = {
        "OneCycleLR": lambda: torch.optim.lr_scheduler.OneCycleLR(theirs, max_lr=0.05, total_steps=9),
        "CosineAnnealingLR": lambda: torch.optim.lr_scheduler.CosineAnnealingLR(theirs, T_max=9),
        "": lambda: None,
    }[settings.schedule]()
    ours, at = TorchOptimizer(settings, 0.05, None, 9), np.zeros(4)
    resumed = at
    for number in range(8):
        theta.grad = 2 * (theta.detach() - torch.from_numpy(target))
        theirs.step()
        if schedule:
            schedule.step()
        state = ours.state()
        at, _ = ours.step(at, evaluate)
        assert np.array_equal(at, theta.detach().numpy())
        again = TorchOptimizer(settings, 0.05, None, 9)
        if number:
            again.restore(state)
        resumed, _ = again.step(resumed, evaluate)
        assert np.array_equal(resumed, at)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (TorchOptimizerSettings("Adamw"), r"optimizer\.torch\.name: torch has no 'Adamw', expected one of .*AdamW"),
        (TorchOptimizerSettings("LBFGS"), "LBFGS takes more than a gradient a step"),
        (TorchOptimizerSettings("SGD", {"speed": 1}), r"optimizer\.torch\.name: SGD: .*speed"),
        (
            TorchOptimizerSettings("SGD", {}, "Step"),
            r"optimizer\.torch\.schedule: torch has no 'Step', expected one of ",
        ),
        (TorchOptimizerSettings("SGD", {}, "StepLR"), r"optimizer\.torch\.schedule: StepLR: .*step_size"),
        (TorchOptimizerSettings("SGD", {}, "ReduceLROnPlateau"), "looks at errors, expected one of steps"),
    ],
)
def test_an_optimiser_that_there_is_not_is_named(settings: TorchOptimizerSettings, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        TorchOptimizer(settings, 0.1, None, 5)
