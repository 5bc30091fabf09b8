"""Optimal designs against dense inverses in float64, taken anew for every label."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from ddal_jax.pool_graph import GraphSettings
from ddal_jax.strategies import Pool, QueryStrategy
from ddal_jax.strategies.optimal_design import OptimalDesign

NUM_POINTS, NUM_NEIGHBORS, QUERY_SIZE = 40, 5, 8
GRAPH = GraphSettings(num_neighbors=NUM_NEIGHBORS)
DESIGNS = {name: OptimalDesign(criterion=name, graph=GRAPH) for name in ("sigma", "variance")}
# A second program, of which the gain alone differs.
each_criterion = pytest.mark.parametrize("criterion", ["sigma", pytest.param("variance", marks=pytest.mark.slow)])


def _pool(labeled, *, apart=0.0):
    """A Gaussian pool of which the last 15 points stand apart: a second component, if far enough."""
    features = np.random.default_rng(0).normal(size=(NUM_POINTS, 2))
    features[25:] += apart
    mask = np.isin(np.arange(NUM_POINTS), labeled)
    labels = jnp.where(jnp.asarray(mask), 0, -1)
    return Pool(jnp.asarray(features, jnp.float32), None, None, labels, jnp.asarray(mask))


@functools.partial(jax.jit, static_argnames="design")
def _ask_traced(pool, later, *, design):
    """Prepares on the labels of a pool and asks once `later` are known too."""
    prepared = design.prepare(jax.random.key(0), pool)
    known = pool.labeled | later
    pool = pool._replace(labeled=known, labels=jnp.where(known, 0, -1))
    return design.query(jax.random.key(1), prepared, pool, query_size=QUERY_SIZE)


def _ask(criterion, pool, later=()):
    return _ask_traced(pool, jnp.asarray(np.isin(np.arange(NUM_POINTS), later)), design=DESIGNS[criterion])


def _by_hand(pool, criterion, labeled):
    """One label after the other from (L_uu)^-1; without labels, an added diagonal that all but vanishes."""
    weights = oracles.affinity(*oracles.nearest_neighbors(pool.features, NUM_NEIGHBORS), "max")
    laplacian = np.diag(weights.sum(axis=1)) - weights + 1e-7 * np.eye(NUM_POINTS)
    known, gains = list(labeled), []
    for _ in range(QUERY_SIZE):
        free = np.setdiff1d(np.arange(NUM_POINTS), known)
        covariance = np.linalg.inv(laplacian[np.ix_(free, free)])
        taken = covariance.sum(axis=1) ** 2 if criterion == "sigma" else (covariance**2).sum(axis=1)
        gain = taken / np.diag(covariance)
        known.append(free[gain.argmax()])
        gains.append(gain.max())
    return np.array(known[len(labeled) :]), np.array(gains)


@each_criterion
@pytest.mark.slow
def test_a_batch_is_one_label_after_the_other_from_a_fresh_inverse(criterion):
    pool = _pool([3, 17])

    query = _ask(criterion, pool)

    expected, gains = _by_hand(pool, criterion, [3, 17])
    np.testing.assert_array_equal(query.indices, expected)
    # An inverse and eight updates in float32, on a graph whose smallest eigenvalue is of order .01.
    np.testing.assert_allclose(-query.scores, gains, rtol=1e-3)
    assert query.reached.all()


@each_criterion
def test_labels_new_since_the_inverse_count_as_if_they_had_been_known(criterion):
    query = _ask(criterion, _pool([3]), later=(17, 30))

    np.testing.assert_array_equal(query.indices, _by_hand(_pool([3]), criterion, [3, 17, 30])[0])


def test_components_without_labels_come_first_the_largest_before():
    pool = _pool([], apart=1000.0)

    query = _ask("sigma", pool)

    np.testing.assert_array_equal(query.indices, _by_hand(pool, "sigma", [])[0])
    assert query.indices[0] < 25 <= query.indices[1]
    assert not query.reached.any()


@each_criterion
def test_a_component_is_entered_where_the_variance_is_smallest(criterion):
    pool = _pool([3], apart=1000.0)

    query = _ask(criterion, pool)

    weights = oracles.affinity(*oracles.nearest_neighbors(pool.features, NUM_NEIGHBORS), "max")[25:, 25:]
    spread = np.diag(np.linalg.pinv(np.diag(weights.sum(axis=1)) - weights, rcond=1e-12))
    assert query.indices[0] == 25 + spread.argmin()
    assert query.scores[0] == -np.inf
    assert np.isfinite(query.scores[1:]).all()
    assert query.reached.tolist() == [index < 25 for index in query.indices.tolist()]


def test_no_labelled_point_is_asked_and_none_twice_when_more_are_wanted_than_are_left():
    labeled = sorted(set(range(NUM_POINTS)) - {4, 9, 33})

    query = _ask("sigma", _pool(labeled))

    assert sorted(query.indices.tolist()) == [-1] * 5 + [4, 9, 33]
    assert np.isnan(query.scores[3:]).all()
    assert query.reached.tolist() == [True] * 3 + [False] * 5


def test_classes_change_nothing():
    pool = _pool([3, 17])

    relabeled = pool._replace(labels=jnp.where(pool.labeled, 7, -1))

    np.testing.assert_array_equal(_ask("sigma", pool).indices, _ask("sigma", relabeled).indices)


def test_a_pool_too_large_for_a_matrix_of_pairs_is_refused():
    design = OptimalDesign(criterion="sigma", graph=GRAPH, max_points=NUM_POINTS - 1)

    with pytest.raises(ValueError, match="at most 39 rows for OptimalDesign.*got 40. Raise max_points if 0.0 GB"):
        design.prepare(jax.random.key(0), _pool([3]))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"criterion": "trace"}, "criterion must be one of 'sigma', 'variance'; got 'trace'"),
        ({"max_points": 0}, "max_points must be at least 1; got 0"),
        ({"graph": GraphSettings(symmetrize="none")}, "graph.symmetrize must give symmetric weights"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(changed, message):
    with pytest.raises(ValueError, match=message):
        OptimalDesign(**{"criterion": "sigma", **changed})


def test_it_is_a_query_strategy():
    assert isinstance(DESIGNS["sigma"], QueryStrategy)
    assert DESIGNS["sigma"].requires == {"features"}
