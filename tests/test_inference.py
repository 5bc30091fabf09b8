"""Looking and training block by block from Python gives what the compiled ways give."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddal_jax import inference
from ddal_jax.inference import COMPILED, STEP_BY_STEP
from ddal_jax.networks.architectures import MLP, ConvNet
from ddal_jax.networks.build import network
from ddal_jax.training import TrainSettings

NUM_POINTS, NUM_CLASSES = 17, 3
ARCHITECTURE = ConvNet(channels=2, kernel_size=3, widths=(5,), dropout=0.5)


@pytest.fixture(scope="module")
def small():
    return network(ARCHITECTURE, input_shape=(6, 6, 1), num_classes=NUM_CLASSES)


@pytest.fixture(scope="module")
def pool():
    random = np.random.default_rng(0)
    images = random.normal(size=(NUM_POINTS, 6, 6, 1)).astype(np.float32)
    return jnp.asarray(images), jnp.asarray(random.integers(0, NUM_CLASSES, NUM_POINTS), jnp.int32)


@pytest.fixture(autouse=True)
def few_points_in_a_block(monkeypatch):
    """Three blocks, the last of them short."""
    monkeypatch.setattr(inference, "BLOCK_SIZE", 7)


def test_prediction_in_blocks_is_that_of_all_points_at_once(small, pool):
    train = small.init(jax.random.key(1))

    whole = small.apply(*train, pool[0], jax.random.key(0), train=False, mask=None)
    compiled = jax.jit(functools.partial(COMPILED.predict, small))(train, pool[0])
    stepwise = STEP_BY_STEP.predict(small, train, pool[0])

    for prediction in (compiled, stepwise):
        assert prediction.logits.shape == (NUM_POINTS, NUM_CLASSES)
        np.testing.assert_allclose(prediction.logits, whole.logits, atol=1e-5)  # float32 sums of other block sizes
        np.testing.assert_allclose(prediction.features, whole.features, atol=1e-5)


def test_passes_with_dropout_are_the_same_either_way_and_differ_from_each_other(small, pool):
    train, key = small.init(jax.random.key(1)), jax.random.key(2)

    compiled = jax.jit(lambda train, inputs: COMPILED.sample(key, small, train, inputs, num_passes=2))(train, pool[0])
    stepwise = STEP_BY_STEP.sample(key, small, train, pool[0], num_passes=2)

    assert compiled.shape == (2, NUM_POINTS, NUM_CLASSES)
    np.testing.assert_allclose(compiled, stepwise, atol=1e-6)  # one float32 program compiled twice
    np.testing.assert_allclose(compiled.sum(axis=2), 1.0, atol=1e-6)
    assert np.abs(compiled[0] - compiled[1]).max() > 0.01


def test_points_of_different_blocks_lose_different_units(small, pool):
    train = small.init(jax.random.key(1))
    same = jnp.broadcast_to(pool[0][:1], pool[0].shape)

    passes = STEP_BY_STEP.sample(jax.random.key(2), small, train, same, num_passes=8)

    assert not np.array_equal(passes[:, :7], passes[:, 7:14])


@pytest.mark.slow
def test_training_step_by_step_is_training_in_one_loop(pool):
    num_labeled = 6  # the second step of an epoch is half empty
    inputs, labels = pool
    small = network(MLP(widths=(5,), batch_norm=True, dropout=0.5), input_shape=(6, 6, 1), num_classes=NUM_CLASSES)
    train, key = small.init(jax.random.key(1)), jax.random.key(3)
    chosen = jnp.asarray(np.random.default_rng(1).permutation(NUM_POINTS), jnp.int32)
    settings = TrainSettings(num_epochs=3, minibatch_size=4, optimizer="adam", learning_rate=1e-2, halve_every=2)

    one_loop, steps = (
        fit(key, train, inputs, labels, chosen, count, network=small, settings=settings)
        for fit, count in ((COMPILED.fit, jnp.asarray(num_labeled)), (STEP_BY_STEP.fit, num_labeled))
    )

    for a, b in zip(jax.tree.leaves(one_loop), jax.tree.leaves(steps), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)  # Adam divides by small moments, which magnifies rounding


def test_a_network_without_dropout_cannot_be_sampled(small):
    plain = network(dataclasses.replace(ARCHITECTURE, dropout=0.0), input_shape=(6, 6, 1), num_classes=NUM_CLASSES)

    assert plain.sample is None
    assert small.sample is not None
