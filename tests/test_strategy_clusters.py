"""TypiClust and the k-means under it, against plain loops in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddal_jax.strategies import Pool, TypiClust
from ddal_jax.strategies.kmeans import Centres, kmeans, move_centres, nearest_centres, seed_centres
from ddal_jax.strategies.typiclust import visit_clusters

NUM_POINTS, NUM_FEATURES, CAPACITY = 40, 2, 8
KEY = jax.random.key(0)


def _gaussian(seed=0, num_points=NUM_POINTS):
    return np.random.default_rng(seed).normal(size=(num_points, NUM_FEATURES)).astype(np.float32)


def _pool(features, labeled):
    mask = np.isin(np.arange(len(features)), labeled)
    return Pool(jnp.asarray(features), None, None, jnp.asarray(np.where(mask, 0, -1), jnp.int32), jnp.asarray(mask))


def _lloyd(features, centres, num_steps):
    for _ in range(num_steps):
        nearest = ((features[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        centres = np.stack(
            [features[nearest == c].mean(axis=0) if (nearest == c).any() else centres[c] for c in range(len(centres))]
        )
    return ((features[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1), centres


def test_lloyd_steps_are_those_of_the_plain_loop_and_masked_centres_take_no_point():
    # More points than one block holds, and the last block is padded.
    features = _gaussian(num_points=600)
    positions = np.concatenate([features[[0, 7, 11]], [[50.0, 50.0]], np.zeros((CAPACITY - 4, NUM_FEATURES))])
    present = jnp.arange(CAPACITY) < 4

    @jax.jit
    def cluster(features, positions):
        centres = Centres(positions, present)
        for _ in range(3):
            centres = move_centres(features, centres)
        return nearest_centres(features, centres), centres.positions

    clusters, moved = cluster(jnp.asarray(features), jnp.asarray(positions, jnp.float32))

    expected, expected_centres = _lloyd(features.astype(float), positions[:4], 3)
    np.testing.assert_array_equal(clusters, expected)
    np.testing.assert_allclose(moved[:4], expected_centres, atol=1e-6)  # means of some hundred float32 values
    np.testing.assert_array_equal(moved[3], [50.0, 50.0])  # without points a centre stays


@jax.jit
def _seed_rows(key, features, num_clusters):
    centres = seed_centres(key, features, num_clusters, capacity=CAPACITY)
    return centres.positions, centres.present


def test_seeds_are_distinct_points_and_as_many_as_asked_for():
    features = _gaussian()

    positions, present = _seed_rows(KEY, jnp.asarray(features), jnp.asarray(5))

    rows = [int(np.flatnonzero((features == position).all(axis=1))[0]) for position in np.asarray(positions[:5])]
    assert len(set(rows)) == 5
    assert present.tolist() == [True] * 5 + [False] * (CAPACITY - 5)


def test_far_apart_groups_each_get_a_seed():
    centres = np.array([[0, 0], [100, 0], [0, 100], [100, 100]])
    features = (centres[np.arange(NUM_POINTS) % 4] + 0.01 * _gaussian()).astype(np.float32)

    positions, _ = _seed_rows(KEY, jnp.asarray(features), jnp.asarray(4))

    assert {tuple(row) for row in np.round(np.asarray(positions[:4]) / 100).astype(int)} == {
        (0, 0), (1, 0), (0, 1), (1, 1)
    }  # fmt: skip


@pytest.mark.parametrize("num_clusters", [1, 3, CAPACITY])
def test_no_point_falls_into_a_cluster_that_was_not_asked_for(num_clusters):
    clusters = _kmeans(KEY, jnp.asarray(_gaussian()), jnp.asarray(num_clusters))

    assert clusters.max() < num_clusters
    assert len(np.unique(clusters)) == num_clusters


@jax.jit
def _kmeans(key, features, num_clusters):
    return kmeans(key, features, num_clusters, capacity=CAPACITY, num_steps=2)


def test_points_that_all_coincide_fall_into_one_cluster():
    clusters = _kmeans(KEY, jnp.ones((NUM_POINTS, NUM_FEATURES)), jnp.asarray(4))

    assert len(np.unique(clusters)) == 1


def _visit_by_hand(clusters, mean_distances, labeled, min_cluster_size):
    ids = np.unique(clusters)
    size = {c: np.sum(clusters == c) for c in ids}
    labels = {c: np.sum(labeled[clusters == c]) for c in ids}
    in_order = sorted(ids, key=lambda c: (labels[c], -size[c]))
    waiting = {c: sorted(np.flatnonzero((clusters == c) & ~labeled), key=lambda i: mean_distances[i]) for c in ids}
    picks = []
    for group in (
        [c for c in in_order if size[c] >= min_cluster_size],
        [c for c in in_order if size[c] < min_cluster_size],
    ):
        while any(waiting[c] for c in group):
            picks += [waiting[c].pop(0) for c in group if waiting[c]]
    return picks


@jax.jit
def _visit(key, clusters, mean_distances, labeled):
    return visit_clusters(
        key, clusters, mean_distances, labeled, capacity=CAPACITY, query_size=NUM_POINTS, min_cluster_size=5
    )


def test_clusters_are_visited_in_turn_by_labels_then_size_and_small_ones_last():
    # Sizes 12, 10, 8, 6, 3, 1: all different, so that nothing ties.
    clusters = np.random.default_rng(0).permutation(np.repeat([3, 0, 5, 1, 2, 7], [12, 10, 8, 6, 3, 1]))
    mean_distances = np.random.default_rng(1).random(NUM_POINTS).astype(np.float32)
    labeled = np.isin(np.arange(NUM_POINTS), np.flatnonzero(clusters == 3)[:1])

    picked = _visit(KEY, jnp.asarray(clusters, jnp.int32), jnp.asarray(mean_distances), jnp.asarray(labeled))

    expected = _visit_by_hand(clusters, mean_distances, labeled, 5)
    assert picked.tolist() == [*map(int, expected), -1]
    assert clusters[expected[:4]].tolist() == [0, 5, 1, 3]


def test_clusters_of_one_size_and_points_of_one_typicality_are_drawn_by_lot():
    clusters = jnp.arange(NUM_POINTS, dtype=jnp.int32) // 10
    unlabelled, alike = jnp.zeros(NUM_POINTS, bool), jnp.ones(NUM_POINTS)

    picks = np.stack([_visit(jax.random.key(seed), clusters, alike, unlabelled)[:4] for seed in range(30)])

    assert (np.sort(picks // 10, axis=1) == np.arange(4)).all()
    assert len(set(picks[:, 0] // 10)) == 4
    assert len(set(picks[:, 0] % 10)) > 5


def test_typiclust_asks_the_densest_point_of_each_group_without_a_label():
    sizes = [11, 9, 8, 7, 5]
    group = np.repeat(np.arange(5), sizes)
    features = (100 * np.array([[0, 0], [1, 0], [0, 1], [1, 1], [2, 2]])[group] + _gaussian()).astype(np.float32)
    strategy = TypiClust(num_neighbors=4, max_num_clusters=CAPACITY)
    pool = _pool(features, [3, 12])

    @jax.jit
    def ask(key, pool):
        return strategy.query(key, strategy.prepare(key, pool), pool, query_size=3)

    query = ask(KEY, pool)

    points = features.astype(float)
    apart = np.sort(np.linalg.norm(points[:, None] - points[None], axis=2), axis=1)[:, 1:5].mean(axis=1)
    densest = [int(np.where(group == g, apart, np.inf).argmin()) for g in (2, 3, 4)]
    assert query.indices.tolist() == densest
    assert query.scores.tolist() == [0, 1, 2]
