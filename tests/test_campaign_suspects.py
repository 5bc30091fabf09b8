"""Labels that the others contradict, against diffusions with one label taken away."""

import jax.numpy as jnp
import numpy as np
import oracles
import pools
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from test_campaign_propagation import GRAPHS, NUM_CLASSES, NUM_POINTS, label_sets, labels_of

from ddal_jax import affinity, suggest
from ddal_jax.campaign import suspects as module
from ddal_jax.campaign.suspects import left_one_out, suspects
from ddal_jax.pool_graph import GraphSettings, pool_graph

CLUSTER_SIZE, NUM_CLUSTERS = 30, 3


def clusters(seed, distance=20):
    """Three clouds, far apart or nearer, their graph, and the class of each point."""
    random = np.random.default_rng(seed)
    classes = np.arange(NUM_CLUSTERS * CLUSTER_SIZE) % NUM_CLUSTERS
    features = random.normal(size=(len(classes), 2)) + distance * np.eye(NUM_CLUSTERS, 2)[classes]
    return affinity(pools.knn(features.astype(np.float32), 6)), classes


def labelled(classes, num_labels, seed, num_wrong=0):
    """Some labels at random; those of one point in each of the first clusters are moved on by one class."""
    labels = np.full(len(classes), -1)
    rows = np.random.default_rng(seed).choice(len(classes), num_labels, replace=False)
    labels[rows] = classes[rows]
    flipped = [next(row for row in rows if classes[row] == cluster) for cluster in range(num_wrong)]
    labels[flipped] = (classes[flipped] + 1) % NUM_CLUSTERS
    return labels, flipped


@given(label_sets, st.sampled_from(["max", "none"]), st.sampled_from([0, 1, 2, 5, 6]))
def test_each_row_is_what_diffusion_brings_with_that_one_label_taken_away(known, how, num_steps):
    labels = labels_of(known)

    found = left_one_out(GRAPHS[how], labels, num_classes=NUM_CLASSES, num_steps=num_steps)

    matrix = oracles.transition(oracles.dense(GRAPHS[how]))
    for row, point in zip(found, np.flatnonzero(labels >= 0), strict=True):
        without = (labels >= 0) & (np.arange(NUM_POINTS) != point)
        start = oracles.one_hot(labels, without, NUM_CLASSES)
        expected = oracles.clamped_diffusion(matrix, start, without, num_steps)[point]
        np.testing.assert_allclose(row, expected, atol=1e-14)  # float64
        np.testing.assert_array_equal(row > 0, expected > 0)


def test_more_labels_than_are_looked_at_at_once_change_nothing(monkeypatch):
    graph, classes = clusters(0)
    labels, _ = labelled(classes, 40, seed=0, num_wrong=3)
    at_once = left_one_out(graph, labels, num_classes=NUM_CLUSTERS, num_steps=4)

    monkeypatch.setattr(module, "_LABELS_AT_ONCE", 7)

    in_parts = left_one_out(graph, labels, num_classes=NUM_CLUSTERS, num_steps=4)
    np.testing.assert_allclose(in_parts, at_once, rtol=1e-12)  # sums of other blocks


@pytest.mark.parametrize("seed", range(10))
def test_flipped_labels_are_found_ahead_of_clean_ones(seed):
    graph, classes = clusters(seed)
    labels, flipped = labelled(classes, 40, seed, num_wrong=3)

    found = suspects(graph, labels, num_classes=NUM_CLUSTERS, num_steps=4)

    # A flipped label also casts doubt on clean ones beside it, but less.
    assert set(found.rows[:3]) == set(flipped)
    np.testing.assert_array_equal(found.given[:3], labels[found.rows[:3]])
    np.testing.assert_array_equal(found.implied[:3], classes[found.rows[:3]])


@given(st.integers(0, 1000), st.integers(0, 60))
def test_clean_clustered_labels_give_no_suspect(seed, num_labels):
    graph, classes = clusters(seed % 5)
    labels, _ = labelled(classes, num_labels, seed)

    assert not suspects(graph, labels, num_classes=NUM_CLUSTERS, num_steps=4).rows.size


def test_right_labels_are_rarely_suspected_where_classes_meet():
    outvoted, suspected, num_labels = 0, 0, 60
    for seed in range(20):
        graph, classes = clusters(seed, distance=2.5)
        labels, _ = labelled(classes, num_labels, seed)
        others = left_one_out(graph, labels, num_classes=NUM_CLUSTERS, num_steps=6)
        outvoted += int((others.argmax(axis=1) != labels[labels >= 0]).sum())
        suspected += len(suspects(graph, labels, num_classes=NUM_CLUSTERS, num_steps=6).rows)

    assert outvoted > 0.1 * 20 * num_labels
    assert 0 < suspected < 0.05 * 20 * num_labels


@given(label_sets)
def test_doubt_is_the_share_of_other_classes_and_falls_along_the_list(known):
    labels = labels_of(known)

    found = suspects(GRAPHS["max"], labels, num_classes=NUM_CLASSES, num_steps=5)

    mass = dict(
        zip(np.flatnonzero(labels >= 0), left_one_out(GRAPHS["max"], labels, num_classes=3, num_steps=5), strict=True)
    )
    contradicted = {row for row, own in mass.items() if own.sum() and own[labels[row]] < 0.1 * own.sum()}
    assert set(found.rows) == {row for row in contradicted if (labels == labels[row]).sum() > 1}
    expected = [1 - mass[row][labels[row]] / mass[row].sum() for row in found.rows]
    np.testing.assert_allclose(found.doubt, expected, rtol=1e-12)
    np.testing.assert_allclose(found.mass, [mass[row].sum() for row in found.rows], rtol=1e-12)
    order = [(-doubt, -mass[row].sum()) for row, doubt in zip(found.rows, found.doubt, strict=True)]
    assert order == sorted(order)


def test_a_label_out_of_reach_of_the_others_is_never_suspected():
    labels = labels_of({0: 1, 29: 2})

    assert not suspects(GRAPHS["max"], labels, num_classes=NUM_CLASSES, num_steps=2).rows.size


def test_the_only_label_of_its_class_is_not_judged_and_with_a_second_one_it_is():
    graph, classes = clusters(0)
    alone = np.where(np.arange(len(classes)) < 12, classes, -1)
    alone[classes == 1] = -1
    odd = int(np.flatnonzero(classes == 0)[0])
    alone[odd] = 1
    second = alone.copy()
    second[np.flatnonzero(classes == 1)[0]] = 1

    assert odd not in suspects(graph, alone, num_classes=NUM_CLUSTERS, num_steps=4).rows
    assert odd in suspects(graph, second, num_classes=NUM_CLUSTERS, num_steps=4).rows


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (np.full(NUM_POINTS, 3), ValueError, r"^labels must lie in \[-1, 2\]"),
        (np.zeros(4, int), ValueError, "^labels must have 30 entries, one per node"),
        (np.zeros(NUM_POINTS), TypeError, "^labels must hold integers; got dtype float64"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, error, message, plain_types):
    with pytest.raises(error, match=message):
        suspects(GRAPHS["max"], labels, num_classes=NUM_CLASSES, num_steps=2)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "most_false", "least_found"), [(100, 0.05, 0.8), (200, 0.02, 0.9)])
def test_wrong_digits_among_those_queried_are_found_with_few_false_alarms(count, most_false, least_found):
    """Campaigns of default rounds other than those that the bound was chosen on, one label in ten wrong."""
    images, digits = load_digits(return_X_y=True)
    images = images.astype(np.float32)
    graph = pool_graph(jnp.asarray(images), GraphSettings())
    false, found_wrong = [], []
    for seed in range(5, 10):
        random = np.random.default_rng(seed)
        labels = np.full(len(digits), -1)
        for asked in range(20, count + 1, 20):
            rows = suggest(images, labels, query_size=20, num_classes=10, graph=graph, seed=1000 * seed + asked).indices
            wrong = random.random(20) < 0.1
            labels[rows] = np.where(wrong, digits[rows] + random.integers(1, 10, 20), digits[rows]) % 10
        found = suspects(graph, labels, num_classes=10, num_steps=GraphSettings().steps_for(len(digits)))
        suspected = np.isin(np.arange(len(digits)), found.rows)
        right = labels == digits
        false.append(suspected[right].mean())
        found_wrong.append(suspected[(labels >= 0) & ~right].mean())

    assert np.mean(false) < most_false
    assert np.mean(found_wrong) > least_found
