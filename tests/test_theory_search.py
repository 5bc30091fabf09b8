"""Searches for a cut, replayed query by query with dense solves and plain breadth-first search, in float64."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import refused
from small_searches import BY_HALVING, IN_THE_LIMIT, NUM_NODES, NUM_SEEDS, dense_mass, keys, small

from ddal_jax.theory import search, tasks
from ddal_jax.theory.s2 import midpoints

pytestmark = pytest.mark.usefixtures("in_float64")

# A lead of one digit of the rounding, and what float32 adds to it as scores are ranked.
SAME_SCORE = 2e-9 + 1e-7


SEARCHES = {
    "in the limit": IN_THE_LIMIT,
    "after 3 steps": functools.partial(search.batch_query, num_steps=3),
    "by halving": BY_HALVING,
    "at random": search.random_search,
}
each_search = pytest.mark.parametrize("run", SEARCHES.values(), ids=SEARCHES)


def prefixes(order):
    """Each query of one seed after the first, with the nodes known when it was asked."""
    asked = order[order >= 0]
    for count in range(1, len(asked)):
        yield np.isin(np.arange(len(order)), asked[:count]), asked[count]


def plain_midpoints(weights, labels, labeled):
    """By all pairs of labels that differ: the nodes at half the length of some shortest path of the shortest pair."""
    left = weights.copy()
    for i in np.flatnonzero(labeled):
        for j in np.flatnonzero(labeled):
            if labels[i] != labels[j]:
                left[i, j] = 0.0
    hops = [oracles.hops_between(left, i) for i in range(len(labels))]
    pairs = [(hops[i][j], i, j) for i in np.flatnonzero(labeled & (labels == 1))
             for j in np.flatnonzero(labeled & (labels == 0)) if hops[i][j] > 0]  # fmt: skip
    shortest = min((length for length, _, _ in pairs), default=None)
    middle = np.zeros(len(labels), bool)
    for length, i, j in pairs:
        if length == shortest:
            for node in range(len(labels)):
                middle[node] |= hops[i][node] == length // 2 and hops[j][node] == length - length // 2
    return middle


@each_search
def test_no_node_is_asked_twice_and_nothing_after_the_end(run):
    result = run(keys(), small())

    for order, num_queries in zip(result.order, result.num_queries, strict=True):
        asked = order[:num_queries]
        assert len(set(asked)) == num_queries
        assert set(asked) <= set(range(NUM_NODES))
        assert (order[num_queries:] == -1).all()


@each_search
def test_counts_are_those_of_the_order_and_the_search_ends_when_the_boundary_is_known(run):
    task = small()
    labels, boundary = np.asarray(task.labels), set(np.flatnonzero(task.boundary))

    result = run(keys(), task)

    for seed in range(NUM_SEEDS):
        asked = list(result.order[seed, : result.num_queries[seed]])
        assert result.certified[seed] == next(q for q in range(1, 99) if boundary <= set(asked[:q]))
        assert result.both_classes[seed] == next(q for q in range(1, 99) if len(set(labels[asked[:q]])) == 2)
        assert result.num_queries[seed] == max(result.certified[seed], result.both_classes[seed])


@pytest.mark.parametrize("num_steps", [None, 3, 8])
def test_each_query_is_the_weakest_by_a_dense_solve(num_steps):
    task = small()
    weights, labels = oracles.dense(task.graph), np.asarray(task.labels)

    result = search.batch_query(keys(), task, num_steps=num_steps)

    for order in result.order:
        for labeled, picked in prefixes(order):
            mass = dense_mass(weights, labels, labeled, num_steps)
            weakness = np.array([oracles.criterion("min_abs", row) for row in mass])
            assert weakness[picked] <= weakness[~labeled].min() + SAME_SCORE


def test_each_query_of_s2_halves_a_shortest_path_as_long_as_there_is_one():
    task = small()
    weights, labels = oracles.dense(task.graph), np.asarray(task.labels)

    result = search.s2_search(keys(), task)

    num_halved = 0
    for order in result.order:
        for labeled, picked in prefixes(order):
            middle = plain_midpoints(weights, labels, labeled)
            assert middle[picked] or not middle.any()
            num_halved += middle[picked]
    assert num_halved > 2 * NUM_SEEDS


@given(labeled=st.sets(st.integers(0, NUM_NODES - 1)), cut=st.sampled_from(["half", "ball", "diagonal"]))
def test_midpoints_are_those_of_all_pairs_of_labels(labeled, cut):
    task = small(cut)
    labeled = np.isin(np.arange(NUM_NODES), sorted(labeled))

    middle = np.asarray(jax.jit(midpoints)(task, labeled))

    np.testing.assert_array_equal(middle, plain_midpoints(oracles.dense(task.graph), np.asarray(task.labels), labeled))
    assert not middle[labeled].any()


def test_midpoints_read_no_label_that_is_not_known():
    task = small()
    labeled = np.isin(np.arange(NUM_NODES), [0, 7, 12])
    other = task._replace(labels=jnp.where(labeled, task.labels, 1 - task.labels))

    np.testing.assert_array_equal(jax.jit(midpoints)(task, labeled), jax.jit(midpoints)(other, labeled))


@each_search
def test_the_same_key_gives_the_same_order_in_any_company(run):
    together = run(keys(), small()).order

    np.testing.assert_array_equal(run(keys(), small()).order, together)
    np.testing.assert_array_equal(run(keys()[::-1], small()).order, together[::-1])
    assert (run(keys(seed=1), small()).order != together).any()


def test_all_searches_start_from_the_same_node_at_the_same_key():
    starts = np.array([run(keys(), small()).order[:, 0] for run in SEARCHES.values()])

    assert (starts == starts[0]).all()
    assert len(set(starts[0])) > 1


def test_one_compilation_serves_all_searches_steps_budgets_and_cuts():
    search.random_search(keys(), small())
    before = search._search._cache_size()

    for run in SEARCHES.values():
        run(keys(seed=2), small("diagonal"), max_queries=9)
    search.batch_query(keys(), small(), num_steps=17)

    assert search._search._cache_size() == before


@pytest.mark.parametrize("run", [SEARCHES["in the limit"], SEARCHES["after 3 steps"]])
def test_a_budget_ends_a_search_before_its_goal(run):
    result = run(keys(), small(), max_queries=7)

    whole = run(keys(), small())
    np.testing.assert_array_equal(result.order[:, :7], whole.order[:, :7])
    assert (result.num_queries == 7).all()
    assert (result.certified == -1).all()  # the ball has more nodes at its border


@pytest.mark.slow
def test_a_batch_takes_the_weakest_at_once_and_the_last_one_shrinks():
    task = small()
    batches = functools.partial(search.batch_query, num_steps=3, query_size=3, goal=search.never)

    result = batches(keys(), task, max_queries=9)

    assert (result.num_queries == 9).all()
    weights, labels = oracles.dense(task.graph), np.asarray(task.labels)
    for order in result.order:
        for start in (1, 4, 7):
            labeled = np.isin(np.arange(NUM_NODES), order[:start])
            batch = order[start : start + 3]
            mass = dense_mass(weights, labels, labeled, 3)
            weakness = np.array([oracles.criterion("min_abs", row) for row in mass])
            weakness[labeled] = np.inf
            assert weakness[batch[batch >= 0]].max() <= np.sort(weakness)[(batch >= 0).sum() - 1] + SAME_SCORE


@pytest.mark.slow
def test_a_search_without_goal_asks_every_node_once():
    result = search.batch_query(keys(), small(), num_steps=3, query_size=3, goal=search.never)

    np.testing.assert_array_equal(np.sort(result.order, axis=1), np.tile(np.arange(NUM_NODES), (NUM_SEEDS, 1)))


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: search.batch_query(keys(), small(), num_steps=-1), ValueError, "num_steps must be in .*; got -1"),
        (lambda: search.batch_query(keys(), small(), num_steps=2.5), TypeError, "num_steps must be an integer"),
        (lambda: search.s2_search(keys(), small(), max_queries=0), ValueError, "max_queries must be at least 1; got 0"),
        (
            lambda: search.batch_query(keys(), small(), num_steps=1, query_size=0),
            ValueError,
            "query_size must be at least 1; got 0",
        ),
        (lambda: search.random_search(keys()[0], small()), ValueError, r"keys must have shape \[s\]"),
        (lambda: tasks.grid_task(4, 2, labels=np.zeros(16, int)), ValueError, "labels must be 0 or 1, and both occur"),
        (lambda: tasks.grid_task(4, 2, labels=np.arange(9) % 2), ValueError, "labels must have 16 entries"),
        (
            lambda: tasks.island_task(24, island_side=10),
            ValueError,
            r"island_side must be in \[1, 9\]; got 10",
        ),
        (
            lambda: tasks.mixture_task([0], dimension=2, separation=1.0, balancedness=0.7),
            ValueError,
            "balancedness must be at most 0.5",
        ),
        (lambda: tasks.mixture_task([], dimension=2, separation=1.0), ValueError, "seeds must hold at least one seed"),
    ],
)
def test_what_cannot_be_searched_is_refused(call, error, message):
    refused(call, error, message)
