"""Reach against breadth-first search, coverage against bounds that hold whatever is drawn, and what is recommended."""

import dense_graphs
import jax
import numpy as np
import oracles
import pools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ddal_jax import DirectedGraph, affinity, graph_from_edges, knn_graph
from ddal_jax.theory import reach

NUM_POINTS, NUM_NEIGHBORS, MAX_STEPS = 60, 4, 5
KEY = jax.random.key(0)
features = hnp.arrays(np.float32, (NUM_POINTS, 2), elements=st.integers(0, 15))
kinds = st.sampled_from(["max", "none"])


def star_weights(num_leaves):
    """Node 0 is the hub, and the leaves lead to it."""
    weights = np.zeros((num_leaves + 1, num_leaves + 1))
    weights[1:, 0] = 1
    return weights


def curve(graph, num_sources=10**6, max_steps=MAX_STEPS, key=KEY):
    return reach.reach_by_steps(graph, max_steps=max_steps, num_sources=num_sources, key=key)


@settings(max_examples=10)
@given(features=features, symmetrize=kinds)
@pytest.mark.slow
def test_reach_is_the_in_ball_of_breadth_first_search(features, symmetrize):
    graph = affinity(pools.knn(features, NUM_NEIGHBORS), symmetrize=symmetrize)

    found = curve(graph)

    weights = oracles.dense(graph)
    hops = np.stack([oracles.hops_between(weights, label) for label in range(NUM_POINTS)], axis=1)
    sizes = np.stack([((hops >= 0) & (hops <= t)).sum(axis=0) for t in range(MAX_STEPS + 1)])
    np.testing.assert_allclose(found.mean, sizes.mean(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(found.largest, sizes.max(axis=1))
    np.testing.assert_allclose(found.alone, (sizes == 1).mean(axis=1), rtol=1e-6)


@pytest.mark.slow
def test_reach_is_counted_over_more_labels_than_one_block_holds_and_past_vanishing_masses():
    """200 steps of probability 1/2 leave no float32 mass, but the end of the path is reached."""
    n = 200
    nodes = np.arange(n)
    path = graph_from_edges(nodes[1:], nodes[:-1], np.ones(n - 1), num_nodes=n)

    found = curve(path, max_steps=n)

    apart = np.abs(nodes[:, None] - nodes)
    np.testing.assert_allclose(found.mean, [(apart <= t).sum() / n for t in range(n + 1)], rtol=1e-6)
    assert found.largest[-1] == n


def test_a_label_reaches_who_lists_it_and_not_whom_it_lists():
    found = curve(DirectedGraph(*dense_graphs.graph_of(star_weights(11))))

    np.testing.assert_array_equal(found.largest, [1, *[12] * 5])
    np.testing.assert_allclose(found.mean[1:], (12 + 11 * 1) / 12, rtol=1e-6)
    np.testing.assert_allclose(found.alone, [1, *[11 / 12] * 5], rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_sampled_labels_are_all_different(seed):
    """Of twelve nodes eleven are drawn: two nodes are reached from each leaf, twelve from the hub."""
    star = dense_graphs.graph_of(star_weights(11) + star_weights(11).T)

    found = curve(star, num_sources=11, key=jax.random.key(seed))

    assert np.round(float(found.mean[1]) * 11) in (11 * 2, 10 * 2 + 12)


def test_sampled_reach_is_exact_where_all_nodes_are_alike():
    graph = dense_graphs.graph_of(dense_graphs.cycle_weights())

    np.testing.assert_array_equal(curve(graph, num_sources=11).mean, [1, 3, 5, 7, 9, 11])


def test_the_assumed_reach_is_a_power_and_does_not_overflow():
    np.testing.assert_array_equal(reach.assumed_reach(10, max_steps=3), [1, 10, 100, 1000])
    assert reach.assumed_reach(50, max_steps=40)[-1] == 50.0**40


def test_the_queries_that_cover_a_path_lie_between_a_cover_and_a_packing():
    """Each label covers 2 T + 1 = 3 nodes; each query lies T + 1 = 2 or more from all before."""
    path = dense_graphs.graph_of(dense_graphs.path_weights())
    keys = jax.random.split(KEY, 20)

    counts = np.asarray(jax.vmap(lambda key: reach.queries_to_cover(key, path, num_steps=1))(keys))

    assert counts.min() >= 12 / 3
    assert counts.max() <= 12 / 2
    assert len(set(counts)) > 1
    np.testing.assert_array_equal(counts, [reach.queries_to_cover(key, path, num_steps=1) for key in keys])


@settings(max_examples=10)
@given(features=features, seed=st.integers(0, 100))
def test_never_fewer_queries_cover_than_the_largest_reach_allows(features, seed):
    graph = affinity(pools.knn(features, NUM_NEIGHBORS))

    count = int(reach.queries_to_cover(jax.random.key(seed), graph, num_steps=2))

    assert NUM_POINTS / int(curve(graph).largest[2]) <= count <= NUM_POINTS


def test_one_query_covers_a_complete_graph_and_every_isolated_node_needs_its_own():
    complete = dense_graphs.graph_of(dense_graphs.complete_weights(12))
    isolated = dense_graphs.graph_of(np.zeros((12, 12)))

    assert reach.queries_to_cover(KEY, complete, num_steps=1) == 1
    assert reach.queries_to_cover(KEY, isolated, num_steps=1) == 12


def test_the_answer_depends_on_the_key_alone_and_other_keys_and_weights_compile_nothing():
    graphs = [dense_graphs.graph_of(dense_graphs.random_weights(seed)) for seed in range(3)]
    first = [np.asarray(x) for x in curve(graphs[0], num_sources=11)]
    reach.queries_to_cover(KEY, graphs[0], num_steps=1)
    compiled = reach._reach_by_steps._cache_size(), reach._queries_to_cover._cache_size()

    for seed, graph in enumerate(graphs):
        curve(graph, num_sources=11, key=jax.random.key(seed))
        reach.queries_to_cover(jax.random.key(seed), graph, num_steps=1)

    assert (reach._reach_by_steps._cache_size(), reach._queries_to_cover._cache_size()) == compiled
    for again, once in zip(curve(graphs[0], num_sources=11), first, strict=True):
        np.testing.assert_array_equal(again, once)


def test_steps_add_up_at_the_first_count_where_the_labels_reach_is_the_pool():
    mean_reach = np.array([1.0, 10, 50, 100])

    steps = [reach.steps_to_add_up(mean_reach, num_labels=labels, num_points=100) for labels in (100, 10, 9, 2, 1)]

    assert steps == [0, 1, 2, 2, 3]
    assert reach.steps_to_add_up(mean_reach[:3], num_labels=1, num_points=100) is None


def groups_of_four(gap=0.0):
    """Fifteen groups on a line: three neighbours lie in a point's group, the fourth in the next. A gap parts it."""
    places = np.repeat(10.0 * np.arange(15), 4) + np.tile([0.0, 0.1, 0.3, 0.7], 15)
    return np.stack([places + gap * (places >= 70), np.zeros(60)], axis=1)


def recommend(points, num_labels, **choices):
    return reach.recommend(KEY, points, num_labels=num_labels, candidates=(4, 3), max_steps=MAX_STEPS, **choices)


@pytest.mark.slow
@pytest.mark.parametrize("symmetrize", ["max", "none"])
def test_the_fewest_neighbours_that_connect_the_pool_are_recommended(symmetrize):
    advice = recommend(groups_of_four(), num_labels=6, symmetrize=symmetrize)

    np.testing.assert_allclose(advice.connected, [4 / 60, 1])
    assert advice.num_neighbors == 4
    graph = affinity(knn_graph(groups_of_four(), num_neighbors=4), symmetrize=symmetrize)
    exact = np.asarray(curve(graph).mean)
    np.testing.assert_array_equal(advice.reach.mean, exact)
    assert advice.num_steps == np.flatnonzero(6 * exact >= 60)[0]


def test_where_no_candidate_connects_the_widest_is_returned():
    advice = recommend(groups_of_four(gap=1000.0), num_labels=1)

    np.testing.assert_allclose(advice.connected, [4 / 60, 32 / 60])
    assert (advice.num_neighbors, advice.num_steps) == (4, None)


def test_candidates_that_the_pool_is_too_small_for_are_left_out():
    advice = reach.recommend(
        KEY, groups_of_four(), num_labels=60, candidates=(4, 60, 100), max_steps=MAX_STEPS, num_sources=60
    )

    assert (advice.num_neighbors, advice.num_steps) == (4, 0)


def test_bad_input_is_refused_by_name(plain_types):
    graph, points = dense_graphs.graph_of(star_weights(11)), groups_of_four()
    for call, error, message in [
        (lambda: curve(points), TypeError, "^graph must be a Graph or a DirectedGraph"),
        (lambda: curve(graph, num_sources=0), ValueError, "^num_sources must be at least 1; got 0"),
        (lambda: curve(graph, max_steps=-1), ValueError, "^max_steps must be at least 0; got -1"),
        (lambda: curve(graph, key=0), TypeError, "^key must be a single key"),
        (lambda: reach.queries_to_cover(KEY, graph, num_steps=1.5), TypeError, "^num_steps must be an integer"),
        (lambda: reach.assumed_reach(0, max_steps=2), ValueError, "^num_neighbors must be at least 1; got 0"),
        (lambda: reach.steps_to_add_up(np.ones(2), num_labels=0, num_points=2), ValueError, "^num_labels must be"),
        (lambda: reach.recommend(KEY, points, num_labels=0), ValueError, "^num_labels must be at least 1; got 0"),
        (
            lambda: reach.recommend(KEY, points, num_labels=1, candidates=(60, 100)),
            ValueError,
            r"^candidates must hold a number in \[1, 59\] for 60 points; got \[60, 100\]",
        ),
        (
            lambda: reach.recommend(KEY, points, num_labels=1, candidates=(3,), symmetrize="no"),
            ValueError,
            "^symmetrize must be one of",
        ),
    ]:
        with pytest.raises(error, match=message):
            call()


def uniform_2d(random):
    return random.uniform(size=(2000, 2))


def gaussian_10d(random):
    return random.normal(size=(2000, 10))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pool", "mean_reach", "num_queries"),
    [(uniform_2d, [13, 35, 70, 118, 175, 242], 36), (gaussian_10d, [16, 150, 813, 1805, 1999, 2000], 3.2)],
)
def test_neither_reach_nor_the_queries_to_cover_are_what_the_paper_assumes(pool, mean_reach, num_queries):
    """As measured once on other draws, N = 2000, K = 10; the paper has 10^4 nodes after 4 steps and one query."""
    graph = affinity(knn_graph(pool(np.random.default_rng(0)), num_neighbors=10))

    found = np.asarray(curve(graph, max_steps=6).mean)
    queries = jax.vmap(lambda key: reach.queries_to_cover(key, graph, num_steps=4))(jax.random.split(KEY, 20))

    # Other draws of the points move the means by a few parts in a hundred.
    np.testing.assert_allclose(found[1:], mean_reach, rtol=0.1)
    np.testing.assert_allclose(np.mean(np.asarray(queries)), num_queries, rtol=0.15)
    assert found[4] < reach.assumed_reach(10, max_steps=4)[-1] / 5
