"""Poker by its rules: all five-card hands of a deck of 52, and the class of each.

A card is the number 4 rank + suit, rank 0 to 12 from ace to king, suit 0 to 3. A hand is a column of five.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int8

NUM_CARDS = 52
NUM_SUITS = 4
NUM_RANKS = 13
HAND_SIZE = 5
NUM_HANDS = math.comb(NUM_CARDS, HAND_SIZE)

CLASSES = (
    "nothing",
    "one pair",
    "two pairs",
    "three of a kind",
    "straight",
    "flush",
    "full house",
    "four of a kind",
    "straight flush",
    "royal flush",
)

# In a hand in rising order: how many neighbouring cards share a rank, and whether three cards do -> the class.
_BY_RANKS = np.array([[0, 0], [1, 1], [2, 3], [6, 6]], np.int8)


class Hands(NamedTuple):
    """Hands and what they are worth.

    Attributes:
      cards: cards in rising order, by rank and then by suit; one hand per column.
      classes: index into `CLASSES`.
    """

    cards: Int8[np.ndarray, "5 n"]
    classes: Int8[np.ndarray, " n"]


@functools.cache
def all_hands() -> Hands:
    """Lists each of the 2,598,960 hands once, in lexicographic order; kept for the life of the process (16 MB)."""
    cards = np.arange(NUM_CARDS - HAND_SIZE + 1, dtype=np.int8)[None]
    for size in range(1, HAND_SIZE):
        highest = NUM_CARDS - HAND_SIZE + size  # leaves enough cards above for the rest of the hand
        num_next = highest - cards[-1].astype(np.int64)
        starts = np.cumsum(num_next) - num_next
        step = np.arange(num_next.sum()) - np.repeat(starts, num_next)
        cards = np.repeat(cards, num_next, axis=1)
        cards = np.concatenate([cards, (cards[-1] + 1 + step).astype(np.int8)[None]])
    hands = Hands(cards, classify(cards))
    for array in hands:
        array.flags.writeable = False
    return hands


def classify(cards: Int8[np.ndarray, "5 n"]) -> Int8[np.ndarray, " n"]:
    """Returns the class of each hand by the rules of poker; an ace is low or high in a straight.

    Args:
      cards: five different cards in each column, in rising order.
    """
    ranks = cards // NUM_SUITS
    suits = cards % NUM_SUITS
    num_equal = (ranks[1:] == ranks[:-1]).sum(axis=0, dtype=np.int8)
    three = (ranks[2:] == ranks[:-2]).any(axis=0)
    four = (ranks[3:] == ranks[:-3]).any(axis=0)
    classes = _BY_RANKS[num_equal, three.astype(np.int8)]
    classes[four] = CLASSES.index("four of a kind")
    broadway = _is_broadway(ranks, num_equal)
    straight = broadway | ((num_equal == 0) & (ranks[4] - ranks[0] == 4))
    flush = (suits == suits[0]).all(axis=0)
    classes[straight] = CLASSES.index("straight")
    classes[flush] = CLASSES.index("flush")
    classes[straight & flush] = CLASSES.index("straight flush")
    classes[broadway & flush] = CLASSES.index("royal flush")
    return classes


def _is_broadway(ranks: Int8[np.ndarray, "5 n"], num_equal: Int8[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Tells ten, jack, queen, king, ace: the straight in which the ace, lowest in number, is high."""
    return (num_equal == 0) & (ranks[0] == 0) & (ranks[1] == NUM_RANKS - 4)
