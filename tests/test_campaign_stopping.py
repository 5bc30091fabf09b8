"""Advice on stopping: shares of the pool, churn, and an accuracy whose interval holds the truth."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits
from test_campaign_propagation import GRAPHS, NUM_CLASSES, NUM_POINTS, NUM_STEPS, labels_of, told
from test_campaign_suspects import NUM_CLUSTERS, clusters, labelled

from ddal_jax import suggest
from ddal_jax.campaign.propagation import propagate
from ddal_jax.campaign.stopping import advice
from ddal_jax.campaign.suspects import left_one_out
from ddal_jax.data.clusters import gaussian_mixture
from ddal_jax.pool_graph import GraphSettings, pool_graph

KNOWN = {3: 0, 8: 2, 9: 2, 20: 1}


def advised(known, **settings):
    return advice(GRAPHS["max"], labels_of(known), told(labels_of(known)), num_steps=NUM_STEPS, **settings)


def on_clusters(labels, graph):
    known = propagate(graph, labels, num_classes=NUM_CLUSTERS, num_steps=4)
    return advice(graph, labels, known, num_steps=4), known


def test_the_unexplored_share_counts_what_no_label_reaches():
    reached = told(labels_of(KNOWN)).reach > 0
    counted = np.arange(NUM_POINTS) < 25

    assert advised(KNOWN).unexplored_share == pytest.approx(1 - reached.mean())
    assert advised(KNOWN, counted=counted).unexplored_share == pytest.approx(1 - reached[:25].mean())
    assert advised({}).unexplored_share == 1
    assert 0 < reached.mean() < 1


def test_churn_is_the_share_that_changed_among_points_reached_before_and_now():
    now = told(labels_of(KNOWN)).predicted
    both = np.flatnonzero(now >= 0)[:8]
    previous = np.full(NUM_POINTS, -1)
    previous[both] = now[both]
    previous[both[:2]] = (now[both[:2]] + 1) % NUM_CLASSES
    previous[np.flatnonzero(now < 0)] = 0
    ignored = np.isin(np.arange(NUM_POINTS), both[:1])

    assert advised(KNOWN, previous=previous).churn == pytest.approx(2 / 8)
    assert advised(KNOWN, previous=previous, counted=~ignored).churn == pytest.approx(1 / 7)
    assert advised(KNOWN, previous=now).churn == 0


def test_churn_is_unknown_in_the_first_round_and_where_nothing_was_reached_twice():
    assert advised(KNOWN).churn is None
    assert advised(KNOWN, previous=np.full(NUM_POINTS, -1)).churn is None


def test_the_estimate_is_the_left_out_share_moved_by_the_confidence_of_the_pool():
    graph, classes = clusters(0)
    labels, _ = labelled(classes, 40, seed=1, num_wrong=3)

    found, known = on_clusters(labels, graph)

    left_out = left_one_out(graph, labels, num_classes=NUM_CLUSTERS, num_steps=4)
    left_out, given = left_out[left_out.sum(axis=1) > 0], labels[labels >= 0][left_out.sum(axis=1) > 0]
    others = known.mass[(labels < 0) & (known.reach > 0)].astype(float)
    move = np.mean(others.max(axis=1) / others.sum(axis=1)) - np.mean(left_out.max(axis=1) / left_out.sum(axis=1))
    right, n, z = np.mean(left_out.argmax(axis=1) == given), len(given), 1.959964
    center = (right + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(right * (1 - right) / n + z**2 / (4 * n**2))
    ends = (center - half + move - 0.5 * abs(move), center + half + move + 1.5 * abs(move))
    assert found.estimated_accuracy == pytest.approx(min(1, right + move))
    assert found.accuracy_interval == pytest.approx(np.clip(ends, 0, 1))
    assert 0 < right < 1


@pytest.mark.parametrize("known", [{}, {3: 0}, {3: 0, 29: 1}, {3: 0, 5: 0}], ids=["none", "one", "apart", "one class"])
def test_no_accuracy_is_told_while_the_labels_cannot_tell(known):
    found = advised(known)

    assert found.estimated_accuracy is None
    assert found.accuracy_interval is None


def test_no_accuracy_is_told_of_nothing():
    graph, classes = clusters(0)

    found, _ = on_clusters(classes, graph)

    assert found.estimated_accuracy is None
    assert found.unexplored_share == 0


def test_lone_agreement_is_no_certainty():
    graph, classes = clusters(0)
    labels, _ = labelled(classes, 12, seed=0)

    found, _ = on_clusters(labels, graph)

    assert found.estimated_accuracy == 1
    assert found.accuracy_interval[0] < 0.9


@pytest.mark.parametrize("name", ["previous", "counted"])
def test_arrays_of_another_length_are_refused(name, plain_types):
    with pytest.raises(ValueError, match=f"^{name} must have 30 entries, one per node"):
        advised(KNOWN, **{name: np.zeros(4, bool)})


def _digits():
    images, digits = load_digits(return_X_y=True)
    return images.astype(np.float32), digits


def _clouds():
    """Four overlapping clouds, of which some 80 % can be told rightly."""
    pool = gaussian_mixture(0, num_components=4, dimension=10, separation=0.47, num_test=1)
    return pool.inputs, pool.labels


@pytest.mark.slow
@pytest.mark.parametrize(
    ("made", "asks", "most_error"),
    [(_digits, "lot", 0.02), (_digits, "house", 0.06), (_clouds, "lot", 0.02), (_clouds, "house", 0.15)],
)
def test_the_interval_holds_the_accuracy_of_propagated_labels(made, asks, most_error):
    """Ten campaigns, each looked at with 40, 100, 200 and 300 labels; of 40 intervals, 95 % are 38."""
    features, classes = made()
    num_classes = int(classes.max()) + 1
    graph = pool_graph(jnp.asarray(features), GraphSettings())
    num_steps = GraphSettings().steps_for(len(classes))
    held, errors = 0, []
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(len(classes))
        labels = np.full(len(classes), -1)
        for count in range(20, 301, 20):
            rows = order[count - 20 : count]
            if asks == "house":
                rows = suggest(
                    features, labels, query_size=20, num_classes=num_classes, graph=graph, seed=1000 * seed + count
                ).indices
            labels[rows] = classes[rows]
            if count not in (40, 100, 200, 300):
                continue
            known = propagate(graph, labels, num_classes=num_classes, num_steps=num_steps)
            judged = (labels < 0) & (known.reach > 0)
            truth = float((known.predicted == classes)[judged].mean())
            found = advice(graph, labels, known, num_steps=num_steps)
            low, high = found.accuracy_interval
            held += low <= truth <= high
            errors.append(found.estimated_accuracy - truth)

    assert held >= 37  # one less than promised, since these are but forty
    assert abs(np.mean(errors)) < most_error
