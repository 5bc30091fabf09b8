"""Claims about the graph of Eq. (1), in float64."""

import generators
import numpy as np
import oracles
import pytest
from generators import NUM_NODES
from hypothesis import given
from hypothesis import strategies as st

from ddal_jax import affinity

INVERSE_E = np.exp(-1)
# One exponential of a quotient, and sums of at most 8 of them.
ROUNDING = 1e-12

dimensions = st.integers(1, 5)
neighbor_counts = st.sampled_from([1, 5])
graph_settings = st.sampled_from(generators.DIRECTED + generators.SYMMETRIC)


def dense_affinity(points, num_neighbors, mode):
    """W as the library weighs the edges of a pool."""
    return oracles.dense(affinity(generators.knn(points, num_neighbors), symmetrize=mode))


@given(weights=generators.small_weights)
def test_a_graph_in_float64_holds_the_edges_given_to_the_bit(weights):
    graph = generators.table(weights)

    assert graph.weights.dtype == np.float64
    np.testing.assert_array_equal(oracles.dense(graph), weights)
    np.testing.assert_allclose(graph.degrees, weights.sum(axis=1), rtol=ROUNDING)


@given(seed=generators.seeds, dimension=dimensions, duplicates=st.booleans(), setting=graph_settings)
def test_weights_are_those_of_the_dense_matrix(seed, dimension, duplicates, setting):
    points = generators.features(seed, dimension, duplicates)

    got = dense_affinity(points, *setting)

    expected = oracles.affinity(*oracles.nearest_in_float64(points, setting[0]), setting[1])
    np.testing.assert_allclose(got, expected, rtol=ROUNDING)


@given(seed=generators.seeds, dimension=dimensions, num_neighbors=neighbor_counts)
def test_printed_weights_and_steps_lie_within_a_factor_of_e_of_equal_ones(seed, dimension, num_neighbors):
    """Claim G2."""
    points = generators.features(seed, dimension, duplicates=False)

    weights = dense_affinity(points, num_neighbors, "none")

    listed = weights[weights > 0].reshape(NUM_NODES, num_neighbors)
    steps = oracles.transition(weights)
    np.testing.assert_allclose(listed.min(axis=1), INVERSE_E, rtol=ROUNDING)
    assert listed.max() <= 1
    assert (listed.sum(axis=1) >= num_neighbors * INVERSE_E - ROUNDING).all()
    assert (listed.sum(axis=1) <= num_neighbors - 1 + INVERSE_E + ROUNDING).all()
    assert steps[steps > 0].min() >= 1 / (1 + np.e * (num_neighbors - 1)) - ROUNDING


@given(seed=generators.seeds, setting=graph_settings, scale=st.floats(1e-3, 1e3))
def test_weights_do_not_depend_on_scale_rotation_or_shift(seed, setting, scale):
    """Claim G3."""
    points = generators.features(seed, 3, duplicates=False)
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]

    moved = dense_affinity(scale * (points @ rotation + 5), *setting)

    # The shift costs some 10^-15 of a coordinate near 5; the nearest distances are some hundred times smaller.
    np.testing.assert_allclose(moved, dense_affinity(points, *setting), rtol=1e-10)


@given(seed=generators.seeds)
def test_max_takes_the_larger_of_both_widths(seed):
    """Claim G4."""
    points = generators.features(seed, 2, duplicates=False)
    directed, largest = (dense_affinity(points, 5, mode) for mode in ("none", "max"))

    sq_distances = ((points[:, None] - points) ** 2).sum(axis=2)
    widths = np.sort(sq_distances, axis=1)[:, 5]
    union = (directed > 0) | (directed > 0).T
    expected = union * np.exp(-sq_distances / np.maximum(widths[:, None], widths))
    np.testing.assert_allclose(largest, expected, rtol=ROUNDING)
    assert largest[union].min() >= INVERSE_E - ROUNDING
    assert largest.max() <= 1


@pytest.mark.slow
@given(seed=generators.seeds)
def test_mean_weights_lie_between_one_over_two_e_and_one(seed):
    """Claim G4."""
    points = generators.features(seed, 2, duplicates=False)

    mean = dense_affinity(points, 5, "mean")

    assert mean[mean > 0].min() >= INVERSE_E / 2 - ROUNDING
    assert mean.max() <= 1


@pytest.mark.slow
@given(seed=generators.seeds)
def test_mutual_keeps_at_most_k_edges_a_node_and_only_those_of_both(seed):
    """Claim G5."""
    points = generators.features(seed, 2, duplicates=False)

    mutual = dense_affinity(points, 5, "mutual")

    directed = dense_affinity(points, 5, "none")
    assert ((mutual > 0).sum(axis=1) <= 5).all()
    np.testing.assert_array_equal(mutual > 0, (directed > 0) & (directed > 0).T)


@pytest.mark.slow
def test_self_tuning_weights_have_no_lower_bound():
    """Claim G5: the further an outlier, the weaker its ties, where "max" never falls below 1/e."""
    outliers = [np.concatenate([generators.features(0, 2, duplicates=False)[1:], [[far, 0]]]) for far in (1e2, 1e4)]

    nearer, further = (dense_affinity(points, 5, "self_tuning")[-1].max() for points in outliers)

    assert further < nearer < 1e-6
    assert dense_affinity(outliers[1], 5, "max")[-1].max() >= INVERSE_E - ROUNDING


@given(seed=generators.seeds, mode=st.sampled_from(["none", "max"]))
def test_more_than_k_copies_of_a_point_weigh_one_and_list_nobody_else(seed, mode):
    """Claim G6."""
    points = generators.features(seed, 2, duplicates=False)
    copies = 6
    points[:copies] = points[0]

    weights = dense_affinity(points, 5, mode)

    among = ~np.eye(copies, dtype=bool)
    assert np.isfinite(weights).all()
    np.testing.assert_array_equal(weights[:copies, :copies][among], 1.0)
    if mode == "none":
        np.testing.assert_array_equal(weights[:copies, copies:], 0.0)


@given(seed=generators.seeds, setting=graph_settings)
def test_renaming_the_points_renames_the_weights_to_the_bit(seed, setting):
    """Claim G7."""
    points = generators.features(seed, 3, duplicates=False)
    order = np.random.default_rng(seed).permutation(NUM_NODES)

    renamed = dense_affinity(points[order], *setting)

    np.testing.assert_array_equal(renamed, dense_affinity(points, *setting)[np.ix_(order, order)])


def test_most_edges_of_the_printed_graph_are_one_way_in_many_dimensions():
    """Claim G1: W of Eq. (1) as printed is directed, the more so the more dimensions."""
    share = []
    for dimension in (2, 50):
        directed = dense_affinity(generators.features(0, dimension, duplicates=False), 5, "none") > 0
        share.append(1 - (directed & directed.T).sum() / directed.sum())

    assert share[1] > share[0] > 0
