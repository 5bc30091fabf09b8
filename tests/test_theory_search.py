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

from ddal_jax import precision
from ddal_jax.theory import bounds, readout, search, tasks
from ddal_jax.theory.s2 import midpoints

SIDE, NUM_NODES, NUM_SEEDS = 5, 25, 4
# A lead of one digit of the rounding, and what float32 adds to it as scores are ranked.
SAME_SCORE = 2e-9 + 1e-7


@pytest.fixture(autouse=True, scope="module")
def _in_float64():
    with precision.double():
        yield


@functools.cache
def small(cut="ball"):
    return tasks.grid_task(SIDE, 2, cut=cut)


def keys(num_seeds=NUM_SEEDS, seed=0):
    return jax.random.split(jax.random.key(seed), num_seeds)


SEARCHES = {
    "in the limit": functools.partial(search.batch_query, num_steps=None),
    "after 3 steps": functools.partial(search.batch_query, num_steps=3),
    "by halving": search.s2_search,
    "at random": search.random_search,
}
each_search = pytest.mark.parametrize("run", SEARCHES.values(), ids=SEARCHES)


def prefixes(order):
    """Each query of one seed after the first, with the nodes known when it was asked."""
    asked = order[order >= 0]
    for count in range(1, len(asked)):
        yield np.isin(np.arange(len(order)), asked[:count]), asked[count]


def dense_mass(weights, labels, labeled, num_steps):
    start = oracles.one_hot(labels, labeled, 2)
    if num_steps is None:
        return oracles.harmonic(weights, start, labeled)
    return oracles.clamped_diffusion(oracles.transition(weights), start, labeled, num_steps)


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


@given(labeled=st.sets(st.integers(0, NUM_NODES - 1), min_size=1))
def test_the_limit_is_solved_as_finely_as_scores_are_rounded(labeled):
    task = small()
    labeled = np.isin(np.arange(NUM_NODES), sorted(labeled))

    mass = jax.jit(readout.limit)(task, labeled)

    expected = dense_mass(oracles.dense(task.graph), np.asarray(task.labels), labeled, None)
    np.testing.assert_allclose(mass, expected, atol=10.0 ** -(readout.DECIMALS + 1))


@pytest.mark.slow
def test_the_limit_on_a_path_of_a_thousand_is_the_straight_line():
    path = tasks.grid_task(1024, 1)
    labeled = np.isin(np.arange(1024), [0, 1023])

    mass = jax.jit(readout.limit)(path, labeled)

    np.testing.assert_allclose(mass[:, 1], np.arange(1024) / 1023, atol=10.0 ** -(readout.DECIMALS + 1))


@pytest.mark.parametrize("num_steps", [pytest.param(None, marks=pytest.mark.slow), 4])
def test_what_labels_tell_of_the_rest_agrees_with_a_dense_solve(num_steps):
    task = small("half")
    weights, labels = oracles.dense(task.graph), np.asarray(task.labels)
    result = search.s2_search(keys(), task)

    right_after = readout.queries_until_right(result.order, task, num_steps=num_steps)
    wrong = readout.share_wrong(result.order, task, num_steps=num_steps)

    for seed, order in enumerate(result.order):
        asked, shares = order[order >= 0], []
        for count in range(1, len(asked) + 1):
            labeled = np.isin(np.arange(NUM_NODES), asked[:count])
            mass = dense_mass(weights, labels, labeled, num_steps)
            lead = mass[np.arange(NUM_NODES), labels] - mass[np.arange(NUM_NODES), 1 - labels]
            shares.append(np.mean(lead < 1e-9))  # symmetric positions cancel only up to rounding
        assert right_after[seed] == next((q for q, share in enumerate(shares, 1) if share == 0), -1)
        assert wrong[seed] == pytest.approx(shares[-1], abs=1e-12)


def test_an_order_too_short_to_tell_is_never_right():
    order = np.full((1, NUM_NODES), -1, np.int32)
    order[0, 0] = 3

    assert readout.queries_until_right(np.repeat(order, NUM_SEEDS, axis=0), small("half"), num_steps=4)[0] == -1


@pytest.mark.parametrize(
    ("cut", "facts"),
    [
        # The upper two of five rows are class 0, so rows 1 and 2 face each other.
        ("half", tasks.Cut(10, 5, 1, 0.4, 0.4)),
        # A diamond of 13 nodes that leaves four corners of three.
        ("ball", tasks.Cut(16, 16, 4, 3 / 25, 12 / 25)),
    ],
)
def test_the_cut_of_a_grid_is_measured(cut, facts):
    task = small(cut)

    assert tasks.cut_of(task) == pytest.approx(facts)
    assert np.asarray(task.boundary).sum() == facts.size
    assert tasks.diameter(task.graph) == 2 * (SIDE - 1)


def test_the_boundary_is_the_nodes_beside_another_class():
    task = small("diagonal")
    points = np.stack(np.unravel_index(np.arange(NUM_NODES), (SIDE, SIDE)), axis=1)
    labels = np.asarray(task.labels)

    for i in range(NUM_NODES):
        beside = np.abs(points - points[i]).sum(axis=1) == 1
        assert task.boundary[i] == (labels[beside] != labels[i]).any()


def test_an_island_is_a_piece_of_its_own_that_classes_do_not_show():
    cut = tasks.cut_of(tasks.island_task(24))

    # Four nodes of the island and the eight around them, beside the two rows of 24 along the plane.
    assert cut == pytest.approx(tasks.Cut(12 + 48, 8 + 24, 2, 4 / 576, 284 / 576))


@pytest.mark.slow
def test_a_mixture_has_a_graph_for_every_seed_in_the_asked_shares():
    task = tasks.mixture_task([3, 4], dimension=2, separation=2.0, balancedness=0.25, num_points=40, num_neighbors=4)

    assert task.graph.weights.dtype == jnp.float64
    np.testing.assert_array_equal(task.labels.sum(axis=1), [10, 10])
    for seed in range(2):
        one = jax.tree.map(lambda part, seed=seed: part[seed], task)
        weights, labels = oracles.dense(one.graph), np.asarray(one.labels)
        crossing = (weights > 0) & (labels[:, None] != labels)
        np.testing.assert_array_equal(one.boundary, crossing.any(axis=1))
        np.testing.assert_allclose(one.graph.degrees, weights.sum(axis=1), rtol=1e-14)  # a few dozen float64 terms
    assert (task.graph.neighbors[0] != task.graph.neighbors[1]).any()


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


@functools.cache
def mixtures(separation=4.0, dimension=10, num_points=200):
    return tasks.mixture_task(range(30), dimension=dimension, separation=separation, num_points=num_points)


@pytest.mark.slow
def test_a_separated_mixture_takes_exactly_two_queries_and_is_then_right():
    task = mixtures()

    result = search.batch_query(keys(30), task, num_steps=200)

    assert (result.num_queries == 2).all()
    assert (readout.share_wrong(result.order, task, num_steps=200) == 0).all()


@pytest.mark.slow
def test_seeds_with_graphs_of_their_own_equal_a_loop():
    task = mixtures(separation=0.5)
    together = search.batch_query(keys(30), task, num_steps=3, max_queries=20).order

    for seed in range(3):
        one = jax.tree.map(lambda part, seed=seed: part[seed], task)
        alone = search.batch_query(keys(30)[seed : seed + 1], one, num_steps=3, max_queries=20)
        np.testing.assert_array_equal(alone.order[0], together[seed])


@pytest.mark.slow
def test_a_number_of_keys_other_than_of_graphs_is_refused():
    refused(lambda: search.s2_search(keys(3), mixtures()), ValueError, "keys must have 30 entries, one per graph")


@pytest.mark.slow
def test_a_hidden_island_takes_half_as_many_queries_again():
    plane, island = tasks.grid_task(24, 2), tasks.island_task(24)

    for run in (SEARCHES["in the limit"], SEARCHES["by halving"]):
        assert run(keys(10), island).certified.mean() > 1.5 * run(keys(10), plane).certified.mean()


@pytest.mark.slow
def test_steps_of_log_n_take_five_times_the_queries_of_the_limit_on_a_path():
    path = tasks.grid_task(1024, 1)

    few_steps = search.batch_query(keys(10), path, num_steps=11).certified
    limit = search.batch_query(keys(10), path, num_steps=None).certified

    assert few_steps.mean() > 5 * limit.mean()
    assert limit.mean() < np.log2(1024) + 4
    assert few_steps.mean() > 1024 / 10  # linear in N, which Eq. (8) is not


@pytest.mark.slow
@pytest.mark.parametrize(("side", "dimension", "cut"), [(16, 2, "half"), (16, 2, "diagonal"), (5, 3, "half")])
def test_no_mean_exceeds_the_bound_of_s2_or_the_unproved_fit(side, dimension, cut):
    task = tasks.grid_task(side, dimension, cut=cut)
    facts = tasks.cut_of(task)
    size = {"num_nodes": side**dimension, "cut_size": facts.size, "num_cut_components": facts.num_components}
    allowed = bounds.s2_bound(facts.balancedness, 0.05, kappa=3, **size)

    for run in (SEARCHES["in the limit"], SEARCHES["by halving"]):
        result = run(keys(20), task)
        assert result.certified.mean() <= allowed
        assert result.certified.mean() <= bounds.theorem1_fit_unproved(result.both_classes.mean(), **size)


@pytest.mark.slow
def test_one_start_and_few_steps_leave_much_of_a_plane_unread():
    """Clusters that no edge joins: the limit is right once both are labelled; three steps do not reach everyone."""
    task = mixtures(separation=3.0, dimension=2)

    result = search.batch_query(keys(30), task, num_steps=None, max_queries=6, goal=search.never)

    assert np.mean(readout.share_wrong(result.order, task) == 0) > 0.9
    assert np.mean(readout.share_wrong(result.order, task, num_steps=3) == 0) < 0.1
