"""Poker hands are all there, and worth what the rules say."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest

from ddal_jax.data import cards
from ddal_jax.data.poker import poker

# Counted by hand: ranks of the groups, then suits of the cards.
STRAIGHTS = 10 * (4**5 - 4)
FLUSHES = 4 * (math.comb(13, 5) - 10)
COUNTS = [
    (math.comb(13, 5) - 10) * (4**5 - 4),
    13 * math.comb(4, 2) * math.comb(12, 3) * 4**3,
    math.comb(13, 2) * math.comb(4, 2) ** 2 * 11 * 4,
    13 * math.comb(4, 3) * math.comb(12, 2) * 4**2,
    STRAIGHTS,
    FLUSHES,
    13 * math.comb(4, 3) * 12 * math.comb(4, 2),
    13 * 48,
    9 * 4,
    4,
]


def worth(hand):
    """The class of five cards in any order, each (suit 1 to 4, rank 1 to 13), rule by rule."""
    suits, ranks = zip(*hand, strict=True)
    groups = sorted(Counter(ranks).values(), reverse=True)
    flush = len(set(suits)) == 1
    royal = set(ranks) == {1, 10, 11, 12, 13}
    straight = royal or (groups[0] == 1 and max(ranks) - min(ranks) == 4)
    if flush and straight:
        return 9 if royal else 8
    if groups[0] == 4:
        return 7
    if groups == [3, 2]:
        return 6
    if flush:
        return 5
    if straight:
        return 4
    return {3: 3, 2: 2 if groups[1] == 2 else 1, 1: 0}[groups[0]]


def decoded(inputs):
    """Cards as (suit, rank), from the ten columns."""
    rounded = np.rint(inputs.reshape(-1, 5, 2) * [3, 12]).astype(int) + 1
    return [[tuple(card) for card in hand] for hand in rounded.tolist()]


def test_all_hands_are_listed_once_in_order():
    hands = cards.all_hands()

    assert hands.cards.shape == (5, math.comb(52, 5)) == (5, 2_598_960)
    assert hands.cards.dtype == np.int8
    beginning = np.array(list(itertools.islice(itertools.combinations(range(52), 5), 5000)))
    np.testing.assert_array_equal(hands.cards[:, :5000].T, beginning)
    codes = np.zeros(hands.cards.shape[1], np.int64)
    for card in hands.cards:
        codes = codes * 52 + card
    assert (np.diff(codes) > 0).all()
    assert (np.diff(hands.cards, axis=0) > 0).all()
    assert hands.cards.min() == 0
    assert hands.cards.max() == 51


def test_classes_are_as_frequent_as_combinatorics_says():
    counts = np.bincount(cards.all_hands().classes, minlength=10)

    assert counts.tolist() == COUNTS
    assert sum(COUNTS) == math.comb(52, 5)


def test_classes_follow_the_rules_hand_by_hand():
    hands = cards.all_hands()
    rng = np.random.default_rng(0)
    rows = [rng.permutation(np.flatnonzero(hands.classes == label))[:300] for label in range(10)]
    rows = np.concatenate([*rows, rng.integers(len(hands.classes), size=2000)])

    by_rule = [worth([(card % 4 + 1, card // 4 + 1) for card in hand]) for hand in hands.cards[:, rows].T.tolist()]

    assert hands.classes[rows].tolist() == by_rule


def test_hands_cannot_be_changed_for_the_next_user():
    with pytest.raises(ValueError, match="read-only"):
        cards.all_hands().cards[0, 0] = 1


@pytest.mark.parametrize("sorted_cards", [True, False])
def test_labels_are_worth_the_cards_in_the_columns(sorted_cards):
    split = poker(0, num_points=500, num_test=300, sorted_cards=sorted_cards)

    for inputs, labels in ((split.inputs, split.labels), (split.test_inputs, split.test_labels)):
        assert labels.tolist() == [worth(hand) for hand in decoded(inputs)]
    assert split.inputs.shape == (500, 10)
    assert split.test_inputs.shape == (300, 10)
    assert split.inputs.dtype == np.float32
    assert split.labels.dtype == np.int32
    assert (split.inputs.min(), split.inputs.max()) == (0, 1)
    assert split.num_classes == 10


def test_pool_and_test_set_share_no_hand():
    split = poker(1, num_points=20_000, num_test=20_000, sorted_cards=False)

    pool, test = ({frozenset(hand) for hand in decoded(inputs)} for inputs in (split.inputs, split.test_inputs))
    assert len(pool) == len(test) == 20_000
    assert not pool & test


def test_sorted_cards_stand_by_rank_and_dealt_cards_in_any_order():
    by_rank, dealt = (
        poker(2, num_points=2000, num_test=1, sorted_cards=sorted_cards) for sorted_cards in (True, False)
    )

    ranks, suits = by_rank.inputs[:, 1::2], by_rank.inputs[:, ::2]
    assert (np.diff(ranks, axis=1) >= 0).all()
    assert (np.diff(suits, axis=1)[np.diff(ranks, axis=1) == 0] > 0).all()
    assert [sorted(hand) for hand in decoded(dealt.inputs)] == [sorted(hand) for hand in decoded(by_rank.inputs)]
    lowest_first = dealt.inputs[:, 1] == dealt.inputs[:, 1::2].min(axis=1)
    assert lowest_first.mean() < 0.5  # one in five, and ties


def test_a_balanced_pool_of_hands_holds_the_rarest():
    split = poker(0, num_points=30, num_test=10, balanced=True)

    assert np.bincount(split.labels).tolist() == [3] * 10
    assert split.labels.tolist() == [worth(hand) for hand in decoded(split.inputs)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_points": 2_598_960}, r"num_points must be in \[1, 2594960\] \(the points to draw from\); got 2598960"),
        ({"num_points": 10**9}, r"num_points must be in \[1, 2598960\]; got 1000000000"),
        ({"num_test": 2_598_960}, r"num_test must be in \[1, 2598959\] .*; got 2598960"),
        (
            {"num_points": 100, "balanced": True},
            "num_points must be at most .* since class 9 has [1-4] points; got 100",
        ),
    ],
)
def test_more_hands_than_there_are_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        poker(0, **change)
