"""Training has fixed shapes, masks what only fills a minibatch, and keeps networks behind their seam."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from ddal_jax import training
from ddal_jax.inference import predict
from ddal_jax.networks.architectures import MLP
from ddal_jax.networks.build import network as network_of
from ddal_jax.networks.linen import from_linen
from ddal_jax.networks.types import Network, Outputs, TrainState
from ddal_jax.training import TrainSettings, fit

NUM_POINTS, NUM_FEATURES, NUM_CLASSES = 24, 5, 3
SETTINGS = TrainSettings(num_epochs=3, minibatch_size=8, optimizer="adam", learning_rate=1e-2)


class _LinenMLP(linen.Module):
    @linen.compact
    def __call__(self, x, *, train, mask):
        mask = None if mask is None else mask[:, None]
        x = linen.BatchNorm(use_running_average=not train, momentum=0.9)(x, mask=mask)
        x = linen.relu(linen.Dense(7)(x))
        x = linen.Dropout(0.5, deterministic=not train)(x)
        return linen.Dense(NUM_CLASSES)(x), x


def _nnx_network() -> Network:
    return network_of(MLP(widths=(9, 7), batch_norm=True), input_shape=(NUM_FEATURES,), num_classes=NUM_CLASSES)


def _linen_network() -> Network:
    return from_linen(_LinenMLP(), jnp.zeros((1, NUM_FEATURES)))


NETWORKS = {"nnx": _nnx_network, "linen": _linen_network}
each_network = pytest.mark.parametrize("name", ["nnx", pytest.param("linen", marks=pytest.mark.slow)])


@pytest.fixture
def pool():
    random = np.random.default_rng(0)
    labels = random.integers(0, NUM_CLASSES, NUM_POINTS).astype(np.int32)
    inputs = (
        random.normal(size=(NUM_POINTS, NUM_FEATURES)).astype(np.float32) + 3 * np.eye(3, 5, dtype=np.float32)[labels]
    )
    return jnp.asarray(inputs), jnp.asarray(labels)


def _largest_difference(a, b) -> float:
    return max(
        float(np.abs(np.asarray(x) - np.asarray(y)).max())
        for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


@each_network
def test_rows_that_only_fill_a_minibatch_change_nothing(name, pool):
    network = NETWORKS[name]()
    inputs, _ = pool
    train = network.init(jax.random.key(1))
    filled = inputs[:8].at[5:].set(1e3)
    mask = jnp.arange(8) < 5

    apply = jax.jit(functools.partial(network.apply, train=True))
    masked = apply(*train, filled, jax.random.key(0), mask=mask)
    alone = apply(*train, inputs[:5], jax.random.key(0), mask=jnp.ones(5, bool))

    # One float32 mean over 5 rows, taken with and without 3 weightless ones.
    assert _largest_difference(masked.state, alone.state) < 1e-6
    if name == "nnx":  # the Linen network also draws dropout, whose mask depends on the number of rows
        np.testing.assert_allclose(masked.logits[:5], alone.logits, atol=1e-5)


def test_the_loss_is_the_mean_over_rows_that_count(pool):
    network = _nnx_network()
    inputs, labels = pool
    params, state = network.init(jax.random.key(1))
    mask = jnp.arange(8) < 5
    key = jax.random.key(0)

    loss = jax.jit(training._loss, static_argnames="network")
    masked, _ = loss(state, inputs[:8], labels[:8], mask, key, network=network, params=params)
    alone, _ = loss(state, inputs[:5], labels[:5], jnp.ones(5, bool), key, network=network, params=params)

    np.testing.assert_allclose(masked, alone, rtol=1e-5)  # float32 statistics over 5 rows


def _count_rows(params, state, x, key, *, train, mask):
    """A network whose state counts how often each row has counted."""
    del key, train
    return Outputs(x[:, :NUM_CLASSES] * params, x, state + jnp.sum(x * mask[:, None], axis=0))


COUNTING = Network(lambda key: TrainState(jnp.ones(()), jnp.zeros(NUM_POINTS)), _count_rows)


@pytest.mark.parametrize("num_labeled", [1, 5, 8, 19, 24])
def test_every_label_is_seen_once_an_epoch_and_no_other_point_ever(pool, num_labeled):
    inputs = jnp.eye(NUM_POINTS)
    chosen = jnp.asarray(np.random.default_rng(2).permutation(NUM_POINTS), jnp.int32)

    trained = fit(
        jax.random.key(3), COUNTING.init(None), inputs, pool[1], chosen, jnp.asarray(num_labeled),
        network=COUNTING, settings=SETTINGS,
    )  # fmt: skip

    seen = np.zeros(NUM_POINTS)
    seen[np.asarray(chosen)[:num_labeled]] = SETTINGS.num_epochs
    np.testing.assert_array_equal(trained.state, seen)


def test_epochs_differ_in_their_order():
    chosen = jnp.arange(NUM_POINTS, dtype=jnp.int32)

    first, second = (training._shuffle(jax.random.key(epoch), chosen, jnp.asarray(20)) for epoch in (0, 1))

    assert sorted(first[:20].tolist()) == list(range(20)) == sorted(second[:20].tolist())
    assert first.tolist() != second.tolist()


@each_network
def test_training_learns_and_a_growing_count_traces_nothing_anew(name, pool):
    network = NETWORKS[name]()
    inputs, labels = pool
    settings = TrainSettings(num_epochs=60, minibatch_size=8, optimizer="adam", learning_rate=1e-2)
    chosen = jnp.arange(NUM_POINTS, dtype=jnp.int32)
    train = network.init(jax.random.key(1))

    before = fit._cache_size()
    for num_labeled in (6, 11, 24):
        train = fit(
            jax.random.key(2), train, inputs, labels, chosen, jnp.asarray(num_labeled),
            network=network, settings=settings,
        )  # fmt: skip

    assert fit._cache_size() == before + 1
    guesses = predict(network, train, inputs).logits.argmax(axis=1)
    assert float(jnp.mean(guesses == labels)) > 0.9


def test_no_epoch_leaves_the_network_as_it_was(pool):
    network = _nnx_network()
    start = network.init(jax.random.key(1))
    settings = TrainSettings(num_epochs=0, minibatch_size=8, optimizer="sgd", learning_rate=1e-2, momentum=0.9)

    end = fit(
        jax.random.key(2), start, *pool, jnp.arange(NUM_POINTS, dtype=jnp.int32), jnp.asarray(9),
        network=network, settings=settings,
    )  # fmt: skip

    assert _largest_difference(start, end) == 0


@each_network
def test_evaluation_is_the_same_for_a_row_alone_and_in_company(name, pool):
    network = NETWORKS[name]()
    inputs, _ = pool
    train = network.init(jax.random.key(1))

    together = predict(network, train, inputs)
    alone = predict(network, train, inputs[3:4])

    np.testing.assert_allclose(together.features[3], alone.features[0], atol=1e-6)  # one float32 product


def test_features_are_what_the_last_layer_reads(pool):
    network = _nnx_network()
    train = network.init(jax.random.key(1))

    outputs = predict(network, train, pool[0])

    kernel, bias = (np.asarray(train.params["logits"][part][...]) for part in ("kernel", "bias"))
    assert outputs.features.shape == (NUM_POINTS, 7)
    np.testing.assert_allclose(
        np.asarray(outputs.features) @ kernel + bias, outputs.logits, atol=1e-5
    )  # float32 products


@pytest.mark.slow
def test_seeds_under_vmap_train_as_they_do_alone(pool):
    network = _nnx_network()
    chosen = jnp.arange(NUM_POINTS, dtype=jnp.int32)

    def train(seed):
        start = network.init(jax.random.key(seed))
        return fit(jax.random.key(seed), start, *pool, chosen, jnp.asarray(13), network=network, settings=SETTINGS)

    together = jax.vmap(train)(jnp.arange(3))
    alone = train(jnp.asarray(2))

    # Batched products round otherwise than single ones, and Adam divides by small second moments early on.
    assert _largest_difference(jax.tree.map(lambda part: part[2], together), alone) < 1e-4


def test_layers_start_with_the_values_of_pytorch():
    """Its layers draw weights and biases uniformly within 1 / sqrt(inputs)."""
    params = network_of(MLP(widths=(400,)), input_shape=(100,), num_classes=4).init(jax.random.key(0)).params

    for name, inputs in {"hidden_0": 100, "logits": 400}.items():
        kernel, bias = (np.asarray(params[name][part][...]) for part in ("kernel", "bias"))
        assert max(np.abs(kernel).max(), np.abs(bias).max()) <= inputs**-0.5
        # A uniform variable on [-b, b] has standard deviation b / sqrt(3); 1600 draws or more give it to 5 %.
        assert kernel.std() == pytest.approx(inputs**-0.5 / np.sqrt(3), rel=0.05)
        assert np.abs(bias).max() > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_epochs": -1}, "num_epochs must be at least 0; got -1"),
        ({"minibatch_size": 0}, "minibatch_size must be at least 1; got 0"),
        ({"optimizer": "lion"}, "optimizer must be one of 'adam', 'sgd'; got 'lion'"),
        ({"learning_rate": 0.0}, "learning_rate must be a finite number above 0; got 0.0"),
        ({"momentum": 1.0}, r"momentum must lie in \[0, 1\); got 1.0"),
        ({"weight_decay": -1.0}, "weight_decay must be a finite number, 0 or more"),
        ({"weight_decay": float("nan")}, "weight_decay must be a finite number, 0 or more"),
        ({"halve_every": 0}, "halve_every must be at least 1; got 0"),
        ({"momentum": 0.5}, "belong to optimizer 'sgd'; got optimizer 'adam', momentum 0.5"),
    ],
)
def test_bad_training_settings_are_refused(change, message):
    good = {"num_epochs": 1, "minibatch_size": 8, "optimizer": "adam", "learning_rate": 1e-3}

    with pytest.raises(ValueError, match=message):
        TrainSettings(**(good | change))


def test_sgd_decays_weights_and_halves_its_rate_as_pytorch_does(pool):
    inputs, labels = pool
    settings = TrainSettings(
        num_epochs=5, minibatch_size=NUM_POINTS, optimizer="sgd", learning_rate=0.3, momentum=0.9, weight_decay=0.05,
        halve_every=2,
    )  # fmt: skip

    def linear(params, state, x, key, *, train, mask):
        del key, train, mask
        return Outputs(x @ params, x, state)

    start = np.random.default_rng(4).normal(size=(NUM_FEATURES, NUM_CLASSES)).astype(np.float32)
    trained = fit(
        jax.random.key(0), TrainState(jnp.asarray(start), ()), inputs, labels, jnp.arange(NUM_POINTS),
        jnp.asarray(NUM_POINTS), network=Network(lambda key: None, linear), settings=settings,
    )  # fmt: skip

    x, target = np.asarray(inputs, np.float64), np.eye(NUM_CLASSES)[np.asarray(labels)]
    weights, velocity = start.astype(np.float64), 0.0
    for rate in (0.3, 0.3, 0.15, 0.15, 0.075):
        odds = np.exp(x @ weights)
        gradient = x.T @ (odds / odds.sum(axis=1, keepdims=True) - target) / NUM_POINTS + 0.05 * weights
        velocity = 0.9 * velocity + gradient
        weights = weights - rate * velocity
    np.testing.assert_allclose(trained.params, weights, atol=1e-5)  # five float32 steps
