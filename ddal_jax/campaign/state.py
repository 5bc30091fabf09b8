"""What a campaign knew at a position of its log: labels by majority, what is ignored, tied, or still waited for.

Who ignores what: an `ignore` by nobody in particular takes a point out for everybody; one by a named annotator is that
person's skip, and takes it out only while nobody has labelled it.
"""

import re
import sqlite3
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ddal_jax.campaign import store
from ddal_jax.campaign.store import IGNORE, SET, Standing
from ddal_jax.campaign.votes import named_votes, resolve

_INTEGER = re.compile(r"[+-]?\d+")


class State(NamedTuple):
    """What is known of each row of the pool.

    Attributes:
      position: of the log.
      classes: names, by code: the fixed ones, or those of labels that stand, numbers first.
      labels: codes by majority, int32; -1 where there is none.
      soft_labels: shares of the votes, where asked for; a column for each of `num_classes`.
      ignored: taken out, as above.
      tied: votes that two classes share, which leaves the row unlabelled.
      outstanding: asked in an earlier round, and neither labelled nor ignored, nor voted on since.
    """

    position: int
    classes: tuple[str, ...]
    labels: Int[np.ndarray, " n"]
    soft_labels: Float[np.ndarray, "n c"] | None
    ignored: Bool[np.ndarray, " n"]
    tied: Bool[np.ndarray, " n"]
    outstanding: Bool[np.ndarray, " n"]

    @property
    def num_classes(self) -> int:
        """C; two before there are two, since others may turn up."""
        return max(2, len(self.classes))

    @property
    def eligible(self) -> Bool[np.ndarray, " n"]:
        """Whether each row may be asked."""
        return (self.labels < 0) & ~self.ignored & ~self.outstanding


def read_state(connection: sqlite3.Connection, *, position: int, next_round: int, soft: bool = False) -> State:
    """Returns what was known at a position of the log, to whom round `next_round` would be asked.

    Args:
      connection: to the record.
      position: of the log.
      next_round: rounds before it count as asked.
      soft: whether shares of votes are wanted.
    """
    facts = store.facts(connection)
    num_points = facts.pool.rows
    entries = store.standing(connection, until=position)
    names = tuple(facts.classes or sorted({e.label or "" for e in entries if e.action == SET}, key=class_order))
    ignored = _ignored(entries, num_points)
    standing = (entry for entry in entries if entry.action == SET and not ignored[entry.row])
    votes = named_votes(((entry.row, entry.label or "", entry.annotator) for entry in standing), names)
    resolved = resolve(votes, num_points=num_points, num_classes=max(2, len(names)), soft=soft)
    asked = _by_row(store.last_asked(connection, before=next_round), num_points)
    voted = _by_row({e.row: e.position for e in sorted(entries, key=_position) if e.action == SET}, num_points)
    outstanding = (asked >= 0) & (asked >= voted) & (resolved.labels < 0) & ~ignored
    return State(position, names, resolved.labels, resolved.soft_labels, ignored, resolved.tied, outstanding)


def class_order(name: str) -> tuple[bool, int, str]:
    """Sorts classes: numbers first, by size, then the rest by name."""
    return (False, int(name), name) if _INTEGER.fullmatch(name) else (True, 0, name)


def _position(entry: Standing) -> int:
    return entry.position


def _ignored(entries: list[Standing], num_points: int) -> Bool[np.ndarray, " n"]:
    for_all, skipped, voted = (np.zeros(num_points, bool) for _ in range(3))
    for entry in entries:
        if entry.action == IGNORE:
            (skipped if entry.annotator else for_all)[entry.row] = True
        elif entry.action == SET:
            voted[entry.row] = True
    return for_all | (skipped & ~voted)


def _by_row(values: dict[int, int], num_points: int) -> Int[np.ndarray, " n"]:
    column = np.full(num_points, -1, np.int64)
    column[list(values)] = list(values.values())
    return column
