"""The harmonic limit against a dense float64 solve."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddal_jax import affinity, diffuse, graph_from_edges, harmonic, knn_graph, label_mass

NUM_POINTS, NUM_NEIGHBORS, NUM_CLASSES = 60, 4, 3
each_kind = pytest.mark.parametrize("symmetrize", ["max", "none"])
TOLERANCE = 1e-6


def pool_graph(symmetrize, features=None):
    features = pools.gaussian(NUM_POINTS, 2) if features is None else features
    return affinity(pools.knn(features, NUM_NEIGHBORS), symmetrize=symmetrize)


def two_islands(symmetrize):
    """The second half of the points lies too far to be anyone's neighbour in the first."""
    features = pools.gaussian(NUM_POINTS, 2)
    features[NUM_POINTS // 2 :] += 100
    return pool_graph(symmetrize, features)


def known_labels(num_labels=8, seed=0, num_classes=NUM_CLASSES):
    labels, labeled = pools.random_labels(NUM_POINTS, num_labels, num_classes, seed)
    return labeled, label_mass(labels, labeled, num_classes=num_classes)


def allowed_error(weights, labeled):
    """The residual counts once for every step a walk takes to a label; twice, for the rounding of the residual."""
    return 2 * TOLERANCE * max(1.0, oracles.steps_to_a_label(weights, labeled).max())


@pytest.mark.parametrize("seed", range(4))
@each_kind
def test_the_limit_solves_the_linear_system(symmetrize, seed):
    graph = pool_graph(symmetrize)
    labeled, mass = known_labels(seed=seed)

    result = harmonic(graph, mass, labeled, tolerance=TOLERANCE)

    weights = oracles.dense(graph)
    expected = oracles.harmonic(weights, np.asarray(mass), labeled)
    np.testing.assert_allclose(result.mass, expected, atol=allowed_error(weights, labeled))
    assert result.residual <= 2 * TOLERANCE


@each_kind
def test_rows_that_no_label_reaches_are_exactly_zero(symmetrize):
    graph = two_islands(symmetrize)
    labeled = np.arange(NUM_POINTS) < 3
    mass = label_mass(np.arange(NUM_POINTS) % NUM_CLASSES, labeled, num_classes=NUM_CLASSES)

    result = harmonic(graph, mass, labeled, tolerance=TOLERANCE)

    unreached = oracles.hops(oracles.dense(graph), labeled) < 0
    assert unreached[NUM_POINTS // 2 :].all()
    np.testing.assert_array_equal(np.asarray(result.mass)[unreached], 0.0)
    np.testing.assert_allclose(result.mass[~unreached].sum(axis=1), 1.0, atol=1e-4)


@given(
    label_set=st.sets(st.integers(0, NUM_POINTS - 1), min_size=1, max_size=6),
    symmetrize=st.sampled_from(["max", "none"]),
)
def test_the_limit_lies_between_zero_and_one_and_keeps_the_labels(label_set, symmetrize):
    labeled = np.isin(np.arange(NUM_POINTS), list(label_set))
    mass = label_mass(np.arange(NUM_POINTS) % NUM_CLASSES, labeled, num_classes=NUM_CLASSES)

    result = harmonic(pool_graph(symmetrize), mass, labeled)

    limit = np.asarray(result.mass)
    assert limit.min() >= 0.0
    assert limit.max() <= 1.0 + 1e-6  # a mean of ones rounds
    np.testing.assert_array_equal(limit[labeled], np.asarray(mass)[labeled])


@each_kind
def test_the_limit_is_where_diffusion_ends(symmetrize):
    graph = pool_graph(symmetrize)
    labeled, mass = known_labels()

    result = harmonic(graph, mass, labeled, tolerance=TOLERANCE)

    long_after = diffuse(graph, mass, labeled, num_steps=2000)
    np.testing.assert_allclose(result.mass, long_after, atol=allowed_error(oracles.dense(graph), labeled))


@each_kind
def test_no_more_steps_are_taken_than_allowed_and_the_residual_tells(symmetrize):
    graph = pool_graph(symmetrize)
    labeled, mass = known_labels(num_labels=3)

    result = harmonic(graph, mass, labeled, tolerance=TOLERANCE, max_steps=3)

    assert result.num_steps == 3
    matrix = oracles.transition(oracles.dense(graph))
    limit = np.asarray(result.mass, np.float64)
    one_step_more = oracles.clamped_diffusion(matrix, limit, labeled, 1)
    np.testing.assert_allclose(result.residual, np.abs(one_step_more - limit).max(), atol=1e-6)  # one float32 mean
    assert result.residual > TOLERANCE


@each_kind
def test_steps_are_fewer_when_less_is_asked(symmetrize):
    graph = pool_graph(symmetrize)
    labeled, mass = known_labels()

    rough, fine = (harmonic(graph, mass, labeled, tolerance=tolerance) for tolerance in (1e-2, 1e-5))

    assert rough.num_steps < fine.num_steps
    assert rough.residual <= 1e-2


def test_conjugate_gradients_take_a_long_path_in_few_steps():
    """Plain diffusion needs some n^2 = 10^4 steps here; conjugate gradients need at most one per free node."""
    n = 100
    nodes = np.arange(n - 1)
    path = graph_from_edges(nodes, nodes + 1, np.ones(n - 1), num_nodes=n)
    labeled = np.isin(np.arange(n), [0, n - 1])
    mass = label_mass((np.arange(n) == n - 1).astype(np.int32), labeled, num_classes=2)

    result = harmonic(path, mass, labeled, tolerance=TOLERANCE)

    assert result.num_steps <= 2 * n
    # The residual counts once for each of the up to (n / 2)^2 steps to an end.
    np.testing.assert_allclose(result.mass[:, 1], np.arange(n) / (n - 1), atol=TOLERANCE * n**2 / 4)


@each_kind
def test_a_single_class_fills_whatever_it_reaches(symmetrize):
    graph = two_islands(symmetrize)
    labeled = np.arange(NUM_POINTS) == 0
    mass = label_mass(np.zeros(NUM_POINTS, np.int32), labeled, num_classes=1)

    result = harmonic(graph, mass, labeled, tolerance=TOLERANCE)

    weights = oracles.dense(graph)
    expected = oracles.harmonic(weights, np.asarray(mass), labeled)
    np.testing.assert_allclose(result.mass, expected, atol=1e-3)  # a walk may take hundreds of steps to one label


@each_kind
def test_no_labels_and_all_labels_need_no_solving(symmetrize):
    graph = pool_graph(symmetrize)
    for labeled in (np.zeros(NUM_POINTS, bool), np.ones(NUM_POINTS, bool)):
        mass = label_mass(np.zeros(NUM_POINTS, np.int32), labeled, num_classes=NUM_CLASSES)

        result = harmonic(graph, mass, labeled)

        np.testing.assert_array_equal(result.mass, mass)
        assert result.residual == 0.0
        assert result.num_steps <= 1


@each_kind
def test_vmap_over_label_sets_equals_a_loop(symmetrize):
    graph = pool_graph(symmetrize)
    seeds = [known_labels(num_labels=4 + 2 * seed, seed=seed) for seed in range(3)]
    labeled, masses = jax.tree.map(lambda *arrays: jnp.stack(arrays), *seeds)

    results = jax.vmap(functools.partial(harmonic, graph, tolerance=TOLERANCE))(masses, labeled)

    for i, (labeled, mass) in enumerate(seeds):
        one = harmonic(graph, mass, labeled, tolerance=TOLERANCE)
        # Sums over all nodes are grouped otherwise in a batch.
        np.testing.assert_allclose(results.mass[i], one.mass, atol=allowed_error(oracles.dense(graph), labeled))


@pytest.mark.parametrize("symmetrize", ["max", "none"])
def test_mass_on_unlabelled_rows_is_not_read(symmetrize):
    features = pools.gaussian(60, 2)
    graph = affinity(knn_graph(features, num_neighbors=4), symmetrize=symmetrize)
    labeled = np.arange(60) < 5
    start = label_mass(np.arange(60) % 2, labeled, num_classes=2)

    from_start = harmonic(graph, start, labeled)
    from_diffused = harmonic(graph, diffuse(graph, start, labeled, num_steps=6), labeled)

    np.testing.assert_array_equal(from_diffused.mass, from_start.mass)
