"""Architectures become networks through one door, and their Monte Carlo passes draw dropout and nothing else."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

from ddal_jax.networks import vgg
from ddal_jax.networks.architectures import MLP, VGG16, ConvNet, with_dropout
from ddal_jax.networks.build import network
from ddal_jax.networks.linen import from_linen
from ddal_jax.networks.modules import VGG16Module
from ddal_jax.networks.nnx import from_nnx
from ddal_jax.networks.types import Network, TrainState

SHAPE, NUM_CLASSES = (9, 8, 2), 3
IMAGES = jnp.asarray(np.random.default_rng(0).normal(size=(8, *SHAPE)), jnp.float32)
KEYS = jax.random.split(jax.random.key(5), 2)
SMALL_CONV = ConvNet(channels=3, kernel_size=3, widths=(7, 6), dropout=0.4)
SMALL_MLP = MLP(widths=(7, 6), batch_norm=True, dropout=0.4)


class _LinenMLP(linen.Module):
    always_drop: bool = False

    @linen.compact
    def __call__(self, x, *, train, mask):
        x = x.reshape(x.shape[0], -1)
        mask = None if mask is None else mask[:, None]
        x = linen.BatchNorm(use_running_average=not train, momentum=0.9)(x, mask=mask)
        x = linen.relu(linen.Dense(7)(x))
        x = linen.Dropout(0.4, deterministic=not (train or self.always_drop))(x)
        return linen.Dense(NUM_CLASSES)(x), x


def _of(architecture) -> Network:
    return network(architecture, input_shape=SHAPE, num_classes=NUM_CLASSES)


@functools.cache
def _sampling(name) -> Network:
    if name == "linen":
        return from_linen(_LinenMLP(), IMAGES, sampler=_LinenMLP(always_drop=True))
    return _of(SMALL_CONV)


# The head of the convolutional network is the multilayer perceptron itself.
SAMPLING = ["conv", "linen"]


@functools.cache
def _compiled(name):
    """Returns the network's passes, each compiled once for the whole file: Monte Carlo, evaluation, training.

    The one in training comes with the gradient of all logits' squares.
    """
    network = _sampling(name)

    def loss(params, *rest, mask):
        outputs = network.apply(params, *rest, train=True, mask=mask)
        return jnp.sum(outputs.logits**2), outputs

    evaluate = functools.partial(network.apply, train=False)
    return jax.jit(network.sample), jax.jit(evaluate), jax.jit(jax.grad(loss, has_aux=True))


@functools.cache
def _worn(net: Network) -> TrainState:
    """Returns parameters, and running statistics that no fresh network has; drawn by NumPy, which compiles nothing."""
    params, state = jax.eval_shape(net.init, jax.random.key(0))
    random = np.random.default_rng(2)

    def draw(low, high, tree):
        return jax.tree.map(lambda x: jnp.asarray(random.uniform(low, high, x.shape), x.dtype), tree)

    return TrainState(draw(-0.5, 0.5, params), draw(0.5, 2, state))


def _assert_equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def _moved(a, b):
    return jax.tree.map(lambda x, y: float(np.abs(np.asarray(x - y)).max()), a, b)


def _convolve_by_hand(images, kernel, bias):
    windows = np.lib.stride_tricks.sliding_window_view(images, kernel.shape[:2], axis=(1, 2))
    return np.einsum("nhwikl,klio->nhwo", windows, kernel) + bias


def _pool_by_hand(images):
    n, height, width, channels = images.shape
    images = images[:, : height // 2 * 2, : width // 2 * 2]
    return images.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


def test_the_convolutional_network_is_its_formula():
    _, evaluate, _ = _compiled("conv")
    params, state = _worn(_sampling("conv"))
    # Leaves of NNX are variables, not arrays.
    weights, seen = (nnx.to_pure_dict(part) for part in (params, state))
    weights, seen = (jax.tree.map(lambda x: np.asarray(x, np.float64), part) for part in (weights, seen))

    outputs = evaluate(params, state, IMAGES, KEYS[0])

    convolved = _convolve_by_hand(np.asarray(IMAGES, np.float64), **weights["conv"])
    x = _pool_by_hand(np.maximum(convolved, 0)).reshape(8, -1)
    for layer in range(2):
        norm, statistics = weights["head"][f"norm_{layer}"], seen["head"][f"norm_{layer}"]
        x = (x - statistics["mean"]) / np.sqrt(statistics["var"] + 1e-5) * norm["scale"] + norm["bias"]
        hidden = weights["head"][f"hidden_{layer}"]
        x = np.maximum(x @ hidden["kernel"] + hidden["bias"], 0)
    logits = x @ weights["head"]["logits"]["kernel"] + weights["head"]["logits"]["bias"]
    np.testing.assert_allclose(outputs.features, x, atol=1e-5)  # float32 sums of at most 36 products of order one
    np.testing.assert_allclose(outputs.logits, logits, atol=1e-5)


def test_dropout_silences_its_share_and_scales_what_stays():
    rate = 0.3
    net = _of(MLP(widths=(400,), dropout=rate))
    inputs = jnp.repeat(IMAGES, 8, axis=0)

    kept = np.asarray(jax.jit(functools.partial(net.apply, train=False))(*_worn(net), inputs, KEYS[0]).features)
    features = np.asarray(jax.jit(net.sample)(*_worn(net), inputs, KEYS[0]).features)

    active = kept > 0
    # Some 12,800 draws: four standard deviations of the share are 0.016.
    assert np.mean(features[active] == 0) == pytest.approx(rate, abs=0.016)
    stays = features != 0
    np.testing.assert_allclose(features[stays], kept[stays] / (1 - rate), rtol=1e-5)  # one float32 division


@pytest.mark.parametrize("name", SAMPLING)
def test_a_monte_carlo_pass_depends_on_its_key_and_on_nothing_else(name):
    sample, *_ = _compiled(name)

    first, again, other = (sample(*_worn(_sampling(name)), IMAGES, key) for key in (KEYS[0], KEYS[0], KEYS[1]))

    _assert_equal(first, again)
    assert np.abs(np.asarray(first.logits - other.logits)).max() > 1e-3


@pytest.mark.parametrize("name", SAMPLING)
def test_a_monte_carlo_pass_uses_the_running_statistics_and_leaves_them_alone(name):
    sample, *_ = _compiled(name)
    train = _worn(_sampling(name))

    outputs = sample(*train, IMAGES, KEYS[0])
    in_other_company = sample(*train, IMAGES.at[5:].set(1e3), KEYS[0])

    _assert_equal(outputs.state, train.state)
    np.testing.assert_array_equal(outputs.logits[:5], in_other_company.logits[:5])


def test_evaluation_draws_nothing_and_leaves_the_state_alone_and_training_does_neither():
    _, evaluate, train = _compiled("conv")
    worn, mask = _worn(_sampling("conv")), jnp.ones(8, bool)

    first, second = (evaluate(*worn, IMAGES, key) for key in KEYS)
    _assert_equal(first, second)
    _assert_equal(first.state, worn.state)

    first, second = (train(*worn, IMAGES, key, mask=mask)[1] for key in KEYS)
    assert np.abs(np.asarray(first.logits - second.logits)).max() > 1e-3
    assert min(jax.tree.leaves(_moved(first.state, worn.state))) > 1e-3


def test_what_only_fills_a_minibatch_stays_out_of_batch_statistics():
    *_, train = _compiled("conv")
    worn, mask = _worn(_sampling("conv")), jnp.arange(8) < 5

    _, clean = train(*worn, IMAGES, KEYS[0], mask=mask)
    _, filled = train(*worn, IMAGES.at[5:].set(1e3), KEYS[0], mask=mask)

    _assert_equal(clean.state, filled.state)
    np.testing.assert_array_equal(clean.logits[:5], filled.logits[:5])


@pytest.mark.parametrize("name", SAMPLING)
def test_features_are_what_the_last_layer_reads_even_in_a_monte_carlo_pass(name):
    sample, *_ = _compiled(name)
    train = _worn(_sampling(name))

    outputs = sample(*train, IMAGES, KEYS[0])

    last = train.params["Dense_1"] if name == "linen" else train.params["head"]["logits"]
    kernel, bias = (np.asarray(last[part][...]) for part in ("kernel", "bias"))
    np.testing.assert_allclose(np.asarray(outputs.features) @ kernel + bias, outputs.logits, atol=1e-5)  # float32


def test_every_parameter_gets_a_gradient():
    *_, train = _compiled("conv")

    gradient, _ = train(*_worn(_sampling("conv")), IMAGES, KEYS[0], mask=jnp.ones(8, bool))

    steepest = jax.tree.map(lambda part: float(jnp.abs(part).max()), gradient)
    assert min(jax.tree.leaves(steepest)) > 1e-4


@pytest.mark.parametrize("architecture", [SMALL_MLP, SMALL_CONV, VGG16(), VGG16(batch_norm=True)])
def test_a_network_and_its_dropout_version_start_from_the_same_weights(architecture):
    """Traced, not run: the same computation gives the same numbers, and nothing is compiled."""
    versions = [dataclasses.replace(architecture, dropout=rate) for rate in (0.0, 0.4)]

    first, second = (
        jax.make_jaxpr(network(version, input_shape=(32, 32, 3), num_classes=3).init, return_shape=True)(KEYS[0])
        for version in versions
    )

    assert str(first[0]) == str(second[0])
    assert jax.tree.structure(first[1]) == jax.tree.structure(second[1])


@pytest.mark.parametrize("batch_norm", [False, True])
def test_vgg16_has_the_parameters_of_its_layers(batch_norm):
    net = network(VGG16(batch_norm=batch_norm), input_shape=(32, 32, 3), num_classes=10)

    params, state = jax.eval_shape(net.init, jax.random.key(0))

    # Thirteen convolutions of 4224 channels, counted for three channels in, and a head of 512-512-512-10.
    norms = 2 * 4224 * batch_norm
    expected = 14_714_688 + norms + 2 * (512 * 512 + 512) + 5_130
    assert sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params)) == expected
    assert sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(state)) == norms


@pytest.mark.slow
def test_batch_statistics_of_vgg16_see_only_the_rows_that_count(monkeypatch):
    monkeypatch.setattr(vgg, "CHANNELS", (2,) * 13)
    settings = VGG16(widths=(3,), batch_norm=True, dropout=0.0)
    net = from_nnx(functools.partial(VGG16Module, settings, (32, 32, 2), 3))
    worn = _worn(net)
    images = jnp.asarray(np.random.default_rng(3).normal(size=(4, 32, 32, 2)), jnp.float32)

    train = jax.jit(functools.partial(net.apply, train=True))
    clean = train(*worn, images, KEYS[0], mask=jnp.arange(4) < 3)
    filled = train(*worn, images.at[3:].set(1e3), KEYS[0], mask=jnp.arange(4) < 3)

    _assert_equal(clean.state, filled.state)
    np.testing.assert_array_equal(clean.logits[:3], filled.logits[:3])
    assert min(jax.tree.leaves(_moved(clean.state, worn.state))) > 0


@pytest.mark.parametrize(("shape", "flat"), [((32, 32, 3), 512), ((64, 33, 1), 1024)])
def test_vgg16_takes_images_of_any_size_from_32_on(shape, flat):
    net = network(VGG16(widths=(11, 7)), input_shape=shape, num_classes=4)
    params, state = jax.eval_shape(net.init, jax.random.key(0))

    evaluate = functools.partial(net.apply, train=False)
    outputs = jax.eval_shape(evaluate, params, state, jnp.zeros((2, *shape)), jax.random.key(0))

    assert params["head"]["hidden_0"]["kernel"].shape == (flat, 11)
    assert (outputs.logits.shape, outputs.features.shape) == ((2, 4), (2, 7))


def test_a_perceptron_flattens_whatever_comes():
    flat = network(MLP(widths=(5,)), input_shape=(144,), num_classes=NUM_CLASSES)

    seen = _of(MLP(widths=(5,))).apply(*_worn(flat), IMAGES, KEYS[0], train=False)

    expected = flat.apply(*_worn(flat), IMAGES.reshape(8, -1), KEYS[0], train=False)
    np.testing.assert_array_equal(seen.logits, expected.logits)


def test_only_networks_with_dropout_can_sample():
    class Idle(nnx.Module):
        def __init__(self, rngs):
            self.dropout, self.logits = nnx.Dropout(0.0), nnx.Linear(2, 3, rngs=rngs)

    assert _of(SMALL_MLP).sample is not None
    assert _of(dataclasses.replace(SMALL_MLP, dropout=0.0)).sample is None
    assert from_linen(_LinenMLP(), IMAGES).sample is None
    assert from_nnx(Idle).sample is None


def test_networks_say_whether_they_convolve():
    assert _of(SMALL_CONV).convolutional
    assert not _of(SMALL_MLP).convolutional
    assert network(VGG16(), input_shape=(32, 32, 3), num_classes=2).convolutional
    assert from_linen(_LinenMLP(), IMAGES, convolutional=True).convolutional
    assert not _sampling("linen").convolutional


def test_dropout_is_added_only_where_there_is_none():
    assert with_dropout(MLP(widths=(3,))) == MLP(widths=(3,), dropout=0.5)
    assert with_dropout(ConvNet(), rate=0.1) == ConvNet(dropout=0.1)
    assert with_dropout(SMALL_CONV) is SMALL_CONV


@pytest.mark.slow
def test_a_convolution_starts_with_the_values_of_pytorch():
    """Its layers draw weights and biases uniformly within 1 / sqrt(inputs), an input per place of the kernel."""
    net = network(ConvNet(channels=300, kernel_size=3, widths=(1,)), input_shape=(4, 4, 2), num_classes=1)

    conv = jax.jit(lambda key: net.init(key).params["conv"])(jax.random.key(0))

    kernel, bias = (np.asarray(conv[part][...]) for part in ("kernel", "bias"))
    assert max(np.abs(kernel).max(), np.abs(bias).max()) <= 18**-0.5
    # A uniform variable on [-b, b] has standard deviation b / sqrt(3); 5400 and 300 draws give it to 5 and 15 %.
    assert kernel.std() == pytest.approx(18**-0.5 / np.sqrt(3), rel=0.05)
    assert bias.std() == pytest.approx(18**-0.5 / np.sqrt(3), rel=0.15)


@pytest.mark.usefixtures("plain_types")
def test_equal_arguments_share_one_network():
    assert _of(ConvNet()) is _of(ConvNet())
    assert network(ConvNet(), input_shape=tuple(np.array(SHAPE)), num_classes=np.int64(3)) is _of(ConvNet())
    assert _of(ConvNet()) is not _of(ConvNet(dropout=0.5))


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize("architecture", [MLP, ConvNet, VGG16])
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"widths": ()}, ValueError, r"widths must name at least one hidden layer; got \(\)"),
        ({"widths": (3, 0)}, ValueError, "widths must be at least 1; got 0"),
        ({"widths": [3]}, TypeError, r"widths must be a tuple of integers; got \[3\]"),
        ({"dropout": 1.0}, ValueError, r"dropout must lie in \[0, 1\); got 1.0"),
        ({"dropout": -0.1}, ValueError, r"dropout must lie in \[0, 1\); got -0.1"),
        ({"dropout": math.nan}, ValueError, r"dropout must lie in \[0, 1\); got nan"),
        ({"dropout": True}, TypeError, r"dropout must be a number in \[0, 1\); got True"),
    ],
)
def test_bad_architectures_are_refused(architecture, change, error, message):
    with pytest.raises(error, match=message):
        architecture(**({"widths": (3,)} | change))


@pytest.mark.parametrize("change", [{"channels": 0}, {"kernel_size": 0}])
def test_bad_convolutions_are_refused(change):
    with pytest.raises(ValueError, match=f"{next(iter(change))} must be at least 1; got 0"):
        ConvNet(**change)


@pytest.mark.parametrize(
    ("architecture", "shape", "message"),
    [
        (MLP(widths=(3,)), (), r"input_shape must have at least one axis; got \(\)"),
        (MLP(widths=(3,)), (4, 0), "input_shape must be at least 1; got 0"),
        (ConvNet(), (28, 28), r"input_shape must be \(height, width, channels\) .*; got \(28, 28\)"),
        (ConvNet(), (28, 5, 1), r"of at least 6 x 6 for ConvNet; got \(28, 5, 1\)"),
        (VGG16(), (31, 32, 3), r"of at least 32 x 32 for VGG16; got \(31, 32, 3\)"),
    ],
)
def test_inputs_that_do_not_suit_the_architecture_are_refused(architecture, shape, message):
    with pytest.raises(ValueError, match=message):
        network(architecture, input_shape=shape, num_classes=2)


def test_no_class_is_refused():
    with pytest.raises(ValueError, match="num_classes must be at least 1; got 0"):
        network(MLP(widths=(3,)), input_shape=(2,), num_classes=0)


def test_batch_norm_mixes_a_tenth_of_the_minibatch_into_its_running_statistics():
    net = network(MLP(widths=(3,), batch_norm=True), input_shape=(4,), num_classes=2)
    params, state = net.init(jax.random.key(0))
    x = np.random.default_rng(3).normal(2.0, 3.0, (8, 4)).astype(np.float32)
    mask = np.arange(8) < 5

    after = net.apply(params, state, jnp.asarray(x), KEYS[0], train=True, mask=jnp.asarray(mask)).state

    mean, variance = (np.asarray(after["norm_0"][name][...]) for name in ("mean", "var"))
    # From 0 and 1; PyTorch's momentum .1. Five float32 rows.
    np.testing.assert_allclose(mean, 0.1 * x[:5].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * x[:5].var(axis=0), rtol=1e-5)
