"""Poisson-reweighted Laplace learning against dense solves in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from ddal_jax.pool_graph import GraphSettings
from ddal_jax.strategies import PoissonLaplace, Pool
from ddal_jax.strategies.poisson_laplace import poisson_potential, reweighted_laplace

NUM_POINTS, NUM_CLASSES, QUERY_SIZE = 40, 4, 8
KEY = jax.random.key(0)
STRATEGY = PoissonLaplace(num_classes=NUM_CLASSES, graph=GraphSettings(num_neighbors=5), num_clusters=6)


def _pool(labeled, *, split=False):
    """A Gaussian pool, or two far apart whose graph has two components. Class 3 is never seen."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(NUM_POINTS, 2))
    features[NUM_POINTS // 2 :] += 1000.0 * split
    mask = np.isin(np.arange(NUM_POINTS), labeled)
    labels = np.where(mask, generator.integers(0, 3, NUM_POINTS), -1)
    return Pool(jnp.asarray(features, jnp.float32), None, None, jnp.asarray(labels, jnp.int32), jnp.asarray(mask))


POOLS = {
    "connected": _pool([1, 5, 18, 22, 37]),
    "two components with labels": _pool([1, 5, 22, 23, 37], split=True),
    "a component without labels": _pool([1, 5, 18], split=True),
    "a single label": _pool([7]),
    "all but one labelled": _pool(sorted(set(range(NUM_POINTS)) - {13})),
}


@jax.jit
def _solve_at(tau, key, pool):
    prepared = STRATEGY.prepare(key, pool)
    potential = poisson_potential(prepared, pool.labeled, tolerance=STRATEGY.tolerance, max_steps=STRATEGY.max_steps)
    solution = reweighted_laplace(
        prepared.graph, potential, jax.nn.one_hot(pool.labels, NUM_CLASSES), pool.labeled, tau,
        tolerance=STRATEGY.tolerance, max_steps=STRATEGY.max_steps,
    )  # fmt: skip
    return prepared.components, potential, solution, STRATEGY.query(key, prepared, pool, query_size=QUERY_SIZE)


def _solve(key, pool):
    return _solve_at(STRATEGY.tau_at(pool.labeled.sum()), key, pool)


def _components(weights):
    found = np.full(len(weights), -1)
    for i in range(len(weights)):
        if found[i] < 0:
            found[oracles.hops_between(weights, i) >= 0] = i
    return found


def _solve_by_hand(pool):
    neighbors, sq_distances = oracles.nearest_neighbors(pool.features, 5)
    weights = oracles.affinity(neighbors, sq_distances, "max")
    labeled = np.asarray(pool.labeled)
    components = _components(weights)

    source = labeled.astype(float)
    for each in np.unique(components):
        source[components == each] -= source[components == each].mean()
    potential = np.linalg.pinv(np.diag(weights.sum(axis=1)) - weights, rcond=1e-12) @ source
    for each in np.unique(components):
        potential[components == each] -= potential[components == each].min()
    potential += 1e-5

    beyond = np.clip((labeled.sum() - NUM_CLASSES) / (2 * 6), 0, 1)
    tau = 1e-3 * (1e-9 / 1e-3) ** beyond
    reweighted = potential[:, None] * weights * potential[None, :]
    matrix = np.diag(reweighted.sum(axis=1) + tau) - reweighted
    solution = oracles.one_hot(np.asarray(pool.labels), labeled, NUM_CLASSES)
    free = ~labeled
    inflow = reweighted[np.ix_(free, labeled)] @ solution[labeled]
    solution[free] = np.linalg.solve(matrix[np.ix_(free, free)], inflow)
    return components, potential, solution


@pytest.mark.parametrize("name", POOLS)
def test_solution_and_batch_are_those_of_the_dense_solve(name):
    pool = POOLS[name]

    components, potential, solution, query = _solve(KEY, pool)

    expected_components, expected_potential, expected = _solve_by_hand(pool)
    np.testing.assert_array_equal(components, expected_components)
    # A residual of 1e-6 relative to the source, on a graph whose smallest eigenvalue is of order one.
    np.testing.assert_allclose(potential, expected_potential, atol=2e-6)
    # Next to the lowest potential, 1e-5, that error is some percent of the weights; tau outweighs most of them there.
    np.testing.assert_allclose(solution, expected, atol=5e-5)
    norms = np.linalg.norm(expected, axis=1)
    lowest = np.sort(norms[~np.asarray(pool.labeled)])[:QUERY_SIZE]
    found = query.indices[: len(lowest)]
    np.testing.assert_allclose(query.scores[: len(lowest)], lowest, atol=5e-5)
    np.testing.assert_allclose(norms[found], lowest, atol=5e-5)
    has_label = np.isin(expected_components, expected_components[np.asarray(pool.labeled)])
    np.testing.assert_array_equal(query.reached[: len(lowest)], has_label[found])


def test_a_component_without_labels_is_asked_first_and_is_exactly_zero():
    _, _, solution, query = _solve(KEY, POOLS["a component without labels"])

    np.testing.assert_array_equal(solution[NUM_POINTS // 2 :], 0.0)
    assert min(query.indices.tolist()) >= NUM_POINTS // 2
    assert query.scores.tolist() == [0.0] * QUERY_SIZE
    assert not query.reached.any()


def test_without_labels_the_batch_is_a_lottery():
    pool = _pool([])

    batches = [_solve(jax.random.key(seed), pool)[3] for seed in range(3)]

    assert len({tuple(query.indices.tolist()) for query in batches}) == 3
    assert all(query.scores.tolist() == [0.0] * QUERY_SIZE for query in batches)


def test_an_unseen_class_has_a_column_of_zeros_and_entries_lie_between_zero_and_one():
    _, _, solution, _ = _solve(KEY, POOLS["connected"])

    np.testing.assert_array_equal(solution[:, 3], 0.0)
    assert solution.min() >= 0.0
    assert solution.max() <= 1.0


def test_tau_falls_geometrically_from_one_label_per_class_to_its_floor():
    taus = [float(STRATEGY.tau_at(jnp.asarray(count))) for count in (0, 4, 10, 16, 400)]

    np.testing.assert_allclose(taus, [1e-3, 1e-3, 1e-6, 1e-9, 1e-9], rtol=1e-5)  # one float32 power


@pytest.mark.slow
def test_a_larger_tau_keeps_a_label_nearer_to_itself():
    pool = POOLS["a single label"]

    def total(tau):
        return float(_solve_at(jnp.asarray(tau), KEY, pool)[2].sum())

    assert 1.0 < total(1.0) < total(1e-3) < NUM_POINTS
