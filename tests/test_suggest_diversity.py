"""Batches through the flat door: the house's rule by default, on pools that punish a rule without one."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pools
import pytest

from ddal_jax import affinity, diversity, knn_graph, label_mass, suggest, suggestion

NUM_POINTS, NUM_NEIGHBORS, NUM_CLASSES, NUM_STEPS, QUERY_SIZE = 60, 4, 3, 2, 6
CLASSES, LABELED = pools.random_labels(NUM_POINTS, 5, NUM_CLASSES)
LABELS = np.where(LABELED, CLASSES, -1)
NOTHING = np.full(NUM_POINTS, -1)
GAUSSIAN = pools.gaussian(NUM_POINTS, 2)
# Twelve places, five points on each.
COPIES = np.repeat(pools.gaussian(NUM_POINTS // 5, 2), 5, axis=0)
# Three far clusters, one class after the other.
SORTED = pools.gaussian(NUM_POINTS, 2) + 100 * np.repeat(np.arange(3), NUM_POINTS // 3)[:, None].astype(np.float32)

ask = functools.partial(
    suggest, query_size=QUERY_SIZE, num_classes=NUM_CLASSES, num_neighbors=NUM_NEIGHBORS, num_steps=NUM_STEPS
)


def test_the_default_is_redistribution_of_the_root_reach_margin_with_random_ties():
    answer = ask(GAUSSIAN, LABELS, seed=3)

    graph = affinity(knn_graph(GAUSSIAN, num_neighbors=NUM_NEIGHBORS))
    by_kernel = jax.jit(functools.partial(diversity.redistribute, query_size=QUERY_SIZE, num_steps=NUM_STEPS))
    mass = label_mass(CLASSES, LABELED, num_classes=NUM_CLASSES)
    expected = by_kernel(jax.random.key(3), graph, mass, jnp.asarray(LABELED), jnp.asarray(~LABELED))
    np.testing.assert_array_equal(answer.indices, expected.indices)
    np.testing.assert_allclose(answer.scores, expected.scores, atol=1e-6)  # compiled otherwise, other last bits
    defaults = {name: parameter.default for name, parameter in inspect.signature(suggest).parameters.items()}
    assert (defaults["criterion"], defaults["diversity"], defaults["ties"]) == (
        *("root_reach_margin", "redistribute", "random"),
    )


def test_what_is_said_of_the_picks_holds_in_the_order_picked():
    answer = ask(GAUSSIAN, LABELS)

    weights = oracles.affinity(*oracles.nearest_neighbors(GAUSSIAN, NUM_NEIGHBORS), "max")
    hops = oracles.hops(weights, LABELED)[answer.indices]
    within = (hops >= 0) & (hops <= NUM_STEPS)
    start = oracles.one_hot(CLASSES, LABELED, NUM_CLASSES)
    mass = oracles.clamped_diffusion(oracles.transition(weights), start, LABELED, NUM_STEPS)[answer.indices]
    np.testing.assert_array_equal(answer.reached, within)
    np.testing.assert_array_equal(answer.hops, np.where(within, hops, -1))
    probabilities = mass + (1 - mass.sum(axis=1, keepdims=True)) / NUM_CLASSES
    np.testing.assert_allclose(answer.probabilities, probabilities, atol=1e-6)  # two float32 means
    assert 0 < within.sum() < QUERY_SIZE


@pytest.mark.parametrize("features", [GAUSSIAN, COPIES, SORTED], ids=["gaussian", "copies", "sorted by class"])
@pytest.mark.parametrize("labels", [LABELS, NOTHING], ids=["some labels", "no label"])
def test_no_point_is_asked_twice_nor_one_with_a_label_nor_one_that_may_not_be(features, labels):
    candidates = np.arange(NUM_POINTS) % 4 > 0

    for seed in range(3):
        answer = ask(features, labels, seed=seed, candidates=candidates)

        assert len(set(answer.indices.tolist())) == QUERY_SIZE
        assert (labels[answer.indices] < 0).all()
        assert candidates[answer.indices].all()


def test_a_pool_sorted_by_class_is_asked_of_every_class_alike():
    for seed in range(5):
        answer = ask(SORTED, NOTHING, seed=seed)

        # By the time every point of a cluster is near a pick, those of the others are still unreached.
        assert np.bincount(answer.indices // 20, minlength=3).min() >= 1


def test_copies_are_not_asked_side_by_side():
    for seed in range(5):
        answer = ask(COPIES, NOTHING, seed=seed)

        assert len({tuple(row) for row in COPIES[answer.indices].tolist()}) == QUERY_SIZE


def test_two_seeds_differ_where_everything_ties_and_one_does_not():
    alike = np.ones((NUM_POINTS, 2), np.float32)

    first, again, other = (ask(alike, NOTHING, seed=seed) for seed in (0, 0, 1))

    np.testing.assert_array_equal(first.indices, again.indices)
    assert set(first.indices.tolist()) != set(other.indices.tolist())


def test_neither_a_seed_nor_labels_recompile():
    ask(GAUSSIAN, LABELS)
    compiled_before = suggestion._answer._cache_size()

    for seed in range(3):
        ask(GAUSSIAN, np.where(np.arange(NUM_POINTS) < 2 * seed, 0, -1), seed=seed)

    assert suggestion._answer._cache_size() == compiled_before


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["none", "coverage", "redistribute", "local_minima"])
@pytest.mark.parametrize("ties", ["random", "coverage"])
def test_every_rule_asks_all_that_is_left_if_told_to(rule, ties):
    left = int((~LABELED).sum())

    answer = ask(
        GAUSSIAN, LABELS, query_size=left, diversity=rule, ties=ties, num_rediffusions=4, num_refine_steps=5,
        symmetrize="none",
    )  # fmt: skip

    np.testing.assert_array_equal(np.sort(answer.indices), np.flatnonzero(~LABELED))
    assert np.isfinite(answer.scores).all()
