"""Why a point is asked, and what its label would reach first."""

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_campaign_propagation import GRAPHS, NUM_CLASSES, NUM_POINTS, NUM_STEPS, label_sets, labels_of, told

from ddal_jax.campaign.reasons import explain

batches = st.lists(st.integers(0, NUM_POINTS - 1), min_size=1, max_size=6, unique=True)


def reasons(known, batch, how="max", soft_labels=None):
    return explain(
        GRAPHS[how], labels_of(known), np.array(batch), num_classes=NUM_CLASSES, num_steps=NUM_STEPS,
        soft_labels=soft_labels,
    )  # fmt: skip


def reached_by(points, how):
    hops = oracles.hops(oracles.dense(GRAPHS[how]), np.isin(np.arange(NUM_POINTS), points))
    return set(np.flatnonzero((hops >= 0) & (hops <= NUM_STEPS)))


@given(label_sets, batches, st.sampled_from(["max", "none"]))
def test_newly_reached_counts_what_each_label_in_turn_adds_to_all_before_it(known, batch, how):
    found = reasons(known, batch, how)

    labeled, expected = list(known), []
    for point in batch:
        before = reached_by(labeled, how)
        labeled.append(point)
        expected.append(len(reached_by(labeled, how) - before))
    assert found.newly_reached.tolist() == expected


@given(label_sets, batches)
def test_a_point_is_unexplored_exactly_where_no_label_reaches(known, batch):
    found = reasons(known, batch)

    reached = reached_by(list(known), "max")
    for point, reason in zip(batch, found.reason, strict=True):
        if not known:
            assert reason == "cold start"
        elif point not in reached:
            assert reason == "unexplored"
        else:
            assert reason == ("boundary" if len(set(known.values())) > 1 else "cold start")


def test_the_rest_is_what_is_known_of_each_point_when_it_is_asked():
    known, batch = {3: 0, 7: 2, 20: 1}, [5, 6, 29, 21]
    found = reasons(known, batch)

    everywhere = told(labels_of(known))
    for part in ("predicted", "runner_up", "reach", "hops", "nearest_labeled"):
        np.testing.assert_array_equal(getattr(found, part), getattr(everywhere, part)[batch])
    assert found.reason == ["boundary", "boundary", "unexplored", "boundary"]
    assert {found.predicted[0], found.runner_up[0]} == {0, 2}
    assert (found.predicted[2], found.runner_up[2], found.hops[2], found.nearest_labeled[2]) == (-1, -1, -1, -1)


def test_classes_known_only_in_shares_make_a_boundary():
    shares = np.zeros((NUM_POINTS, NUM_CLASSES))
    shares[3] = [0.6, 0.4, 0]

    assert reasons({3: 0}, [4]).reason == ["cold start"]
    assert reasons({3: 0}, [4], soft_labels=shares).reason == ["boundary"]


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        ([1, 2, 1], ValueError, r"^indices must name each row once; got \[1, 2, 1\]"),
        ([1, NUM_POINTS], ValueError, r"^indices must lie in \[0, 29\]; got 30"),
        ([-1], ValueError, r"^indices must lie in \[0, 29\]; got -1"),
        ([0.5], TypeError, "^indices must hold integers; got dtype float64"),
    ],
)
def test_rows_that_cannot_be_asked_are_refused(batch, error, message, plain_types):
    with pytest.raises(error, match=message):
        reasons({}, batch)
