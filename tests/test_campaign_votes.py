"""Votes of several annotators: majority, ties, shares."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddal_jax.campaign.votes import Votes, resolve

NUM_POINTS, NUM_CLASSES = 6, 3

standing = st.dictionaries(
    st.tuples(st.integers(0, NUM_POINTS - 1), st.sampled_from(["ada", "ben", "cyd", None])),
    st.integers(0, NUM_CLASSES - 1),
    max_size=14,
)


def votes_of(given):
    """From {(row, annotator): code}."""
    rows, annotators = [row for row, _ in given], [annotator for _, annotator in given]
    return Votes(np.array(rows, int), np.array(list(given.values()), int), np.array(annotators, object))


def counted(given, row):
    return Counter(code for (voted, _), code in given.items() if voted == row).most_common()


@given(standing)
def test_a_row_has_the_class_with_the_most_votes_and_none_where_two_share_them(given):
    resolved = resolve(votes_of(given), num_points=NUM_POINTS, num_classes=NUM_CLASSES)

    for row in range(NUM_POINTS):
        votes = counted(given, row)
        tied = len(votes) > 1 and votes[0][1] == votes[1][1]
        assert resolved.tied[row] == tied
        assert resolved.labels[row] == (-1 if tied or not votes else votes[0][0])
    assert resolved.soft_labels is None


@given(standing)
def test_shares_are_those_of_the_votes_and_sum_to_one_exactly_where_a_label_stands(given):
    resolved = resolve(votes_of(given), num_points=NUM_POINTS, num_classes=NUM_CLASSES, soft=True)

    for row in range(NUM_POINTS):
        votes = dict(counted(given, row)) if resolved.labels[row] >= 0 else {}
        expected = [votes.get(code, 0) / max(1, sum(votes.values())) for code in range(NUM_CLASSES)]
        np.testing.assert_allclose(resolved.soft_labels[row], expected, rtol=1e-6)  # float32


@given(standing, st.randoms())
def test_votes_count_alike_in_whatever_order_they_came(given, random):
    shuffled = list(given.items())
    random.shuffle(shuffled)

    first, second = (
        resolve(votes_of(votes), num_points=NUM_POINTS, num_classes=NUM_CLASSES) for votes in (given, dict(shuffled))
    )

    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.tied, second.tied)


def test_without_a_vote_nothing_is_labelled_even_without_a_class():
    resolved = resolve(votes_of({}), num_points=4, num_classes=0, soft=True)

    assert resolved.labels.tolist() == [-1] * 4
    assert not resolved.tied.any()
    assert resolved.soft_labels.shape == (4, 0)


@pytest.mark.parametrize(
    ("rows", "codes", "annotators", "message"),
    [
        ([0, 6], [0, 0], "ab", r"^votes.rows must lie in \[0, 5\]; got 6"),
        ([0, -1], [0, 0], "ab", r"^votes.rows must lie in \[0, 5\]; got -1"),
        ([0, 1], [0, 3], "ab", r"^votes.codes must lie in \[0, 2\]; got 3"),
        ([0, 1], [0, -1], "ab", r"^votes.codes must lie in \[0, 2\]; got -1"),
        ([2, 2], [0, 1], "aa", "^votes must hold one of each annotator on a row; got two of 'a' on row 2"),
        ([0, 1], [0], "ab", "^votes.codes must have 2 entries, one per row voted on"),
        ([0, 1], [0, 1], "a", "^votes.annotators must have 2 entries, one per row voted on"),
    ],
)
def test_votes_that_cannot_stand_are_refused(rows, codes, annotators, message, plain_types):
    votes = Votes(np.array(rows), np.array(codes), np.array(list(annotators), object))

    with pytest.raises(ValueError, match=message):
        resolve(votes, num_points=NUM_POINTS, num_classes=NUM_CLASSES)
