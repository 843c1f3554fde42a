"""Networks: shapes, the equations of steps, a plain convolution beside the fast one, gradients by every parameter."""

from __future__ import annotations

import numpy as np
import pytest

from lattice_cli.errors import UsageError
from lattice_cli.learning.networks import ConvolutionNetwork, DenseNetwork, Kernel, Network, Parameters, convolution

SMALL = (Kernel(3, (3, 4), (2, 1)), Kernel(4, (2, 3), (1, 2)))
NETWORKS = {
    "linear": (DenseNetwork(6, (), 4), (5, 6)),
    "dense-tanh": (DenseNetwork(6, (7,), 4, "tanh"), (5, 6)),
    "dense-sigmoid": (DenseNetwork(6, (7, 5), 4, "sigmoid"), (5, 6)),
    "dense-relu": (DenseNetwork(6, (7, 5), 4, "relu"), (5, 6)),
    "strip-tanh": (ConvolutionNetwork(9, SMALL, 2, 3, "tanh"), (2, 17, 9)),
    "strip-sigmoid": (ConvolutionNetwork(9, SMALL, 1, 3, "sigmoid"), (2, 17, 9)),
    "strip-relu": (ConvolutionNetwork(9, SMALL, 2, 3, "relu"), (2, 17, 9)),
    "box-tanh": (ConvolutionNetwork(9, SMALL, None, 3, "tanh", columns=11), (6, 11, 9)),
    "extras-tanh": (ConvolutionNetwork(9, SMALL, None, 3, "tanh", columns=11, extras=5), (6, 104)),
    "extras-no-hidden": (ConvolutionNetwork(4, (), 2, 2, columns=3, extras=2), (5, 14)),
    "no-hidden": (ConvolutionNetwork(4, (), 3, 2), (2, 7, 4)),
}


def parameters_of(network: Network, rng: np.random.Generator) -> Parameters:
    """Initial parameters with biases and zero weights moved, so that every gradient is a general one."""
    return {name: value + 0.1 * rng.standard_normal(value.shape) for name, value in network.initial(rng).items()}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("block", [1, 100, 1 << 15])
def test_gradient_by_every_parameter(name: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "_BLOCK", block)
    network, shape = NETWORKS[name]
    rng = np.random.default_rng(5)
    parameters, inputs = parameters_of(network, rng), rng.standard_normal(shape)
    outputs, pullback = network.forward(parameters, inputs)
    seed = rng.standard_normal(outputs.shape)
    gradient = pullback(seed)
    assert list(gradient) == list(parameters) == list(network.initial(rng))
    for parameter, value in parameters.items():
        assert gradient[parameter].shape == value.shape
        direction, step = rng.standard_normal(value.shape), 1e-5
        above, below = (
            float((seed * network.forward({**parameters, parameter: value + h * direction}, inputs)[0]).sum())
            for h in (step, -step)
        )
        wanted = float((gradient[parameter] * direction).sum())
        assert (above - below) / (2 * step) == pytest.approx(wanted, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_pullback_leaves_everything_as_it_was_and_can_be_called_again(name: str) -> None:
    network, shape = NETWORKS[name]
    rng = np.random.default_rng(6)
    parameters, inputs = parameters_of(network, rng), rng.standard_normal(shape)
    kept, outputs_before = inputs.copy(), network.forward(parameters, inputs)[0]
    outputs, pullback = network.forward(parameters, inputs)
    seed = rng.standard_normal(outputs.shape)
    once, seed_before = pullback(seed), seed.copy()
    again = pullback(seed)
    assert all(np.array_equal(once[key], again[key]) for key in parameters)
    assert np.array_equal(seed, seed_before)
    assert np.array_equal(inputs, kept)
    assert np.array_equal(outputs, outputs_before)


def test_a_pullback_is_linear() -> None:
    network, shape = NETWORKS["strip-tanh"]
    rng = np.random.default_rng(7)
    outputs, pullback = network.forward(parameters_of(network, rng), rng.standard_normal(shape))
    first, second = rng.standard_normal(outputs.shape), rng.standard_normal(outputs.shape)
    for key, value in pullback(2 * first - second).items():
        np.testing.assert_allclose(value, 2 * pullback(first)[key] - pullback(second)[key], rtol=1e-10, atol=1e-12)


def plain(kernel: Kernel, images: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """A convolution as it is defined; images: (columns, rows, channels below)."""
    (across, down), (over, below) = kernel.size, kernel.stride
    found = np.zeros((kernel.steps(len(images)), kernel.rows(images.shape[1]), kernel.channels))
    for step, row, channel in np.ndindex(found.shape):
        pixels = images[step * over : step * over + across, row * below : row * below + down]
        found[step, row, channel] = bias[channel] + (pixels * weight[..., channel]).sum()
    return found


@pytest.mark.parametrize("block", [1, 100, 1 << 15])
def test_a_convolution_is_the_plain_loop(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "_BLOCK", block)
    network = ConvolutionNetwork(9, SMALL, 2, 3, "tanh")
    rng = np.random.default_rng(8)
    parameters, inputs = parameters_of(network, rng), rng.standard_normal((2, 18, 9))
    outputs, _ = network.forward(parameters, inputs)
    for item, image in enumerate(inputs):
        values = image[..., np.newaxis]
        for layer, kernel in enumerate(network.kernels):
            values = plain(kernel, values, parameters[f"layer{layer}.weight"], parameters[f"layer{layer}.bias"])
            values = np.tanh(values) if layer < 2 else values
        np.testing.assert_allclose(outputs[item], values[:, 0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("last", [1, 2, 3])
def test_a_step_sees_its_columns_and_no_others(last: int) -> None:
    network = ConvolutionNetwork(9, SMALL, last, 3, "tanh")
    assert network.stride == 2
    assert network.receptive == 3 + 2 * (2 - 1) + 2 * (last - 1)
    for columns in range(30):
        wanted = max(0, (columns - network.receptive) // network.stride + 1)
        assert network.steps(columns) == wanted
    rng = np.random.default_rng(9)
    parameters, inputs = parameters_of(network, rng), rng.standard_normal((1, 21, 9))
    outputs, _ = network.forward(parameters, inputs)
    assert outputs.shape == (1, network.steps(21), 3)
    for step in range(network.steps(21)):
        first = step * network.stride
        alone, _ = network.forward(parameters, inputs[:, first : first + network.receptive])
        np.testing.assert_allclose(alone[0, 0], outputs[0, step], rtol=1e-12, atol=1e-12)


def test_a_last_layer_over_all_columns_gives_one_step_and_slides_over_more() -> None:
    network = ConvolutionNetwork(20, (Kernel(8, (5, 5), (2, 2)),), None, 10, "relu", columns=20)
    assert (network.steps(20), network.receptive, network.stride) == (1, 19, 2)
    outputs, _ = network.forward(network.initial(np.random.default_rng(1)), np.ones((3, 40, 20)))
    assert outputs.shape == (3, 11, 10)


def test_the_linear_recogniser_starts_at_zero_and_others_scaled() -> None:
    rng = np.random.default_rng(3)
    assert all(not value.any() for value in DenseNetwork(6, (), 4).initial(rng).values())
    glorot = DenseNetwork(200, (100,), 4, "tanh").initial(rng)
    he = DenseNetwork(200, (100,), 4, "relu").initial(rng)
    assert glorot["layer0.weight"].var() == pytest.approx(2 / 300, rel=0.05)
    assert he["layer0.weight"].var() == pytest.approx(2 / 200, rel=0.05)
    assert not glorot["layer0.bias"].any()
    assert list(glorot) == ["layer0.weight", "layer0.bias", "layer1.weight", "layer1.bias"]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_seed_gives_the_same_network(name: str) -> None:
    network, shape = NETWORKS[name]
    first, second = (network.initial(np.random.default_rng(4)) for _ in range(2))
    assert all(np.array_equal(first[key], second[key]) for key in first)
    inputs = np.random.default_rng(5).standard_normal(shape)
    outputs = network.forward(first, inputs)[0]
    assert np.array_equal(outputs, network.forward(second, inputs)[0])
    assert outputs.shape[-1] == network.outputs


@pytest.mark.parametrize("name", ["dense-relu", "strip-tanh"])
def test_no_items_are_no_outputs_and_no_gradient(name: str) -> None:
    network, shape = NETWORKS[name]
    parameters = network.initial(np.random.default_rng(4))
    outputs, pullback = network.forward(parameters, np.zeros((0, *shape[1:])))
    assert len(outputs) == 0
    assert all(not value.any() for value in pullback(outputs).values())


def test_large_values_saturate_without_a_warning() -> None:
    network = DenseNetwork(1, (2,), 1, "sigmoid")
    parameters = {name: np.full_like(value, 1e4) for name, value in network.initial(np.random.default_rng(0)).items()}
    outputs, pullback = network.forward(parameters, np.array([[1e3], [-1e3]]))
    assert np.isfinite(outputs).all()
    assert all(np.isfinite(value).all() for value in pullback(outputs).values())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"last": None}, "needs the number of columns"),
        ({"last": 0}, "at least 1"),
        ({"layers": (Kernel(0, (2, 2)),)}, "at least 1"),
        ({"layers": (Kernel(2, (2, 10)),)}, "layer 0 has a kernel of 2 x 10 .* only 9 rows"),
        ({"layers": (Kernel(2, (2, 5)), Kernel(2, (2, 6)))}, "layer 1 has .* 2 x 6 .* only 5 rows are left of 9"),
        ({"layers": (Kernel(2, (8, 2)),), "columns": 7}, "only 7 columns"),
        ({"last": 6, "columns": 11}, "last layer covers 6 columns, but only 4 are left of 11"),
    ],
)
def test_kernels_that_do_not_fit(settings: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ConvolutionNetwork(**{"height": 9, "layers": SMALL, "last": 2, "outputs": 3, **settings})


def test_inputs_that_do_not_fit() -> None:
    network = ConvolutionNetwork(9, SMALL, 2, 3)
    parameters = network.initial(np.random.default_rng(0))
    with pytest.raises(UsageError, match=r"shape \(2, 17, 8\), expected \(items, columns, 9\)"):
        network.forward(parameters, np.zeros((2, 17, 8)))
    with pytest.raises(UsageError, match="inputs of 6 columns, but a step sees 7"):
        network.forward(parameters, np.zeros((2, 6, 9)))
    flat = ConvolutionNetwork(9, SMALL, None, 3, columns=11, extras=5)
    with pytest.raises(UsageError, match=r"expected \(items, 11 \* 9 \+ 5\)"):
        flat.forward(flat.initial(np.random.default_rng(0)), np.zeros((2, 103)))
    with pytest.raises(UsageError, match="where numbers follow the image"):
        ConvolutionNetwork(9, SMALL, 2, 3, extras=5)
    dense = DenseNetwork(6, (), 4)
    with pytest.raises(UsageError, match=r"expected \(items, 6\)"):
        dense.forward(dense.initial(np.random.default_rng(0)), np.zeros((2, 5)))
    with pytest.raises(UsageError, match=r"\[6, 0, 4\]"):
        DenseNetwork(6, (0,), 4)
