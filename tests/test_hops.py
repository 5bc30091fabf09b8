"""The nearest label along the walk, against breadth-first search."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pools
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ddal_jax import affinity, diffuse, graph_from_edges, label_mass, nearest_labels, reach

NUM_POINTS, NUM_NEIGHBORS = 60, 4

features = hnp.arrays(np.float32, (NUM_POINTS, 2), elements=st.integers(0, 15))
label_sets = st.sets(st.integers(0, NUM_POINTS - 1), max_size=5)
kinds = st.sampled_from(["max", "mutual", "none"])
step_counts = st.sampled_from([0, 2, 5])


def labeled_at(label_set):
    return np.isin(np.arange(NUM_POINTS), list(label_set))


@given(features=features, label_set=label_sets, symmetrize=kinds, num_steps=step_counts)
def test_hops_are_those_of_breadth_first_search(features, label_set, symmetrize, num_steps):
    graph = affinity(pools.knn(features, NUM_NEIGHBORS), symmetrize=symmetrize)
    labeled = labeled_at(label_set)

    nearest = nearest_labels(graph, labeled, num_steps=num_steps)

    expected = oracles.hops(oracles.dense(graph), labeled)
    np.testing.assert_array_equal(nearest.hops, np.where(expected <= num_steps, expected, -1))


@given(features=features, label_set=label_sets, symmetrize=kinds, num_steps=step_counts)
def test_hops_are_missing_exactly_where_reach_is_zero(features, label_set, symmetrize, num_steps):
    graph = affinity(pools.knn(features, NUM_NEIGHBORS), symmetrize=symmetrize)
    labeled = labeled_at(label_set)
    mass = label_mass(np.zeros(NUM_POINTS, np.int32), labeled, num_classes=3)

    nearest = nearest_labels(graph, labeled, num_steps=num_steps)

    reached = np.asarray(reach(diffuse(graph, mass, labeled, num_steps=num_steps))) > 0
    np.testing.assert_array_equal(np.asarray(nearest.hops) >= 0, reached)
    np.testing.assert_array_equal(np.asarray(nearest.sources) >= 0, reached)


@given(features=features, label_set=label_sets, symmetrize=kinds)
def test_sources_are_labels_at_that_distance(features, label_set, symmetrize):
    graph = affinity(pools.knn(features, NUM_NEIGHBORS), symmetrize=symmetrize)
    labeled = labeled_at(label_set)

    nearest = nearest_labels(graph, labeled, num_steps=5)

    to_source = {source: oracles.hops_between(oracles.dense(graph), source) for source in label_set}
    for node, (hops, source) in enumerate(zip(*map(np.asarray, nearest), strict=True)):
        if source >= 0:
            assert labeled[source]
            assert to_source[source][node] == hops
        if labeled[node]:
            assert (hops, source) == (0, node)


def nearest_to_the_fork(weight_of_3, weight_of_4):
    """0 - 1 - 2, and 2 forks to the labels 3 and 4, of these weights."""
    senders, receivers = np.array([0, 1, 2, 2]), np.array([1, 2, 3, 4])
    graph = graph_from_edges(senders, receivers, np.array([1, 1, weight_of_3, weight_of_4]), num_nodes=5)
    return nearest_labels(graph, np.arange(5) >= 3, num_steps=3)


@pytest.mark.parametrize(("weights", "source"), [((1, 2), 4), ((2, 1), 3), ((1, 1), 3)])
def test_of_equally_near_labels_the_likelier_wins_then_the_lower_index(weights, source):
    nearest = nearest_to_the_fork(*weights)

    np.testing.assert_array_equal(nearest.hops, [3, 2, 1, 0, 0])
    np.testing.assert_array_equal(nearest.sources, [source, source, source, 3, 4])


def test_a_nearer_label_beats_a_likelier_one():
    """From 0, label 1 is one unlikely step away and label 3 two likely ones."""
    graph = graph_from_edges(np.array([0, 0, 2]), np.array([1, 2, 3]), np.array([0.01, 1, 1]), num_nodes=4)

    nearest = nearest_labels(graph, np.array([False, True, False, True]), num_steps=2)

    assert (nearest.hops[0], nearest.sources[0]) == (1, 1)


def test_hops_follow_the_direction_of_the_walk():
    chain = graph_from_edges(np.array([0, 1]), np.array([1, 2]), np.ones(2), num_nodes=3, directed=True)

    nearest = nearest_labels(chain, np.array([False, True, False]), num_steps=2)

    np.testing.assert_array_equal(nearest.hops, [1, 0, -1])
    np.testing.assert_array_equal(nearest.sources, [1, 1, -1])


def test_long_paths_are_followed_after_their_likelihood_has_vanished():
    """200 steps of probability 1/2 leave no float32 likelihood."""
    n = 200
    nodes = np.arange(n - 1)
    path = graph_from_edges(nodes, nodes + 1, np.ones(n - 1), num_nodes=n)

    nearest = nearest_labels(path, np.arange(n) == 0, num_steps=n)

    np.testing.assert_array_equal(nearest.hops, np.arange(n))
    np.testing.assert_array_equal(nearest.sources, 0)


def test_vmap_over_label_sets_equals_a_loop():
    graph = affinity(pools.knn(pools.gaussian(NUM_POINTS, 2), NUM_NEIGHBORS))
    masks = jnp.stack([labeled_at({0}), labeled_at({5, 9}), labeled_at(set())])

    together = jax.jit(jax.vmap(lambda labeled: nearest_labels(graph, labeled, num_steps=5)))(masks)

    for i, labeled in enumerate(masks):
        one = nearest_labels(graph, labeled, num_steps=5)
        np.testing.assert_array_equal(together.hops[i], one.hops)
        np.testing.assert_array_equal(together.sources[i], one.sources)
