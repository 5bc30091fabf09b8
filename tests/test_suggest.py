"""The flat door end to end, against the oracles and against itself."""

import functools

import numpy as np
import oracles
import pools
import pytest

from ddal_jax import DirectedGraph, Suggestion, affinity, knn_graph, recommended_num_steps, suggest, suggestion
from ddal_jax.pool_graph import GraphSettings

NUM_POINTS, NUM_NEIGHBORS, NUM_CLASSES, NUM_STEPS, QUERY_SIZE = 60, 4, 3, 3, 12
FEATURES = pools.gaussian(NUM_POINTS, 2)
CLASSES, LABELED = pools.random_labels(NUM_POINTS, 6, NUM_CLASSES)
LABELS = np.where(LABELED, CLASSES, -1)
# T float32 means of values in [0, 1], and a square root of their sum.
ROUNDING = 1e-5

# Without a batch rule, whose picks depend on each other; those are held to oracles of their own.
ask = functools.partial(
    suggest, query_size=QUERY_SIZE, num_classes=NUM_CLASSES, num_neighbors=NUM_NEIGHBORS, num_steps=NUM_STEPS,
    diversity="none",
)  # fmt: skip


def dense_weights(features=FEATURES, symmetrize="max"):
    return oracles.affinity(*oracles.nearest_neighbors(features, NUM_NEIGHBORS), symmetrize)


def diffused(weights, start=None):
    start = oracles.one_hot(CLASSES, LABELED, NUM_CLASSES) if start is None else start
    return oracles.clamped_diffusion(oracles.transition(weights), start, LABELED, NUM_STEPS)


def assert_explained(answer, weights, mass, criterion, may_be_asked):
    """The picks are lowest by the oracle's scores, and every reason given is the oracle's."""
    indices = answer.indices
    expected = np.array([oracles.criterion(criterion, row) for row in mass])
    assert len(set(indices.tolist())) == len(indices)
    assert may_be_asked[indices].all()
    np.testing.assert_allclose(answer.scores, expected[indices], atol=ROUNDING)
    np.testing.assert_allclose(answer.scores, np.sort(expected[may_be_asked])[: len(indices)], atol=ROUNDING)

    hops = oracles.hops(weights, LABELED)
    within = (hops >= 0) & (hops <= NUM_STEPS)
    np.testing.assert_array_equal(answer.reached, within[indices])
    np.testing.assert_array_equal(answer.hops, np.where(within, hops, -1)[indices])
    for index, hop, source in zip(indices, answer.hops, answer.nearest_labeled, strict=True):
        assert source == -1 if hop < 0 else LABELED[source]
        assert hop < 0 or oracles.hops_between(weights, source)[index] == hop
    probabilities = mass + (1 - mass.sum(axis=1, keepdims=True)) / NUM_CLASSES
    np.testing.assert_allclose(answer.probabilities, probabilities[indices], atol=ROUNDING)


def assert_same(answer, expected):
    for field in Suggestion._fields:
        np.testing.assert_array_equal(getattr(answer, field), getattr(expected, field), err_msg=field)


@pytest.mark.parametrize(
    "criterion",
    ["root_reach_margin", *(pytest.param(name, marks=pytest.mark.slow) for name in ("min_abs", "negative_entropy"))],
)
def test_the_weakest_points_are_asked_and_the_reasons_hold(criterion):
    answer = ask(FEATURES, LABELS, criterion=criterion)

    weights = dense_weights()
    assert_explained(answer, weights, diffused(weights), criterion, ~LABELED)


@pytest.mark.parametrize("symmetrize", ["mean", "mutual", "self_tuning", "none"])
def test_every_way_of_making_the_graph_symmetric_is_used(symmetrize):
    answer = ask(FEATURES, LABELS, symmetrize=symmetrize)

    weights = dense_weights(symmetrize=symmetrize)
    assert_explained(answer, weights, diffused(weights), "root_reach_margin", ~LABELED)


def reached_points():
    hops = oracles.hops(dense_weights(), LABELED)
    return (hops >= 0) & (hops <= NUM_STEPS)


def test_unreached_points_are_asked_before_all_others():
    num_unreached = int((~reached_points()).sum())
    assert 0 < num_unreached < QUERY_SIZE

    answer = ask(FEATURES, LABELS)

    np.testing.assert_array_equal(answer.reached, np.arange(QUERY_SIZE) >= num_unreached)


def test_reached_points_come_weakest_first():
    answer = ask(FEATURES, LABELS, candidates=reached_points())

    assert answer.reached.all()
    assert (answer.hops >= 1).all()
    assert (np.diff(answer.scores) >= 0).all()


def test_the_answer_is_numpy():
    answer = ask(FEATURES, LABELS)

    assert all(type(field) is np.ndarray for field in answer)
    assert [field.dtype for field in answer] == [np.int32, np.float32, np.bool_, np.int32, np.float32, np.int32]
    assert answer.probabilities.shape == (QUERY_SIZE, NUM_CLASSES)


def test_probabilities_sum_to_one():
    answer = ask(FEATURES, LABELS)

    np.testing.assert_allclose(answer.probabilities.sum(axis=1), 1.0, atol=ROUNDING)


def test_candidates_as_mask_and_as_indices_give_the_same_answer():
    mask = np.arange(NUM_POINTS) % 3 == 0

    by_mask, by_index, by_repeated_index = (
        ask(FEATURES, LABELS, candidates=candidates)
        for candidates in (mask, np.flatnonzero(mask), np.repeat(np.flatnonzero(mask)[::-1], 2))
    )

    assert_same(by_mask, by_index)
    assert_same(by_mask, by_repeated_index)
    weights = dense_weights()
    assert_explained(by_mask, weights, diffused(weights), "root_reach_margin", mask & ~LABELED)


def test_labeled_points_never_come_even_as_candidates_and_all_others_can():
    left = np.flatnonzero(~LABELED)[:QUERY_SIZE]

    answer = ask(FEATURES, LABELS, candidates=np.concatenate([np.flatnonzero(LABELED), left]))

    np.testing.assert_array_equal(np.sort(answer.indices), left)


def test_soft_labels_replace_the_one_hot():
    rng = np.random.default_rng(0)
    soft = rng.dirichlet(np.ones(NUM_CLASSES), NUM_POINTS) * rng.uniform(0.5, 1, (NUM_POINTS, 1))

    answer = ask(FEATURES, LABELS, soft_labels=soft)

    weights = dense_weights()
    start = np.where(LABELED[:, None], soft, 0.0)
    assert_explained(answer, weights, diffused(weights, start), "root_reach_margin", ~LABELED)


def test_soft_labels_that_are_one_hot_change_nothing():
    soft = np.eye(NUM_CLASSES)[CLASSES]

    answer = ask(FEATURES, LABELS, soft_labels=soft)

    assert_same(answer, ask(FEATURES, LABELS))


def test_soft_labels_of_unlabeled_rows_are_not_read():
    soft = np.where(LABELED[:, None], np.eye(NUM_CLASSES)[CLASSES], np.nan)

    answer = ask(FEATURES, LABELS, soft_labels=soft)

    assert_same(answer, ask(FEATURES, LABELS))


def test_soft_labels_set_the_number_of_classes():
    answer = ask(FEATURES, LABELS, soft_labels=np.eye(5)[CLASSES], num_classes=None)

    assert answer.probabilities.shape == (QUERY_SIZE, 5)


def test_no_label_at_all_is_a_start():
    answer = ask(FEATURES, np.full(NUM_POINTS, -1))

    assert len(set(answer.indices.tolist())) == QUERY_SIZE
    np.testing.assert_array_equal(answer.scores, 0.0)
    np.testing.assert_array_equal(answer.reached, False)
    np.testing.assert_array_equal(answer.hops, -1)
    np.testing.assert_array_equal(answer.nearest_labeled, -1)
    np.testing.assert_allclose(answer.probabilities, 1 / NUM_CLASSES)


def test_a_single_known_class_is_told_from_nothing():
    answer = ask(FEATURES, np.where(LABELED, 0, -1), num_classes=None, candidates=reached_points())

    assert answer.reached.all()
    assert answer.probabilities.shape == (QUERY_SIZE, 2)
    assert (answer.probabilities[:, 0] > answer.probabilities[:, 1]).all()


def test_one_class_is_a_valid_number_of_classes():
    answer = ask(FEATURES, np.where(LABELED, 0, -1), num_classes=1)

    np.testing.assert_allclose(answer.probabilities, 1.0, atol=ROUNDING)
    np.testing.assert_array_equal(answer.reached, answer.hops >= 0)


@pytest.mark.parametrize(("largest", "num_classes"), [(-1, 2), (0, 2), (1, 2), (4, 5)])
def test_the_number_of_classes_is_read_from_the_labels(largest, num_classes):
    labels = np.full(NUM_POINTS, -1)
    labels[7] = largest

    answer = ask(FEATURES, labels, num_classes=None)

    assert answer.probabilities.shape == (QUERY_SIZE, num_classes)


def test_the_default_number_of_steps_is_that_of_the_settings():
    answer = ask(FEATURES, LABELS, num_steps=None)

    num_steps = GraphSettings(num_neighbors=NUM_NEIGHBORS).steps_for(NUM_POINTS)
    assert num_steps != NUM_STEPS
    assert_same(answer, ask(FEATURES, LABELS, num_steps=num_steps))


@pytest.mark.parametrize(
    ("num_points", "k", "num_steps"), [(725, 10, 6), (2000, 10, 6), (10**6, 10, 7), (50, 2, 6), (100, 2, 7), (10, 1, 9)]
)
def test_labels_walk_as_far_as_the_paper_says_and_at_least_six_steps(num_points, k, num_steps):
    assert GraphSettings(num_neighbors=k).steps_for(num_points) == num_steps
    by_the_paper = GraphSettings(num_neighbors=k, fewest_steps=0).steps_for(num_points)
    assert by_the_paper == recommended_num_steps(num_points, k) <= num_steps


def test_cosine_is_the_distance_between_rows_of_length_one():
    lengths = np.random.default_rng(0).uniform(0.1, 10, (NUM_POINTS, 1)).astype(np.float32)

    answer = ask(FEATURES * lengths, LABELS, metric="cosine")

    unit = FEATURES / np.linalg.norm(FEATURES, axis=1, keepdims=True)
    weights = dense_weights(unit)
    # On a circle chords are short and unit rows carry 2^-24, so weights agree to some 1e-5 only.
    mass = diffused(weights)
    np.testing.assert_array_equal(answer.hops < 0, oracles.hops(weights, LABELED)[answer.indices] > NUM_STEPS)
    probabilities = mass + (1 - mass.sum(axis=1, keepdims=True)) / NUM_CLASSES
    np.testing.assert_allclose(answer.probabilities, probabilities[answer.indices], atol=1e-4)


def test_a_row_whose_square_vanishes_still_has_a_direction():
    small = FEATURES.copy()
    small[2] *= 1e-25

    answer = ask(small, LABELS, metric="cosine")

    assert_same(answer, ask(FEATURES, LABELS, metric="cosine"))


def test_a_graph_given_is_used_in_place_of_the_features():
    graph = affinity(knn_graph(FEATURES, num_neighbors=NUM_NEIGHBORS))

    answer = ask(np.zeros((NUM_POINTS, 1)), LABELS, graph=graph)

    assert_same(answer, ask(FEATURES, LABELS))


def test_a_directed_graph_may_be_given():
    graph = affinity(knn_graph(FEATURES, num_neighbors=NUM_NEIGHBORS), symmetrize="none")
    assert isinstance(graph, DirectedGraph)

    answer = ask(FEATURES, LABELS, graph=graph)

    assert_same(answer, ask(FEATURES, LABELS, symmetrize="none"))


def test_the_seed_decides_ties_and_the_same_seed_the_same():
    unlabeled = np.full(NUM_POINTS, -1)

    first, again, other, largest = (ask(FEATURES, unlabeled, seed=seed) for seed in (0, 0, 1, 2**32 - 1))

    assert_same(first, again)
    assert (first.indices != other.indices).any()
    assert (first.indices != largest.indices).any()


def test_a_new_seed_and_new_labels_do_not_recompile():
    ask(FEATURES, LABELS)
    compiled_before = suggestion._answer._cache_size()

    for seed in range(3):
        ask(FEATURES + seed, np.where(np.arange(NUM_POINTS) < seed, 0, -1), seed=seed)

    assert suggestion._answer._cache_size() == compiled_before


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_features_of_any_real_type_are_taken(dtype):
    features = FEATURES.astype(dtype)

    answer = ask(features, LABELS)

    assert_same(answer, ask(features.astype(np.float32), LABELS))


@pytest.mark.parametrize("dtype", [np.int8, np.int64])
def test_labels_of_any_integer_type_are_taken(dtype):
    answer = ask(FEATURES, LABELS.astype(dtype))

    assert_same(answer, ask(FEATURES, LABELS))


def test_all_points_coinciding_still_gives_an_answer():
    answer = ask(np.ones((NUM_POINTS, 2), np.float32), LABELS)

    assert np.isfinite(answer.scores).all()
    assert np.isfinite(answer.probabilities).all()
    assert not LABELED[answer.indices].any()
