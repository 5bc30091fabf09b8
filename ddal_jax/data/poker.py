"""Poker hands in the form of OpenML 155, without a download: drawn from all hands, classes by the rules."""

import numpy as np
from jaxtyping import Float, Int8

from ddal_jax import checks
from ddal_jax.data import cards, pools
from ddal_jax.data.types import Split

_ORDER = 3  # sets the draw of the dealing order apart from that of the hands


def poker(
    seed: int, *, num_points: int = 4000, num_test: int = 4000, sorted_cards: bool = True, balanced: bool = False
) -> Split:
    """Draws different hands, each equally likely, into a pool and a test set that share none.

    The ten columns are suit and rank of each card, S1, C1 to S5, C5, scaled to [0, 1]: (suit - 1) / 3 and
    (rank - 1) / 12, ace low. That scale is our choice: what OpenML 155 calls normalised could not be looked up.

    The cards of OpenML 155 are taken to be sorted as well, since its 829,201 rows are near what a million dealt hands
    leave when repeated sets of cards are dropped, 830,100 (give or take 320), and far from the 998,400 that differ in
    order. That is a guess from the number alone.

    Args:
      seed: of hands and order.
      num_points: size of the pool.
      num_test: held-out hands.
      sorted_cards: the cards of a hand stand by rank, then suit. Otherwise they stand in a random order of dealing,
        which makes the classes much harder to learn.
      balanced: as many hands of each class in the pool, which looks at labels. There are four royal flushes.

    Paper: appendix f.
    """
    num_points = checks.integer("num_points", num_points, low=1, high=cards.NUM_HANDS)
    hands = cards.all_hands()
    pool, test = pools.hold_out(
        hands.classes,
        seed,
        num_points=num_points,
        num_test=num_test,
        num_classes=len(cards.CLASSES),
        balanced=balanced,
    )
    random = np.random.default_rng([seed, _ORDER])
    dealt, test_dealt = (
        hands.cards[:, rows] if sorted_cards else random.permuted(hands.cards[:, rows], axis=0) for rows in (pool, test)
    )
    classes, test_classes = (hands.classes[rows].astype(np.int32) for rows in (pool, test))
    return Split(encode(dealt), classes, encode(test_dealt), test_classes, len(cards.CLASSES))


def encode(hands: Int8[np.ndarray, "5 n"]) -> Float[np.ndarray, "n 10"]:
    """Writes hands as suit and rank of each card in turn, each scaled to [0, 1]."""
    suits = hands % cards.NUM_SUITS / (cards.NUM_SUITS - 1)
    ranks = hands // cards.NUM_SUITS / (cards.NUM_RANKS - 1)
    return np.stack([suits, ranks], axis=1).reshape(2 * cards.HAND_SIZE, -1).T.astype(np.float32)
