"""Architectures become networks through one door, and their Monte Carlo passes draw dropout and nothing else."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from small_networks import (
    IMAGES,
    KEYS,
    NUM_CLASSES,
    SHAPE,
    SMALL_CONV,
    SMALL_MLP,
    LinenMLP,
    assert_equal,
    moved,
    network_of,
    passes,
    sampling,
    worn,
)

from ddal_jax.networks import vgg
from ddal_jax.networks.architectures import MLP, VGG16, ConvNet
from ddal_jax.networks.build import network
from ddal_jax.networks.linen import from_linen
from ddal_jax.networks.modules import VGG16Module
from ddal_jax.networks.nnx import from_nnx


def _convolve_by_hand(images, kernel, bias):
    windows = np.lib.stride_tricks.sliding_window_view(images, kernel.shape[:2], axis=(1, 2))
    return np.einsum("nhwikl,klio->nhwo", windows, kernel) + bias


def _pool_by_hand(images):
    n, height, width, channels = images.shape
    images = images[:, : height // 2 * 2, : width // 2 * 2]
    return images.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


def test_the_convolutional_network_is_its_formula():
    _, evaluate, _ = passes("conv")
    params, state = worn(sampling("conv"))
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
    start = worn(net)
    images = jnp.asarray(np.random.default_rng(3).normal(size=(4, 32, 32, 2)), jnp.float32)

    train = jax.jit(functools.partial(net.apply, train=True))
    clean = train(*start, images, KEYS[0], mask=jnp.arange(4) < 3)
    filled = train(*start, images.at[3:].set(1e3), KEYS[0], mask=jnp.arange(4) < 3)

    assert_equal(clean.state, filled.state)
    np.testing.assert_array_equal(clean.logits[:3], filled.logits[:3])
    assert min(jax.tree.leaves(moved(clean.state, start.state))) > 0


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

    seen = network_of(MLP(widths=(5,))).apply(*worn(flat), IMAGES, KEYS[0], train=False)

    expected = flat.apply(*worn(flat), IMAGES.reshape(8, -1), KEYS[0], train=False)
    np.testing.assert_array_equal(seen.logits, expected.logits)


def test_networks_say_whether_they_convolve():
    assert network_of(SMALL_CONV).convolutional
    assert not network_of(SMALL_MLP).convolutional
    assert network(VGG16(), input_shape=(32, 32, 3), num_classes=2).convolutional
    assert from_linen(LinenMLP(), IMAGES, convolutional=True).convolutional
    assert not sampling("linen").convolutional


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
    assert network_of(ConvNet()) is network_of(ConvNet())
    assert network(ConvNet(), input_shape=tuple(np.array(SHAPE)), num_classes=np.int64(3)) is network_of(ConvNet())
    assert network_of(ConvNet()) is not network_of(ConvNet(dropout=0.5))


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
