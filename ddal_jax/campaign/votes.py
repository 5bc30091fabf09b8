"""Several annotators on one row: all votes are kept, the majority is the label, and a tie is none."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ddal_jax import checks


class Votes(NamedTuple):
    """Votes that stand: the last of each annotator on each row, if it was not taken back.

    Attributes:
      rows: of the pool.
      codes: the class voted for.
      annotators: who voted; None for nobody in particular.
    """

    rows: Int[np.ndarray, " v"]
    codes: Int[np.ndarray, " v"]
    annotators: np.ndarray


def named_votes(votes: Iterable[tuple[int, str, str]], classes: Sequence[str]) -> Votes:
    """Returns votes of row, name of the class and annotator as arrays; codes are places in `classes`."""
    codes = {name: code for code, name in enumerate(classes)}
    given = list(votes)
    return Votes(
        np.asarray([row for row, _, _ in given], np.int64),
        np.asarray([codes[name] for _, name, _ in given], np.int64),
        np.asarray([annotator for _, _, annotator in given], object),
    )


class Resolved(NamedTuple):
    """What the votes amount to.

    Attributes:
      labels: class of each row with the most votes, int32; -1 where there is no vote, or a tie.
      tied: True where two or more classes share the most votes.
      soft_labels: share of the votes that each class has, float32; rows sum to one exactly where `labels` is not -1
        and are 0 elsewhere. None unless asked for.
    """

    labels: Int[np.ndarray, " n"]
    tied: Bool[np.ndarray, " n"]
    soft_labels: Float[np.ndarray, "n c"] | None


def resolve(votes: Votes, *, num_points: int, num_classes: int, soft: bool = False) -> Resolved:
    """Settles each row by the majority of its votes.

    A tie is left unlabelled, so that the row may be asked again, of somebody else. Votes count alike, whoever gave
    them and in whatever order they came. Memory is C for each row voted on, and N x C for soft labels only.

    Args:
      votes: at most one of each annotator on a row.
      num_points: N.
      num_classes: C; may be 0 while there is no vote.
      soft: whether shares of votes are wanted.

    Raises:
      ValueError: parts of different lengths, a row or a class outside the pool's, two votes of one annotator on a row.
    """
    num_points = checks.integer("num_points", num_points, low=1)
    num_classes = checks.integer("num_classes", num_classes, low=0)
    rows, codes = _checked(votes, num_points, num_classes)
    voted, places = np.unique(rows, return_inverse=True)
    counts = np.zeros((len(voted), max(1, num_classes)), np.int32)
    np.add.at(counts, (places, codes), 1)
    most = counts.max(axis=1)
    clear = (counts == most[:, None]).sum(axis=1) == 1
    labels = np.full(num_points, -1, np.int32)
    labels[voted[clear]] = counts[clear].argmax(axis=1)
    tied = np.zeros(num_points, bool)
    tied[voted[~clear]] = True
    if not soft:
        return Resolved(labels, tied, None)
    shares = np.zeros((num_points, num_classes), np.float32)
    shares[voted[clear]] = counts[clear] / counts[clear].sum(axis=1, keepdims=True)
    return Resolved(labels, tied, shares)


def _checked(votes: Votes, num_points: int, num_classes: int) -> tuple[Int[np.ndarray, " v"], Int[np.ndarray, " v"]]:
    rows, codes = np.asarray(votes.rows, np.int64), np.asarray(votes.codes, np.int64)
    for name, part in (("codes", codes), ("annotators", votes.annotators)):
        checks.length(f"votes.{name}", part, len(rows), "row voted on")
    for name, part, size in (("rows", rows, num_points), ("codes", codes, num_classes)):
        outside = part[(part < 0) | (part >= size)]
        if outside.size:
            raise ValueError(f"votes.{name} must lie in [0, {size - 1}]; got {outside[0]}.")
    seen = set()
    for vote in zip(rows.tolist(), votes.annotators, strict=True):
        if vote in seen:
            raise ValueError(
                f"votes must hold one of each annotator on a row; got two of {vote[1]!r} on row {vote[0]}."
            )
        seen.add(vote)
    return rows, codes
