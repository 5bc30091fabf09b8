"""Angles and power iteration against dense float64 algebra. Float32; all graphs of one shape."""

import dense_graphs
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from dense_graphs import NUM_NODES, eigenpairs, graph_of, labeled_at, random_weights
from hypothesis import given
from hypothesis import strategies as st

from ddal_jax import graph_from_edges
from ddal_jax.theory import angles, convergence

NUM_STEPS = 60
seeds = st.integers(0, 10**6)
each_seed = pytest.mark.parametrize("seed", range(4))
each_laziness = pytest.mark.parametrize("laziness", [0.0, 0.25, 0.5])


def start(seed):
    return np.random.default_rng(seed).normal(size=NUM_NODES).astype(np.float32)


def iterate(graph, signal, target, **choices):
    return convergence.power_iteration(graph, signal, target, num_steps=NUM_STEPS, **choices)


@given(seed=seeds, offset=st.sampled_from([0.0, 1.0, 30.0]))
def test_cosines_are_those_of_dense_sums_and_the_centred_one_ignores_constants(seed, offset):
    weights, signal, other = random_weights(seed), start(seed), start(seed + 1)
    graph = graph_of(weights)

    raw = angles.cosine(graph, signal + np.float32(offset), other)
    centered = angles.centered_cosine(graph, signal + np.float32(offset), other)

    def expected(x, y):
        lengths = dense_graphs.dot(weights, x, x) * dense_graphs.dot(weights, y, y)
        return dense_graphs.dot(weights, x, y) / np.sqrt(lengths)

    pair = signal.astype(np.float64), other.astype(np.float64)
    np.testing.assert_allclose(raw, expected(pair[0] + offset, pair[1]), atol=1e-5)
    # An offset of 30 leaves a signal of size 1 its last 19 bits.
    np.testing.assert_allclose(centered, expected(*[dense_graphs.centered(weights, x) for x in pair]), atol=2e-5)


def test_a_constant_has_cosine_zero_with_everything():
    graph = graph_of(random_weights(0))
    constant = np.full(NUM_NODES, 0.3, np.float32)

    assert angles.centered_cosine(graph, constant, start(0)) == 0
    assert angles.centered_cosine(graph, constant, constant) == 0
    assert angles.cosine(graph, np.zeros(NUM_NODES), start(0)) == 0


def test_sign_agreement_counts_up_to_a_turn_and_zeros_agree_with_nothing():
    signal, everywhere = np.array([1.0, 2, -1, -3, 0]), np.ones(5, bool)

    assert angles.sign_agreement(signal, signal, everywhere) == np.float32(0.8)
    assert angles.sign_agreement(signal, -signal, everywhere) == np.float32(0.8)
    assert angles.sign_agreement(signal, np.array([1.0, -1, -1, -1, 1]), everywhere) == np.float32(0.6)
    assert angles.sign_agreement(signal, np.array([1.0, -1, -1, -1, 1]), signal != 2) == np.float32(0.75)
    assert angles.sign_agreement(signal, signal, np.zeros(5, bool)) == 0


def test_the_lazy_walk_stays_with_its_laziness():
    weights, signal = random_weights(0), start(0)[:, None]

    moved = convergence.lazy_walk(graph_of(weights), signal, laziness=0.25)

    expected = 0.25 * signal + 0.75 * oracles.transition(weights) @ signal
    np.testing.assert_allclose(moved, expected, atol=1e-6)


@each_laziness
@each_seed
def test_tangents_follow_the_closed_form(seed, laziness):
    weights, signal = random_weights(seed), start(seed)
    values, vectors = eigenpairs(weights)
    graph = graph_of(weights)

    trace = iterate(graph, signal, vectors[:, 1:2], laziness=laziness)
    predicted = convergence.predicted_tangents(graph, signal, values, vectors, num_steps=NUM_STEPS, laziness=laziness)

    # Each step rounds anew at the level of 1e-7, which the plain walk may stretch by (lambda_n / lambda_2)^t.
    within = (np.asarray(predicted) > 1e-3) & (np.asarray(predicted) < 1e3)
    assert within.sum() >= 5
    np.testing.assert_allclose(np.asarray(trace.tangents)[within], np.asarray(predicted)[within], rtol=5e-3)
    np.testing.assert_allclose(trace.cosines, 1 / np.hypot(1, np.asarray(trace.tangents)), atol=1e-5)


@each_seed
def test_predicted_tangents_are_those_of_the_dense_iteration(seed):
    weights, signal = random_weights(seed), start(seed).astype(np.float64)
    values, vectors = eigenpairs(weights)

    predicted = convergence.predicted_tangents(graph_of(weights), signal, values, vectors, num_steps=NUM_STEPS)

    lazy = (np.eye(NUM_NODES) + oracles.transition(weights)) / 2
    current, expected = signal, []
    for _ in range(NUM_STEPS + 1):
        current = dense_graphs.centered(weights, current)
        along = dense_graphs.dot(weights, vectors[:, 1], current)
        across = current - along * vectors[:, 1]
        expected.append(np.sqrt(dense_graphs.dot(weights, across, across)) / abs(along))
        current = lazy @ current
    # A float32 eigenvalue is off by 1e-7 of its size; sixty steps multiply that.
    np.testing.assert_allclose(predicted, expected, rtol=1e-4)


@each_seed
def test_the_last_iterate_has_no_constant_part_and_norm_one(seed):
    weights = random_weights(seed)

    last = np.asarray(iterate(graph_of(weights), start(seed), eigenpairs(weights)[1][:, 1:2]).signal, np.float64)

    np.testing.assert_allclose(dense_graphs.dot(weights, last, np.ones(NUM_NODES)), 0, atol=1e-6)
    np.testing.assert_allclose(dense_graphs.dot(weights, last, last), 1, atol=1e-6)


def test_on_a_bipartite_graph_the_plain_walk_loses_phi_2_and_the_lazy_one_finds_it():
    weights = dense_graphs.path_weights()
    values, vectors = eigenpairs(weights)
    parity = (-1.0) ** np.arange(NUM_NODES)
    graph, signal = graph_of(weights), start(0) + parity

    plain, lazy = (iterate(graph, signal, vectors[:, 1:2], laziness=laziness) for laziness in (0.0, 0.5))

    assert plain.cosines[-1] < 0.2
    assert np.abs(angles.centered_cosine(graph, plain.signal, parity)) > 0.95
    assert lazy.cosines[-1] > 0.95
    assert convergence.predicted_rate(values, laziness=0.0) > 1
    assert convergence.predicted_rate(values) < 1


def test_constants_projected_out_only_once_come_back():
    """Rounding leaves a constant of some 1e-7, and what is not constant shrinks by a quarter a step."""
    weights = dense_graphs.complete_weights(NUM_NODES)
    graph = graph_of(weights)
    signal = np.asarray(angles.center(graph, jnp.asarray(start(0))))[:, None]

    for _ in range(60):
        signal = convergence.lazy_walk(graph, signal)

    constant_part = np.abs(np.asarray(signal, np.float64).mean())
    assert constant_part > 10 * np.asarray(signal).std()


def test_a_multiple_eigenvalue_is_met_as_a_space_and_not_as_a_vector():
    """A cycle can be halved along any of its axes alike."""
    weights = dense_graphs.cycle_weights()
    values, vectors = eigenpairs(weights)
    np.testing.assert_allclose(values[1], values[2], atol=1e-9)

    one, both = (iterate(graph_of(weights), start(0), vectors[:, 1:last]) for last in (2, 3))

    assert both.cosines[-1] > 0.999
    assert one.cosines[-1] < 0.99
    assert convergence.predicted_rate(values, num_targets=2) < convergence.predicted_rate(values)


@each_seed
def test_the_measured_rate_tends_to_the_predicted_one_from_below(seed):
    weights, signal = random_weights(seed), start(seed)
    values, vectors = eigenpairs(weights)

    tangents = iterate(graph_of(weights), signal, vectors[:, 1:2]).tangents
    measured = convergence.measured_rate(tangents, floor=1e-3)

    predicted = float(convergence.predicted_rate(values))
    assert 0.85 * predicted < measured < predicted * (1 + 1e-3)  # a float32 tangent of 1e-3 has four digits


def test_the_rate_of_a_geometric_trace_is_its_ratio_down_to_the_floor():
    tangents = np.concatenate([0.5 ** np.arange(20), np.full(20, 1e-6)])

    np.testing.assert_allclose(convergence.measured_rate(tangents, floor=1e-5), 0.5, rtol=1e-5)
    assert np.isnan(convergence.measured_rate(np.full(4, 1e-9)))
    assert np.isnan(convergence.measured_rate(np.array([np.inf, np.inf])))


def test_rates_and_gap_are_read_off_three_eigenvalues():
    values = np.array([1.0, 0.8, 0.4])

    np.testing.assert_allclose(convergence.predicted_rate(values), 0.7 / 0.9, rtol=1e-6)
    np.testing.assert_allclose(convergence.predicted_rate(values, laziness=0.0), 0.5, rtol=1e-6)
    np.testing.assert_allclose(convergence.spectral_gap(values), 0.2, rtol=1e-6)
    assert convergence.predicted_rate(np.array([1.0, 0.0, -0.5]), laziness=0.0) == np.inf


def test_vmap_over_starts_equals_a_loop_and_another_laziness_compiles_nothing():
    weights = random_weights(0)
    graph, target = graph_of(weights), eigenpairs(weights)[1][:, 1:2]
    signals = jnp.stack([jnp.asarray(start(seed)) for seed in range(3)])
    looped = [iterate(graph, signal, target).tangents for signal in signals]
    compiled = convergence._power_iteration._cache_size()

    together = jax.jit(jax.vmap(lambda signal: iterate(graph, signal, target).tangents))(signals)
    iterate(graph_of(random_weights(1)), signals[0], eigenpairs(random_weights(1))[1][:, 1:2], laziness=0.3)

    assert convergence._power_iteration._cache_size() == compiled
    # Sums over the nodes may be grouped otherwise in a batch; small tangents are rounding.
    np.testing.assert_allclose(together, np.stack(looped), rtol=1e-3, atol=1e-5)


def test_bad_input_is_refused_by_name(plain_types):
    weights = random_weights(0)
    graph, target = graph_of(weights), eigenpairs(weights)[1][:, 1:2]
    directed = graph_from_edges(np.array([0]), np.array([1]), np.ones(1), num_nodes=2, directed=True)
    signal, labeled = start(0), labeled_at(0)
    for call, error, message in [
        (lambda: angles.cosine(directed, np.ones(2), np.ones(2)), TypeError, "^graph must be symmetric"),
        (lambda: angles.centered_cosine(graph, signal, np.ones(3)), ValueError, "^other must have 12 entries"),
        (lambda: angles.sign_agreement(signal, signal, signal), TypeError, "^counted must be a boolean array"),
        (lambda: angles.sign_agreement(signal, signal[:3], labeled), ValueError, "^other must have 12 entries"),
        (lambda: iterate(directed, np.ones(2), np.ones((2, 1))), TypeError, "^graph must be symmetric"),
        (lambda: iterate(graph, signal, target, laziness=1.0), ValueError, r"^laziness must lie in \[0, 1\); got 1.0"),
        (lambda: iterate(graph, signal, target, laziness=True), TypeError, "^laziness must be a number"),
        (
            lambda: iterate(graph, signal, 3 * target),
            ValueError,
            r"^target must have columns ortho.*\[\[9.0\]\]",
        ),
        (lambda: iterate(graph, signal, target[:, 0]), ValueError, r"^target must have shape \[n, c\]"),
        (
            lambda: convergence.predicted_tangents(graph, signal, signal, target, num_steps=1),
            ValueError,
            r"^eigenvectors must have shape \(12, 12\)",
        ),
        (lambda: convergence.predicted_rate(np.ones(2)), ValueError, "^eigenvalues must have at least 3 entries"),
        (lambda: convergence.spectral_gap(np.ones(1)), ValueError, "^eigenvalues must have at least 2 entries"),
        (lambda: convergence.measured_rate(np.ones(3), floor=0.0), ValueError, "^floor must be a finite number above"),
    ]:
        with pytest.raises(error, match=message):
            call()
