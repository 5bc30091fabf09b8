"""The kernels of the batch rules: pick mass, coverage, local minima."""

import functools

import batch_oracles
import compiled
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pools
import pytest

from ddal_jax import affinity, diversity, graph_from_edges
from ddal_jax.diversity import order as orders
from ddal_jax.selection import lowest

NUM_POINTS, NUM_NEIGHBORS, NUM_STEPS, QUERY_SIZE = 60, 4, 3, 12
KNN = pools.knn(pools.gaussian(NUM_POINTS, 2), NUM_NEIGHBORS)
GRAPHS = {"max": affinity(KNN), "none": affinity(KNN, symmetrize="none")}
WEIGHTS = {name: oracles.dense(graph) for name, graph in GRAPHS.items()}
# T float32 means of values in [0, 1]; visits add up over some dozens of walks.
ROUNDING = 1e-5
each_graph = pytest.mark.parametrize("name", GRAPHS)


def random_mask(share, seed):
    return np.random.default_rng(seed).random(NUM_POINTS) < share


PICKED, LABELED = random_mask(0.15, 0), random_mask(0.15, 1)


@each_graph
def test_pick_mass_is_the_chance_to_meet_a_pick_before_a_label(name):
    got = diversity.pick_mass(GRAPHS[name], PICKED, LABELED, num_steps=NUM_STEPS)

    expected = batch_oracles.pick_mass(oracles.transition(WEIGHTS[name]), PICKED, LABELED, NUM_STEPS)
    np.testing.assert_allclose(got, expected, atol=ROUNDING)
    np.testing.assert_array_equal(np.asarray(got) == 0, expected == 0)
    assert (PICKED & LABELED).any()
    np.testing.assert_array_equal(np.asarray(got)[PICKED & ~LABELED], 1.0)


@each_graph
def test_coverage_counts_the_visits_of_walks_from_the_unreached(name):
    unreached, stopped = random_mask(0.3, 2), random_mask(0.2, 3)

    got = diversity.coverage(GRAPHS[name], unreached, stopped, num_steps=NUM_STEPS)

    expected = batch_oracles.coverage(oracles.transition(WEIGHTS[name]), unreached, stopped, NUM_STEPS)
    np.testing.assert_allclose(got, expected, atol=ROUNDING)
    assert (unreached & stopped).any()


@each_graph
def test_walks_that_nothing_stops_cover_every_step(name):
    unreached = random_mask(0.3, 2)

    got = diversity.coverage(GRAPHS[name], unreached, np.zeros(NUM_POINTS, bool), num_steps=NUM_STEPS)

    np.testing.assert_allclose(got.sum(), NUM_STEPS * unreached.sum(), rtol=ROUNDING)


@functools.cache
def _minima_program(query_size):
    return jax.jit(functools.partial(diversity.local_minima, query_size=query_size))


def local_minima(graph, order, eligible, *, query_size):
    return np.asarray(_minima_program(query_size)(graph, jnp.asarray(order, jnp.int32), jnp.asarray(eligible)))


def shuffled(seed):
    return np.random.default_rng(seed).permutation(NUM_POINTS).astype(np.int32)


def ranks_of(order):
    return np.argsort(order).astype(np.int32)


@pytest.mark.parametrize("share", [1.0, 0.7])
@pytest.mark.parametrize("query_size", [3, 50])
@each_graph
def test_local_minima_are_those_found_node_by_node(name, query_size, share):
    for seed in range(3):
        order, eligible = shuffled(seed), random_mask(share, seed)

        got = local_minima(GRAPHS[name], ranks_of(order), eligible, query_size=query_size)

        expected = batch_oracles.local_minima(WEIGHTS[name], order[eligible[order]], eligible, eligible, query_size)
        padded = expected + [-1] * (query_size - len(expected))
        assert got.tolist() == padded


@each_graph
def test_local_minima_are_an_independent_set_as_long_as_the_graph_has_room(name):
    beside = batch_oracles.adjacent(WEIGHTS[name])

    for seed in range(5):
        got = local_minima(GRAPHS[name], shuffled(seed), np.ones(NUM_POINTS, bool), query_size=3)

        assert got.min() >= 0
        for node in got.tolist():
            assert not beside[node] & set(got.tolist())


def test_an_edge_keeps_both_its_ends_apart_whichever_way_it_points():
    one_way = graph_from_edges(np.array([0]), np.array([1]), np.ones(1), num_nodes=3, directed=True)
    everyone = np.ones(3, bool)

    assert local_minima(one_way, np.array([0, 1, 2]), everyone, query_size=2).tolist() == [0, 2]
    assert local_minima(one_way, np.array([1, 0, 2]), everyone, query_size=2).tolist() == [1, 2]
    assert local_minima(one_way, np.array([1, 0, 2]), everyone, query_size=4).tolist() == [1, 2, 0, -1]


def test_a_path_ranked_from_end_to_end_gives_one_minimum_a_pass_for_five_passes_and_then_its_order():
    places = np.arange(14)
    path = graph_from_edges(places[:-1], places[1:], np.ones(13), num_nodes=14)

    picked = local_minima(path, places, places >= 0, query_size=8)

    assert picked.tolist() == [0, 2, 4, 6, 8, 1, 3, 5]


def test_nodes_that_may_not_be_picked_do_not_compete():
    path = graph_from_edges(np.array([0, 1]), np.array([1, 2]), np.ones(2), num_nodes=3)

    picked = local_minima(path, np.array([1, 0, 2]), np.array([True, False, True]), query_size=2)

    assert picked.tolist() == [0, 2]


@pytest.mark.parametrize("seed", range(3))
def test_keys_order_scores_as_lowest_does(seed):
    random = np.random.default_rng(seed)
    special = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-30, -1e-30, np.finfo(np.float32).max, 1.0, -1.0]
    scores = random.permutation(np.resize(special, NUM_POINTS)).astype(np.float32)
    excluded = random_mask(0.2, seed)
    lottery = orders.Lottery(*map(jnp.asarray, (shuffled(seed), ranks_of(shuffled(seed)))))

    nodes, first = _in_order(jnp.asarray(scores), jnp.asarray(~excluded), lottery)

    num_left = (~excluded).sum()
    expected = scores[lowest(jax.random.key(seed), scores, excluded, query_size=NUM_POINTS)][:num_left]
    np.testing.assert_array_equal(scores[nodes][:num_left], expected)
    assert excluded[nodes[num_left:]].all()
    assert first == nodes[0]


@jax.jit
def _in_order(scores, eligible, lottery):
    keys = [orders.score_keys(scores, jnp.zeros(NUM_POINTS, bool), eligible)]
    return orders.in_order(keys, lottery), orders.first_in_order(keys, lottery)


def test_a_lottery_is_a_random_order():
    draw = jax.jit(jax.vmap(lambda key: orders.draw_lottery(key, 10).nodes))

    nodes = np.asarray(draw(jax.random.split(jax.random.key(0), 2000)))

    np.testing.assert_array_equal(np.sort(nodes, axis=1), np.broadcast_to(np.arange(10), nodes.shape))
    counts = np.stack([np.bincount(column, minlength=10) for column in nodes.T])
    assert np.abs(counts - 200).max() < 5 * np.sqrt(200)  # five standard deviations of a binomial count


def test_kernels_work_inside_a_callers_jit_and_vmap():
    masks = jnp.asarray(np.stack([PICKED, random_mask(0.1, 5)]))
    order = jnp.asarray(shuffled(0))

    def all_three(picked, labeled):
        mass = diversity.pick_mass(GRAPHS["max"], picked, labeled, num_steps=NUM_STEPS)
        visits = diversity.coverage(GRAPHS["max"], mass == 0, picked | labeled, num_steps=NUM_STEPS)
        return mass, visits, diversity.local_minima(GRAPHS["max"], order, ~picked, query_size=QUERY_SIZE)

    together = jax.jit(jax.vmap(functools.partial(all_three, labeled=jnp.asarray(LABELED))))(masks)

    for place, mask in enumerate(masks):
        for got, expected in zip(together, all_three(mask, jnp.asarray(LABELED)), strict=True):
            np.testing.assert_allclose(got[place], expected, atol=1e-6)  # other fusions, other last bits


@pytest.mark.slow
def test_nothing_as_large_as_the_batch_times_the_pool_is_held():
    num_points, query_size = 4000, 1000
    graph = affinity(pools.knn(pools.gaussian(num_points, 2), NUM_NEIGHBORS))
    mask = jnp.zeros(num_points, bool)
    ask = functools.partial(diversity.redistribute, query_size=query_size, num_steps=NUM_STEPS, ties="coverage")

    program = jax.jit(ask).lower(jax.random.key(0), graph, jnp.zeros((num_points, 3)), mask, ~mask).compile()

    # A mask of B x N would take a byte each; some dozens of float32 columns are needed.
    assert compiled.temporary_bytes(program) < num_points * query_size / 4
