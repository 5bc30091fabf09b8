"""The neighbour graph is exact on every pool, and a function of the data alone."""

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
from sklearn.neighbors import NearestNeighbors

from ddal_jax import KNNGraph, knn_graph
from ddal_jax.graph import knn

# One shape for most tests. 300 is a multiple of neither the default block (256) nor the re-ranking tile (64).
NUM_POINTS, NUM_FEATURES, NUM_NEIGHBORS = 300, 3, 5


def _duplicates(rng):
    return rng.integers(0, 4, (20, NUM_FEATURES))[rng.integers(0, 20, NUM_POINTS)]


def _far_islands(rng):
    islands = rng.normal(size=(NUM_POINTS, NUM_FEATURES))
    islands[::2] += 1e5
    return islands


def _tight_clusters(rng):
    return rng.normal(size=(6, NUM_FEATURES))[rng.integers(0, 6, NUM_POINTS)] + 1e-3 * rng.normal(
        size=(NUM_POINTS, NUM_FEATURES)
    )


def _far_from_the_origin(rng):
    """The rounding of the mean is as large as the spread: it must be the same on both sides of a distance."""
    clusters = rng.normal(size=(2, NUM_FEATURES))[rng.integers(0, 2, NUM_POINTS)]
    return clusters + 2e-4 * rng.normal(size=(NUM_POINTS, NUM_FEATURES)) + [800, -800, 0]


def _outlier(rng):
    features = rng.normal(size=(NUM_POINTS, NUM_FEATURES))
    features[17] = 1e6
    return features


# Coordinates that are small integers make float32 distances exact, so ties are ties in the oracle too.
POOLS = {
    "gaussian": lambda rng: rng.normal(size=(NUM_POINTS, NUM_FEATURES)),
    "small integers": lambda rng: rng.integers(0, 5, (NUM_POINTS, NUM_FEATURES)),
    "many duplicates": _duplicates,
    "all rows identical": lambda _: np.full((NUM_POINTS, NUM_FEATURES), 0.1),
    "two identical groups": lambda _: np.repeat([[0.1, 0.2, 0.3], [0.1, 0.2, 0.4]], NUM_POINTS // 2, axis=0),
    "two far islands": _far_islands,
    "shifted by 1e4": lambda rng: rng.normal(size=(NUM_POINTS, NUM_FEATURES)) + 1e4,
    "tight clusters": _tight_clusters,
    "tight clusters far from the origin": _far_from_the_origin,
    "one far outlier": _outlier,
    "one column": lambda rng: rng.normal(size=(NUM_POINTS, NUM_FEATURES)) * [1, 0, 0],
}


def pool(name):
    return POOLS[name](np.random.default_rng(0)).astype(np.float32)


each_pool = pytest.mark.parametrize("name", POOLS)


def rounding_of(num_features):
    """Relative error of a sum of squared differences: d + 2 roundings of terms that are never negative."""
    return (num_features + 2) * 2.0**-24


def assert_nearest(neighbors, features, num_neighbors, rows=None):
    """Holds when no point left out is nearer than one listed, up to the rounding of the two distances."""
    rows = np.arange(len(features)) if rows is None else rows
    neighbors = np.asarray(neighbors)
    measured = oracles.squared_distances(features)
    _, expected = oracles.nearest_neighbors(features, num_neighbors)

    assert (neighbors != rows[:, None]).all()
    assert (np.diff(np.sort(neighbors, axis=1), axis=1) > 0).all()
    listed = measured[rows[:, None], neighbors]
    np.testing.assert_allclose(listed, expected[rows], rtol=2 * rounding_of(features.shape[1]))


def assert_same_bits(graph, expected):
    np.testing.assert_array_equal(graph.neighbors, expected.neighbors)
    np.testing.assert_array_equal(graph.sq_distances, expected.sq_distances)


@each_pool
def test_no_point_left_out_is_nearer(name):
    features = pool(name)

    graph = knn_graph(features, num_neighbors=NUM_NEIGHBORS)

    assert_nearest(graph.neighbors, features, NUM_NEIGHBORS)


@pytest.mark.parametrize("name", ["small integers", "many duplicates", "all rows identical", "two identical groups"])
def test_ties_go_to_the_lower_index(name):
    features = pool(name)

    graph = knn_graph(features, num_neighbors=NUM_NEIGHBORS)

    expected, _ = oracles.nearest_neighbors(features, NUM_NEIGHBORS)
    np.testing.assert_array_equal(graph.neighbors, expected)


@each_pool
def test_distances_are_as_exact_as_differences(name):
    features = pool(name)

    graph = knn_graph(features, num_neighbors=NUM_NEIGHBORS)

    measured = np.take_along_axis(oracles.squared_distances(features), np.asarray(graph.neighbors), axis=1)
    np.testing.assert_allclose(graph.sq_distances, measured, rtol=rounding_of(NUM_FEATURES))
    assert (np.diff(np.asarray(graph.sq_distances), axis=1) >= 0).all()


def test_every_copy_lists_the_first_other_copies_at_distance_zero():
    features = pools.gaussian(NUM_POINTS, NUM_FEATURES)
    copies = np.arange(3, NUM_POINTS, 7)
    features[copies] = features[3]

    graph = knn_graph(features, num_neighbors=NUM_NEIGHBORS)

    for copy in copies:
        others = [other for other in copies if other != copy]
        np.testing.assert_array_equal(graph.neighbors[copy], others[:NUM_NEIGHBORS])
        np.testing.assert_array_equal(graph.sq_distances[copy], 0.0)


@given(
    seed=st.integers(0, 2**16),
    log_spread=st.floats(-4, 2),
    log_shift=st.floats(-2, 4),
    num_clusters=st.sampled_from([1, 2, 30, NUM_POINTS]),
    share_of_copies=st.sampled_from([0.0, 0.5]),
)
def test_any_mixture_of_clusters_shifts_and_copies_is_exact(seed, log_spread, log_shift, num_clusters, share_of_copies):
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(num_clusters, NUM_FEATURES))
    features = centers[rng.integers(0, num_clusters, NUM_POINTS)]
    features = features + 10**log_spread * rng.normal(size=features.shape) + 10**log_shift
    copied = rng.random(NUM_POINTS) < share_of_copies
    features[copied] = features[rng.integers(0, 10, copied.sum())]
    features = features.astype(np.float32)

    graph = knn_graph(features, num_neighbors=NUM_NEIGHBORS)

    assert_nearest(graph.neighbors, features, NUM_NEIGHBORS)


# The smallest pool; one column with N = K + 1, where everyone is a neighbour; the width of a network's features.
@pytest.mark.parametrize(("num_points", "num_features", "k"), [(2, 2, 1), (40, 1, 39), (130, 2048, 3)])
def test_every_size_is_exact(num_points, num_features, k):
    features = pools.gaussian(num_points, num_features)

    graph = knn_graph(features, num_neighbors=k)

    assert_nearest(graph.neighbors, features, k)
    measured = np.take_along_axis(oracles.squared_distances(features), np.asarray(graph.neighbors), axis=1)
    np.testing.assert_allclose(graph.sq_distances, measured, rtol=rounding_of(num_features))


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int8, np.uint8, np.int64, jnp.bfloat16])
def test_input_of_any_real_type_is_used_as_float32(dtype):
    features = np.random.default_rng(0).uniform(0, 100, (NUM_POINTS, NUM_FEATURES)).astype(dtype)

    graph = knn_graph(features, num_neighbors=NUM_NEIGHBORS)

    assert_same_bits(graph, knn_graph(features.astype(np.float32), num_neighbors=NUM_NEIGHBORS))


@pytest.mark.parametrize("block_size", [1, 7, 64, NUM_POINTS])
def test_block_size_never_changes_a_bit(block_size):
    for name in POOLS:
        features = pool(name)

        graph = knn_graph(features, num_neighbors=NUM_NEIGHBORS, block_size=block_size)

        assert_same_bits(graph, knn_graph(features, num_neighbors=NUM_NEIGHBORS))


# Room for less than one row, for seven, and for more than all.
@pytest.mark.parametrize("memory_budget", [1, 7 * 4 * NUM_POINTS, 2**30])
def test_memory_budget_never_changes_a_bit(memory_budget):
    features = pool("tight clusters")

    graph = knn_graph(features, num_neighbors=NUM_NEIGHBORS, memory_budget=memory_budget)

    assert_same_bits(graph, knn_graph(features, num_neighbors=NUM_NEIGHBORS))


# The default is 256 MiB, which for a million points is 67 rows.
@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize(
    ("num_points", "memory_budget", "block_size"),
    [(1000, 7 * 4 * 1000, 7), (1000, 8 * 4 * 1000 - 1, 7), (1000, 1, 1), (10**6, None, 67), (2 * 10**9, None, 1)],
)
def test_a_block_of_distances_stays_within_the_budget(monkeypatch, num_points, memory_budget, block_size):
    taken = []
    monkeypatch.setattr(knn, "_dense", lambda features, **settings: taken.append(settings["block_size"]) or features)

    jax.eval_shape(
        functools.partial(knn_graph, num_neighbors=1, memory_budget=memory_budget),
        jax.ShapeDtypeStruct((num_points, 2), jnp.float32),
    )

    assert taken == [block_size]


def test_the_graph_is_the_same_to_the_bit_inside_a_callers_jit_and_vmap():
    batch = np.stack([pool("gaussian"), pool("many duplicates"), pool("tight clusters")])

    graphs = jax.jit(jax.vmap(functools.partial(knn_graph, num_neighbors=NUM_NEIGHBORS)))(batch)

    for i, features in enumerate(batch):
        one = KNNGraph(graphs.neighbors[i], graphs.sq_distances[i])
        assert_same_bits(one, knn_graph(features, num_neighbors=NUM_NEIGHBORS))


def test_renaming_the_points_renames_the_graph():
    features = pool("gaussian")
    order = np.random.default_rng(1).permutation(NUM_POINTS)
    graph = knn_graph(features, num_neighbors=NUM_NEIGHBORS)

    renamed = knn_graph(features[order], num_neighbors=NUM_NEIGHBORS)

    np.testing.assert_array_equal(order[np.asarray(renamed.neighbors)], np.asarray(graph.neighbors)[order])
    np.testing.assert_array_equal(renamed.sq_distances, np.asarray(graph.sq_distances)[order])


repair = jax.jit(knn._repair)


@each_pool
def test_repair_alone_gives_the_graph(name):
    features = jnp.asarray(pool(name))
    nothing = KNNGraph(
        jnp.full((NUM_POINTS, NUM_NEIGHBORS), 7, jnp.int32), jnp.full((NUM_POINTS, NUM_NEIGHBORS), jnp.nan)
    )

    graph = repair(features, nothing, jnp.zeros(NUM_POINTS, bool))

    assert_same_bits(graph, knn_graph(features, num_neighbors=NUM_NEIGHBORS))


def test_repair_ends_even_where_features_are_nan(monkeypatch):
    """Inside a caller's `jit` nothing refuses NaN, so no row may be left that is repaired for ever."""
    features = jnp.asarray(pool("gaussian")).at[3, 1].set(jnp.nan)
    nothing = KNNGraph(
        jnp.zeros((NUM_POINTS, NUM_NEIGHBORS), jnp.int32), jnp.zeros((NUM_POINTS, NUM_NEIGHBORS), jnp.float32)
    )
    unfinished = []

    def once_per_row(condition, advance, state):
        state = jax.lax.fori_loop(0, NUM_POINTS, lambda _, state: advance(state), state)
        unfinished.append(bool(condition(state)))
        return state

    monkeypatch.setattr(knn.lax, "while_loop", once_per_row)

    knn._repair(features, nothing, jnp.arange(NUM_POINTS) != 3)

    assert unfinished == [False]


@jax.jit
def unrepaired(features):
    candidates = knn._select(features, num_neighbors=NUM_NEIGHBORS, block_size=64)
    return knn._rerank(features, candidates, num_neighbors=NUM_NEIGHBORS)


@each_pool
def test_the_certificate_never_lies(name):
    features = pool(name)

    graph, certified = unrepaired(jnp.asarray(features))

    rows = np.flatnonzero(certified)
    final = knn_graph(features, num_neighbors=NUM_NEIGHBORS)
    np.testing.assert_array_equal(graph.neighbors[rows], final.neighbors[rows])
    assert_nearest(graph.neighbors[rows], features, NUM_NEIGHBORS, rows)


@pytest.mark.parametrize(("shift", "spread"), [(0, 1), (3, 1), (30, 1), (1, 1e-3), (10, 1e-2), (100, 1e-1)])
def test_the_certificate_never_lies_at_the_edge_of_rounding(shift, spread):
    """Two mirrored clusters stay off their mean however features are centred, so the matrix form loses digits."""
    rng = np.random.default_rng(3)
    features = spread * rng.normal(size=(NUM_POINTS, NUM_FEATURES))
    features = (features + shift * np.where(np.arange(NUM_POINTS) % 2, 1, -1)[:, None]).astype(np.float32)

    graph, certified = unrepaired(jnp.asarray(features))

    rows = np.flatnonzero(certified)
    assert_nearest(graph.neighbors[rows], features, NUM_NEIGHBORS, rows)


def test_most_rows_of_an_ordinary_pool_are_certified():
    _, certified = unrepaired(jnp.asarray(pool("gaussian")))

    # All but rows with a tie within rounding; a tenth leaves room for other platforms.
    assert np.mean(certified) > 0.9


LARGE, BLOCK = 4500, 64


@pytest.fixture(scope="module")
def large_program():
    """A pool whose rows are cut into groups twice, with spares in groups of 16."""
    graph_of = functools.partial(knn_graph, num_neighbors=10, block_size=BLOCK)
    return jax.jit(graph_of).lower(jax.ShapeDtypeStruct((LARGE, 4), jnp.float32)).compile()


def test_a_large_pool_agrees_with_scikit_learn(large_program):
    features = pools.gaussian(LARGE, 4)

    graph = large_program(features)

    reference = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(features.astype(np.float64))
    distances, neighbors = reference.kneighbors()
    # Where two distances agree to rounding, either order is right.
    differs = np.asarray(graph.neighbors) != neighbors
    assert differs.mean() < 1e-3
    np.testing.assert_allclose(np.sqrt(graph.sq_distances), distances, rtol=1e-6)  # about 6 roundings, halved


def test_memory_is_a_block_of_distances_and_the_lists(large_program):
    lists = LARGE * knn.num_candidates(10, LARGE)
    block = BLOCK * LARGE

    temporary = compiled.temporary_bytes(large_program)

    # Distances and indices, each in a few versions while they are narrowed down.
    assert 0 < temporary < 8 * 4 * (lists + block)
    assert temporary < 4 * LARGE**2 / 5


def test_no_row_of_distances_is_sorted(large_program):
    sorting = jax.jit(jnp.sort).lower(jax.ShapeDtypeStruct((LARGE,), jnp.float32)).compile()
    assert compiled.longest_sort(sorting) == LARGE

    assert compiled.longest_sort(large_program) < LARGE / 10
