"""Monte Carlo passes draw dropout and nothing else, and dropout changes no initial weight."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from small_networks import (
    IMAGES,
    KEYS,
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

from ddal_jax.networks.architectures import MLP, VGG16, ConvNet, with_dropout
from ddal_jax.networks.build import network
from ddal_jax.networks.linen import from_linen
from ddal_jax.networks.nnx import from_nnx

# The head of the convolutional network is the multilayer perceptron itself.
SAMPLING = ["conv", "linen"]


def test_dropout_silences_its_share_and_scales_what_stays():
    rate = 0.3
    net = network_of(MLP(widths=(400,), dropout=rate))
    inputs = jnp.repeat(IMAGES, 8, axis=0)

    kept = np.asarray(jax.jit(functools.partial(net.apply, train=False))(*worn(net), inputs, KEYS[0]).features)
    features = np.asarray(jax.jit(net.sample)(*worn(net), inputs, KEYS[0]).features)

    active = kept > 0
    # Some 12,800 draws: four standard deviations of the share are 0.016.
    assert np.mean(features[active] == 0) == pytest.approx(rate, abs=0.016)
    stays = features != 0
    np.testing.assert_allclose(features[stays], kept[stays] / (1 - rate), rtol=1e-5)  # one float32 division


@pytest.mark.parametrize("name", SAMPLING)
def test_a_monte_carlo_pass_depends_on_its_key_and_on_nothing_else(name):
    sample, *_ = passes(name)

    first, again, other = (sample(*worn(sampling(name)), IMAGES, key) for key in (KEYS[0], KEYS[0], KEYS[1]))

    assert_equal(first, again)
    assert np.abs(np.asarray(first.logits - other.logits)).max() > 1e-3


@pytest.mark.parametrize("name", SAMPLING)
def test_a_monte_carlo_pass_uses_the_running_statistics_and_leaves_them_alone(name):
    sample, *_ = passes(name)
    train = worn(sampling(name))

    outputs = sample(*train, IMAGES, KEYS[0])
    in_other_company = sample(*train, IMAGES.at[5:].set(1e3), KEYS[0])

    assert_equal(outputs.state, train.state)
    np.testing.assert_array_equal(outputs.logits[:5], in_other_company.logits[:5])


def test_evaluation_draws_nothing_and_leaves_the_state_alone_and_training_does_neither():
    _, evaluate, train = passes("conv")
    start, mask = worn(sampling("conv")), jnp.ones(8, bool)

    first, second = (evaluate(*start, IMAGES, key) for key in KEYS)
    assert_equal(first, second)
    assert_equal(first.state, start.state)

    first, second = (train(*start, IMAGES, key, mask=mask)[1] for key in KEYS)
    assert np.abs(np.asarray(first.logits - second.logits)).max() > 1e-3
    assert min(jax.tree.leaves(moved(first.state, start.state))) > 1e-3


def test_what_only_fills_a_minibatch_stays_out_of_batch_statistics():
    *_, train = passes("conv")
    start, mask = worn(sampling("conv")), jnp.arange(8) < 5

    _, clean = train(*start, IMAGES, KEYS[0], mask=mask)
    _, filled = train(*start, IMAGES.at[5:].set(1e3), KEYS[0], mask=mask)

    assert_equal(clean.state, filled.state)
    np.testing.assert_array_equal(clean.logits[:5], filled.logits[:5])


@pytest.mark.parametrize("name", SAMPLING)
def test_features_are_what_the_last_layer_reads_even_in_a_monte_carlo_pass(name):
    sample, *_ = passes(name)
    train = worn(sampling(name))

    outputs = sample(*train, IMAGES, KEYS[0])

    last = train.params["Dense_1"] if name == "linen" else train.params["head"]["logits"]
    kernel, bias = (np.asarray(last[part][...]) for part in ("kernel", "bias"))
    np.testing.assert_allclose(np.asarray(outputs.features) @ kernel + bias, outputs.logits, atol=1e-5)  # float32


def test_every_parameter_gets_a_gradient():
    *_, train = passes("conv")

    gradient, _ = train(*worn(sampling("conv")), IMAGES, KEYS[0], mask=jnp.ones(8, bool))

    steepest = jax.tree.map(lambda part: float(jnp.abs(part).max()), gradient)
    assert min(jax.tree.leaves(steepest)) > 1e-4


@pytest.mark.slow
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


def test_only_networks_with_dropout_can_sample():
    class Idle(nnx.Module):
        def __init__(self, rngs):
            self.dropout, self.logits = nnx.Dropout(0.0), nnx.Linear(2, 3, rngs=rngs)

    assert network_of(SMALL_MLP).sample is not None
    assert network_of(dataclasses.replace(SMALL_MLP, dropout=0.0)).sample is None
    assert from_linen(LinenMLP(), IMAGES).sample is None
    assert from_nnx(Idle).sample is None


def test_dropout_is_added_only_where_there_is_none():
    assert with_dropout(MLP(widths=(3,))) == MLP(widths=(3,), dropout=0.5)
    assert with_dropout(ConvNet(), rate=0.1) == ConvNet(dropout=0.1)
    assert with_dropout(SMALL_CONV) is SMALL_CONV
