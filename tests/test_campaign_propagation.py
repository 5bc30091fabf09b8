"""Labels propagated to the whole pool, against dense diffusion and breadth-first search."""

import numpy as np
import oracles
import pools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddal_jax import affinity
from ddal_jax.campaign.propagation import propagate

NUM_POINTS, NUM_NEIGHBORS, NUM_CLASSES, NUM_STEPS = 30, 3, 3, 2

# Along a line most points lie out of two hops' reach.
LINE = np.cumsum(np.random.default_rng(0).uniform(1, 2, (NUM_POINTS, 1)), axis=0).astype(np.float32)
GRAPHS = {how: affinity(pools.knn(LINE, NUM_NEIGHBORS), symmetrize=how) for how in ("max", "none")}

label_sets = st.dictionaries(st.integers(0, NUM_POINTS - 1), st.integers(0, NUM_CLASSES - 1), max_size=8)


def labels_of(known):
    labels = np.full(NUM_POINTS, -1, np.int32)
    labels[list(known)] = list(known.values())
    return labels


def told(labels, how="max", soft_labels=None):
    return propagate(GRAPHS[how], labels, num_classes=NUM_CLASSES, num_steps=NUM_STEPS, soft_labels=soft_labels)


def diffused(labels, how, start=None):
    labeled = labels >= 0
    start = oracles.one_hot(labels, labeled, NUM_CLASSES) if start is None else start
    matrix = oracles.transition(oracles.dense(GRAPHS[how]))
    return oracles.clamped_diffusion(matrix, start, labeled, NUM_STEPS)


@given(label_sets, st.sampled_from(["max", "none"]))
def test_mass_and_probabilities_are_those_of_clamped_diffusion(known, how):
    labels = labels_of(known)

    found = told(labels, how)

    mass = diffused(labels, how)
    np.testing.assert_allclose(found.mass, mass, atol=1e-6)  # float32 sums of a row
    np.testing.assert_allclose(found.reach, mass.sum(axis=1), atol=1e-6)
    total = mass.sum(axis=1, keepdims=True)
    expected = np.where(total > 0, mass / np.where(total > 0, total, 1), 1 / NUM_CLASSES)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)  # a quotient of such sums


@given(label_sets, st.sampled_from(["max", "none"]))
def test_hops_and_nearest_labels_are_missing_exactly_where_nothing_reaches(known, how):
    labels = labels_of(known)

    found = told(labels, how)

    hops = oracles.hops(oracles.dense(GRAPHS[how]), labels >= 0)
    within = (hops >= 0) & (hops <= NUM_STEPS)
    np.testing.assert_array_equal(found.hops, np.where(within, hops, -1))
    for part in (found.predicted, found.nearest_labeled):
        np.testing.assert_array_equal(part >= 0, within)
    np.testing.assert_array_equal(found.reach > 0, within)
    assert set(found.nearest_labeled[within]) <= set(known)


@given(label_sets)
def test_the_two_leading_classes_are_told_and_no_class_without_mass(known):
    found = told(labels_of(known))

    for row, (first, second) in zip(found.mass, zip(found.predicted, found.runner_up, strict=True), strict=True):
        ranked = sorted(np.flatnonzero(row > 0), key=lambda code: (-row[code], code))
        assert [first, second] == [*ranked[:2], -1, -1][:2]


def test_a_labelled_point_tells_its_own_label():
    found = told(labels_of({4: 2, 5: 0, 20: 1}))

    assert found.predicted[[4, 5, 20]].tolist() == [2, 0, 1]
    assert found.hops[[4, 5, 20]].tolist() == [0, 0, 0]
    assert found.nearest_labeled[[4, 5, 20]].tolist() == [4, 5, 20]


def test_soft_labels_replace_the_one_hot_and_are_read_on_labelled_rows_alone():
    labels = labels_of({4: 2, 20: 1})
    shares = np.full((NUM_POINTS, NUM_CLASSES), 1 / 3)
    shares[4] = [0.25, 0, 0.75]

    found = told(labels, soft_labels=shares)

    start = np.where(labels[:, None] >= 0, shares, 0)
    np.testing.assert_allclose(found.mass, diffused(labels, "max", start), atol=1e-6)  # float32 sums of a row
    assert (found.predicted[4], found.runner_up[4]) == (2, 0)


@pytest.mark.parametrize(
    ("labels", "shares", "message"),
    [
        (np.full(NUM_POINTS, 3), None, r"^labels must lie in \[0, 2\]"),
        (
            np.zeros(NUM_POINTS, int),
            np.zeros((NUM_POINTS, 2)),
            r"^soft_labels must have shape \(30, 3\); got \(30, 2\)",
        ),
        (np.zeros(4, int), None, "^labels must have 30 entries, one per node"),
    ],
)
def test_what_does_not_fit_the_graph_is_refused(labels, shares, message, plain_types):
    with pytest.raises(ValueError, match=message):
        told(labels, soft_labels=shares)
