"""Clamped diffusion against dense and sparse float64, the paper's own iterations, and breadth-first search."""

import functools

import compiled
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pools
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ddal_jax import (
    Graph,
    affinity,
    diffuse,
    graph_from_edges,
    label_mass,
    nearest_labels,
    reach,
    recommended_num_steps,
    signed,
    simplex,
    walk,
)

pytestmark = pytest.mark.optimized

NUM_POINTS, NUM_NEIGHBORS, NUM_CLASSES = 60, 4, 3
MODES = ["max", "mean", "mutual", "self_tuning", "none"]
each_mode = pytest.mark.parametrize("symmetrize", MODES)
# T float32 means of values in [0, 1], each off by a few 2^-24.
ROUNDING = 1e-6


def pool_graph(symmetrize="max", seed=0):
    return affinity(pools.knn(pools.gaussian(NUM_POINTS, 2, seed), NUM_NEIGHBORS), symmetrize=symmetrize)


def known_labels(num_labels=5, seed=0):
    labels, labeled = pools.random_labels(NUM_POINTS, num_labels, NUM_CLASSES, seed)
    return labels, labeled, label_mass(labels, labeled, num_classes=NUM_CLASSES)


# Grids of few values bring ties and duplicates, grids of many bring islands.
grids = st.sampled_from([3, 12, 40]).flatmap(
    lambda side: hnp.arrays(np.float32, (NUM_POINTS, 2), elements=st.integers(0, side))
)
label_sets = st.sets(st.integers(0, NUM_POINTS - 1), max_size=5)
modes = st.sampled_from(MODES)
step_counts = st.sampled_from([0, 2, 5])


def start_from(label_set, seed=0):
    labeled = np.isin(np.arange(NUM_POINTS), list(label_set))
    labels = np.random.default_rng(seed).integers(0, NUM_CLASSES, NUM_POINTS).astype(np.int32)
    return labels, labeled, label_mass(labels, labeled, num_classes=NUM_CLASSES)


@each_mode
def test_rows_of_the_walk_sum_to_one(symmetrize):
    graph = pool_graph(symmetrize)

    after = walk(graph, jnp.ones((NUM_POINTS, 1)))

    connected = np.asarray(graph.degrees) > 0
    np.testing.assert_allclose(after[connected], 1.0, rtol=ROUNDING)
    np.testing.assert_array_equal(after[~connected], 0.0)


@each_mode
def test_a_walk_multiplies_by_the_transition_matrix(symmetrize):
    graph = pool_graph(symmetrize)
    signal = np.random.default_rng(1).uniform(-1, 1, (NUM_POINTS, NUM_CLASSES)).astype(np.float32)

    after = walk(graph, jnp.asarray(signal))

    np.testing.assert_allclose(after, oracles.transition(oracles.dense(graph)) @ signal, atol=ROUNDING)


def test_label_mass_is_one_hot_on_known_labels_alone():
    labels = np.array([2, -1, 99, 0, 1])
    labeled = np.array([True, False, False, True, False])

    mass = label_mass(labels, labeled, num_classes=3)

    np.testing.assert_array_equal(mass, [[0, 0, 1], [0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 0]])
    assert mass.dtype == jnp.float32


@pytest.mark.parametrize("num_steps", [2, 5, 30])
@each_mode
def test_diffusion_agrees_with_dense_and_sparse_matrices(symmetrize, num_steps):
    graph = pool_graph(symmetrize)
    _, labeled, mass = known_labels()

    after = diffuse(graph, mass, labeled, num_steps=num_steps)

    weights = oracles.dense(graph)
    start = np.asarray(mass)
    dense = oracles.clamped_diffusion(oracles.transition(weights), start, labeled, num_steps)
    np.testing.assert_allclose(after, dense, atol=ROUNDING)
    np.testing.assert_allclose(after, oracles.sparse_diffusion(weights, start, labeled, num_steps), atol=ROUNDING)


@given(features=grids, label_set=label_sets, symmetrize=modes, num_steps=step_counts)
def test_the_papers_iterations_are_read_from_the_mass(features, label_set, symmetrize, num_steps):
    labels, labeled, mass = start_from(label_set)
    graph = affinity(pools.knn(features, NUM_NEIGHBORS), symmetrize=symmetrize)

    after = diffuse(graph, mass, labeled, num_steps=num_steps)

    matrix = oracles.transition(oracles.dense(graph))
    chi = oracles.one_vs_all(matrix, labels, labeled, NUM_CLASSES, num_steps)
    np.testing.assert_allclose(signed(after), chi, atol=ROUNDING)
    # The printed start 1/C leaks away where a row of M is zero, which a mutual graph alone has.
    q = oracles.multivariate(matrix, labels, labeled, NUM_CLASSES, num_steps)
    connected = labeled | (np.asarray(graph.degrees) > 0)
    np.testing.assert_allclose(simplex(after)[connected], q[connected], atol=ROUNDING)


@given(features=grids, label_set=label_sets, symmetrize=modes, num_steps=step_counts)
def test_reach_is_zero_exactly_where_no_label_lies_within_the_steps(features, label_set, symmetrize, num_steps):
    _, labeled, mass = start_from(label_set)
    graph = affinity(pools.knn(features, NUM_NEIGHBORS), symmetrize=symmetrize)

    after = reach(diffuse(graph, mass, labeled, num_steps=num_steps))

    hops = oracles.hops(oracles.dense(graph), labeled)
    np.testing.assert_array_equal(np.asarray(after) > 0, (hops >= 0) & (hops <= num_steps))


@given(features=grids, label_set=label_sets, symmetrize=modes, num_steps=step_counts)
def test_mass_is_a_probability_and_labeled_rows_stay(features, label_set, symmetrize, num_steps):
    _, labeled, mass = start_from(label_set)
    graph = affinity(pools.knn(features, NUM_NEIGHBORS), symmetrize=symmetrize)

    after = np.asarray(diffuse(graph, mass, labeled, num_steps=num_steps))

    assert after.min() >= 0.0
    assert after.sum(axis=1).max() <= 1.0 + ROUNDING
    np.testing.assert_array_equal(after[labeled], np.asarray(mass)[labeled])
    np.testing.assert_allclose(simplex(jnp.asarray(after)).sum(axis=1), 1.0, atol=ROUNDING)


@given(features=grids, label_set=label_sets, symmetrize=modes)
def test_mass_never_shrinks_with_more_steps(features, label_set, symmetrize):
    _, labeled, mass = start_from(label_set)
    graph = affinity(pools.knn(features, NUM_NEIGHBORS), symmetrize=symmetrize)

    by_steps = [np.asarray(diffuse(graph, mass, labeled, num_steps=num_steps)) for num_steps in (0, 2, 5, 30)]

    assert (np.diff(by_steps, axis=0) >= -ROUNDING).all()


@given(features=grids, label_set=label_sets, more=label_sets, symmetrize=modes)
def test_reach_never_shrinks_with_more_labels(features, label_set, more, symmetrize):
    graph = affinity(pools.knn(features, NUM_NEIGHBORS), symmetrize=symmetrize)

    few, many = (
        np.asarray(reach(diffuse(graph, mass, labeled, num_steps=5)))
        for _, labeled, mass in (start_from(label_set), start_from(label_set | more))
    )

    assert (many >= few - ROUNDING).all()


def test_a_label_teaches_only_those_who_walk_to_it():
    chain = graph_from_edges(np.array([0, 1]), np.array([1, 2]), np.ones(2), num_nodes=3, directed=True)
    labeled = np.array([False, True, False])

    after = diffuse(chain, label_mass(np.zeros(3, int), labeled, num_classes=2), labeled, num_steps=9)

    np.testing.assert_array_equal(reach(after), [1.0, 1.0, 0.0])


def test_opposite_classes_cancel_in_chi_but_not_in_reach():
    """The midpoint of a path of 9 nodes with both ends labelled: chi = 0, yet it is reached."""
    nodes = np.arange(8)
    path = graph_from_edges(nodes, nodes + 1, np.ones(8), num_nodes=9)
    labels = np.array([0] * 8 + [1])
    labeled = np.isin(np.arange(9), [0, 8])

    after = diffuse(path, label_mass(labels, labeled, num_classes=2), labeled, num_steps=4)

    np.testing.assert_array_equal(signed(after)[4], 0.0)
    assert reach(after)[4] > 0


def test_classes_as_columns_equal_a_vmap_over_classes():
    graph = pool_graph()
    _, labeled, mass = known_labels()

    def diffuse_class(column):
        return diffuse(graph, column[:, None], labeled, num_steps=5)[:, 0]

    by_class = jax.vmap(diffuse_class, in_axes=1, out_axes=1)(mass)

    np.testing.assert_allclose(by_class, diffuse(graph, mass, labeled, num_steps=5), atol=ROUNDING)


def test_vmap_over_seeds_equals_a_loop():
    seeds = [(pool_graph(seed=seed), *known_labels(seed=seed)[1:]) for seed in range(3)]
    graphs, labeled, masses = jax.tree.map(lambda *arrays: jnp.stack(arrays), *seeds)

    together = jax.vmap(functools.partial(diffuse, num_steps=5))(graphs, masses, labeled)

    for i, (graph, labeled, mass) in enumerate(seeds):
        np.testing.assert_array_equal(together[i], diffuse(graph, mass, labeled, num_steps=5))


def test_a_callers_jit_changes_no_bit():
    graph = pool_graph()
    _, labeled, mass = known_labels()

    @jax.jit
    def chi(graph, mass, labeled):
        return signed(diffuse(graph, mass, labeled, num_steps=5))

    np.testing.assert_array_equal(chi(graph, mass, labeled), signed(diffuse(graph, mass, labeled, num_steps=5)))


@each_mode
def test_renaming_the_points_renames_the_mass(symmetrize):
    features = pools.gaussian(NUM_POINTS, 2)
    _, labeled, mass = known_labels()
    order = np.random.default_rng(1).permutation(NUM_POINTS)
    graph = affinity(pools.knn(features, NUM_NEIGHBORS), symmetrize=symmetrize)
    renamed = affinity(pools.knn(features[order], NUM_NEIGHBORS), symmetrize=symmetrize)

    after = diffuse(renamed, mass[order], labeled[order], num_steps=5)

    # The rows of a node are added in another order.
    expected = diffuse(graph, mass, labeled, num_steps=5)[order]
    np.testing.assert_allclose(after, expected, atol=ROUNDING)


def test_no_labels_and_all_labels_are_fixed_points():
    graph = pool_graph()
    labels = np.zeros(NUM_POINTS, np.int32)
    for labeled in (np.zeros(NUM_POINTS, bool), np.ones(NUM_POINTS, bool)):
        mass = label_mass(labels, labeled, num_classes=NUM_CLASSES)

        after = diffuse(graph, mass, labeled, num_steps=5)

        np.testing.assert_array_equal(after, mass)


# The paper's own: checkerboard, MNIST, CIFAR-10; then exact powers, which floats get wrong; then K = 1.
@pytest.mark.parametrize(
    ("num_points", "num_neighbors", "num_steps"),
    [(2000, 10, 4), (10_000, 10, 5), (50_000, 20, 4), (1000, 10, 4), (999, 10, 3), (1, 2, 1), (7, 1, 6), (1, 1, 0)],
)
def test_recommended_steps_are_the_papers(num_points, num_neighbors, num_steps):
    recommended = recommended_num_steps(num_points, num_neighbors)

    assert recommended == num_steps


@given(num_points=st.integers(1, 10**12), num_neighbors=st.integers(2, 1000))
def test_recommended_steps_are_the_fewest_whose_power_exceeds_the_pool(num_points, num_neighbors):
    num_steps = recommended_num_steps(num_points, num_neighbors)

    assert num_neighbors**num_steps > num_points >= num_neighbors ** (num_steps - 1)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="other backends fuse by their own rules")
def test_gathered_values_are_never_written_out():
    n, k, c = 1000, 10, 10
    places = jax.ShapeDtypeStruct((3 * n, k), jnp.int32)
    graph = Graph(
        places,
        jax.ShapeDtypeStruct(places.shape, jnp.float32),
        jax.ShapeDtypeStruct((3 * n,), jnp.int32),
        jax.ShapeDtypeStruct((n,), jnp.float32),
    )

    program = jax.jit(walk).lower(graph, jax.ShapeDtypeStruct((n, c), jnp.float32)).compile()

    gathered, row_sums = 4 * 3 * n * k * c, 4 * 3 * n * c
    # The row sums in a version or two; k times as much if gather and sum were two loops.
    assert row_sums <= compiled.temporary_bytes(program) < gathered / 3


def test_a_path_too_unlikely_for_float32_delivers_no_mass_though_hops_count_it():
    """The honest limit of "zero if and only if out of reach": the first steps of a long path underflow."""
    n = 300
    path = graph_from_edges(np.arange(n - 1), np.arange(1, n), np.ones(n - 1), num_nodes=n)
    labeled = np.arange(n) == 0
    start = label_mass(np.zeros(n, int), labeled, num_classes=1)

    mass = np.asarray(diffuse(path, start, labeled, num_steps=n - 1))[:, 0]
    hops = np.asarray(nearest_labels(path, labeled, num_steps=n - 1).hops)

    assert (hops == np.arange(n)).all()
    assert (mass[:66] > 0).all()
    assert mass[-1] == 0
