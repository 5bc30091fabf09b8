"""The leading eigenpairs of the walk, and the rate of clamped diffusion, against dense and sparse solvers."""

import functools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pools
import pytest
import scipy.sparse
import scipy.sparse.linalg

from ddal_jax import affinity, components, graph_from_edges, knn_graph, spectrum
from ddal_jax.data.grid import grid
from ddal_jax.spectral import _spectrum, clamped_rate

KEY = jax.random.key(0)
TOLERANCE = 1e-5
# A residual estimated by the recurrence to be within the tolerance is measured anew; float32 adds this much.
ROUNDING = 3e-6


def graph_of(edges, num_nodes, weights=None):
    senders, receivers = np.array(edges).T
    weights = np.ones(len(edges)) if weights is None else weights
    return graph_from_edges(senders, receivers, weights, num_nodes=num_nodes)


def path(n):
    return graph_of([(i, i + 1) for i in range(n - 1)], n)


def square(side):
    made = grid(side, 2)
    return graph_from_edges(made.senders, made.receivers, np.ones(made.senders.size), num_nodes=side**2)


def star(n):
    return graph_of([(0, i) for i in range(1, n)], n)


def complete(n):
    return graph_of(list(zip(*np.triu_indices(n, 1), strict=True)), n)


def two_islands():
    """A path of three and, larger, a triangle with a tail; node 7 alone."""
    return graph_of([(0, 1), (1, 2), (3, 4), (4, 5), (3, 5), (5, 6)], 8)


GRAPHS = {
    "two nodes": path(2),
    "three nodes": path(3),
    "a path, which is bipartite": path(20),
    "a square grid, whose second eigenvalue is double": square(5),
    "a star, whose hub meets everyone": star(12),
    "a complete graph, whose eigenvalues coincide": complete(12),
    "a neighbourhood graph": affinity(pools.knn(pools.gaussian(60, 2), 4)),
}
SELDOM = (
    "two nodes",
    "three nodes",
    "a path, which is bipartite",
    "a star, whose hub meets everyone",
    "a complete graph, whose eigenvalues coincide",
)
each_graph = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SELDOM)) for name in GRAPHS]
)


@functools.cache
def found_of(name):
    graph = GRAPHS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # some second eigenvalues are multiple
        return spectrum(graph, num_pairs=min(4, graph.degrees.shape[0]), tolerance=TOLERANCE, key=KEY)


def symmetric_form(graph):
    weights = oracles.dense(graph)
    roots = np.sqrt(weights.sum(axis=1))
    return weights / np.outer(roots, roots)


@each_graph
def test_pairs_solve_the_eigenproblem_of_walk_and_laplacian(name):
    found = found_of(name)

    weights = oracles.dense(GRAPHS[name])
    degrees = weights.sum(axis=1)
    values, vectors = np.asarray(found.eigenvalues), np.asarray(found.eigenvectors)
    of_walk = oracles.transition(weights) @ vectors - values * vectors
    of_laplacian = (np.diag(degrees) - weights) @ vectors - (1 - values) * degrees[:, None] * vectors
    size = np.sqrt((degrees[:, None] * of_walk**2).sum(axis=0))
    np.testing.assert_allclose(size, found.residuals, atol=ROUNDING)
    np.testing.assert_allclose(of_laplacian, -degrees[:, None] * of_walk, atol=ROUNDING)
    assert size.max() <= TOLERANCE + ROUNDING


@each_graph
def test_values_are_the_largest_and_descend(name):
    values = np.asarray(found_of(name).eigenvalues)

    expected = np.linalg.eigvalsh(symmetric_form(GRAPHS[name]))[::-1][: len(values)]
    np.testing.assert_allclose(values, expected, atol=TOLERANCE)
    assert (np.diff(values) <= ROUNDING).all()


@each_graph
def test_vectors_are_orthonormal_by_degree_and_the_first_is_constant(name):
    vectors = np.asarray(found_of(name).eigenvectors)

    degrees = oracles.dense(GRAPHS[name]).sum(axis=1)
    np.testing.assert_allclose(vectors.T @ (degrees[:, None] * vectors), np.eye(vectors.shape[1]), atol=ROUNDING)
    np.testing.assert_allclose(vectors[:, 0], 1 / np.sqrt(degrees.sum()), rtol=ROUNDING)


@each_graph
def test_the_heaviest_entry_is_positive_so_that_the_sign_is_no_accident(name):
    vectors = np.asarray(found_of(name).eigenvectors)

    weighed = np.sqrt(GRAPHS[name].degrees)[:, None] * vectors
    assert (weighed.max(axis=0) >= -weighed.min(axis=0) - ROUNDING).all()


def test_several_components_give_a_warning_and_their_indicators_largest_first():
    graph = two_islands()

    with pytest.warns(UserWarning, match=r"2 components.*2 of its 3 leading eigenvalues are 1"):
        found = spectrum(graph, num_pairs=3, tolerance=TOLERANCE, key=KEY)

    values, vectors = np.asarray(found.eigenvalues), np.asarray(found.eigenvectors)
    np.testing.assert_allclose(values[:2], 1.0, atol=ROUNDING)
    np.testing.assert_array_equal(vectors[:, 0] > 0, np.isin(np.arange(8), [3, 4, 5, 6]))
    np.testing.assert_array_equal(vectors[:, 1] > 0, np.isin(np.arange(8), [0, 1, 2]))
    np.testing.assert_allclose(vectors[3:7, 0], vectors[3, 0], rtol=ROUNDING)
    connected = np.arange(7)
    weights = oracles.dense(graph)[np.ix_(connected, connected)]
    roots = np.sqrt(weights.sum(axis=1))
    np.testing.assert_allclose(values[2], np.linalg.eigvalsh(weights / np.outer(roots, roots))[-3], atol=TOLERANCE)


@pytest.mark.slow
def test_components_more_than_pairs_leave_nothing_to_seek():
    with pytest.warns(UserWarning, match="2 components"):
        found = spectrum(two_islands(), num_pairs=2, tolerance=TOLERANCE, key=KEY)

    np.testing.assert_allclose(found.eigenvalues, 1.0, atol=ROUNDING)


def test_a_second_eigenvalue_that_is_not_told_from_the_third_gives_a_warning():
    with pytest.warns(UserWarning, match="are not told apart at a residual of .* any mixture of both"):
        spectrum(GRAPHS["a square grid, whose second eigenvalue is double"], num_pairs=4, tolerance=TOLERANCE, key=KEY)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_of_two_close_eigenvalues_the_larger_comes_first(seed):
    """On a square of uniform points lambda_2 - lambda_3 is below the residual at which a search stops."""
    features = np.random.default_rng(seed).uniform(size=(4000, 2)).astype(np.float32)
    graph = affinity(knn_graph(features, num_neighbors=10))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        values = np.asarray(spectrum(graph, num_pairs=3, tolerance=1e-3, key=jax.random.key(seed)).eigenvalues)

    assert (np.diff(values) <= ROUNDING).all()


def test_components_are_named_by_their_lowest_node():
    np.testing.assert_array_equal(components(two_islands()), [0, 0, 0, 3, 3, 3, 3, 7])


@pytest.mark.slow
def test_pairs_agree_with_arpack_on_a_larger_graph():
    graph = affinity(knn_graph(pools.gaussian(600, 3), num_neighbors=6))

    found = spectrum(graph, num_pairs=4, tolerance=TOLERANCE, key=KEY)

    expected = scipy.sparse.linalg.eigsh(scipy.sparse.csr_matrix(symmetric_form(graph)), k=4, which="LA")[0][::-1]
    np.testing.assert_allclose(found.eigenvalues, expected, atol=TOLERANCE)
    assert np.asarray(found.residuals).max() <= TOLERANCE + ROUNDING


@pytest.mark.slow
def test_the_residual_tells_when_the_steps_did_not_suffice():
    long_path = path(200)

    with pytest.warns(UserWarning, match="not told apart"):
        found = spectrum(long_path, num_pairs=2, tolerance=1e-6, key=KEY, max_steps=1)

    vector = np.asarray(found.eigenvectors, np.float64)[:, 1]
    weights = oracles.dense(long_path)
    missed = oracles.transition(weights) @ vector - float(found.eigenvalues[1]) * vector
    np.testing.assert_allclose(found.residuals[1], np.sqrt((weights.sum(axis=1) * missed**2).sum()), rtol=1e-3)
    assert found.residuals[1] > 1e-4


@pytest.mark.slow
def test_seeds_vmapped_equal_a_loop_and_a_trace_gives_no_warning():
    graphs = [affinity(pools.knn(pools.gaussian(60, 2, seed=seed), 4)) for seed in range(3)]
    together = jax.tree.map(lambda *arrays: jnp.stack(arrays), *graphs)
    solve = functools.partial(spectrum, num_pairs=3, tolerance=TOLERANCE, key=KEY)

    found = jax.jit(jax.vmap(solve))(together)

    for i, graph in enumerate(graphs):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            alone = solve(graph)
        np.testing.assert_allclose(found.eigenvalues[i], alone.eigenvalues, atol=TOLERANCE)


def test_keys_and_tolerances_compile_once():
    graph = GRAPHS["a neighbourhood graph"]
    spectrum(graph, num_pairs=4, tolerance=TOLERANCE, key=KEY)
    before = _spectrum._cache_size()

    for seed, tolerance in enumerate((1e-3, 1e-4)):
        spectrum(graph, num_pairs=4, tolerance=tolerance, key=jax.random.key(seed + 1), max_steps=100 + seed)

    assert _spectrum._cache_size() == before


@pytest.mark.parametrize("labels", [[0], [0, 19], [3, 4, 5], list(range(20))])
def test_the_clamped_rate_is_the_spectral_radius_of_the_unlabelled_block(labels):
    graph = path(20)
    labeled = np.isin(np.arange(20), labels)

    rate = clamped_rate(graph, labeled, tolerance=TOLERANCE, key=KEY)

    free = np.flatnonzero(~labeled)
    block = oracles.transition(oracles.dense(graph))[np.ix_(free, free)]
    radius = np.abs(np.linalg.eigvals(block)).max() if len(free) else 0.0
    np.testing.assert_allclose(rate, radius, atol=TOLERANCE)


def test_the_clamped_rate_is_one_where_a_component_has_no_label():
    rate = clamped_rate(two_islands(), np.arange(8) == 0, tolerance=TOLERANCE, key=KEY)

    np.testing.assert_allclose(rate, 1.0, atol=TOLERANCE)


@pytest.mark.parametrize(
    "ask",
    [
        functools.partial(spectrum, num_pairs=2, key=KEY),
        functools.partial(clamped_rate, labeled=np.zeros(60, bool), key=KEY),
        components,
    ],
)
def test_a_directed_graph_is_refused_and_the_ways_to_symmetry_are_named(ask):
    directed = affinity(pools.knn(pools.gaussian(60, 2), 4), symmetrize="none")

    with pytest.raises(TypeError, match=r"symmetric.*complex eigenvalues.*'max', 'mean', 'mutual', 'self_tuning'"):
        ask(directed)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_pairs": 0}, r"num_pairs must be in \[1, 7\]"),
        ({"num_pairs": 8}, r"num_pairs must be in \[1, 7\] \(the nodes with edges\); got 8"),
        ({"tolerance": 0.0}, "tolerance must be a finite number above 0"),
        ({"max_steps": 0}, "max_steps must be in"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        spectrum(two_islands(), **{"num_pairs": 2, "key": KEY} | settings)


@pytest.mark.slow
def test_a_hundred_thousand_points_are_within_reach():
    features = pools.gaussian(100_000, 3)
    features[: len(features) // 2] += 2.5
    graph = affinity(knn_graph(features, num_neighbors=10))

    found = spectrum(graph, num_pairs=3, tolerance=1e-5, key=KEY)

    assert np.asarray(found.residuals).max() <= TOLERANCE + ROUNDING
