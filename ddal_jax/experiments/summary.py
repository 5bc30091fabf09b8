"""Means, standard errors and shares over seeds, from records alone."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ddal_jax.experiments.results import Record


class Point(NamedTuple):
    """One point of a learning curve.

    Attributes:
      num_labeled: labels trained on.
      accuracy: mean over seeds, held-out.
      standard_error: of that mean; NaN for a single seed.
      unexplored: share of the queries then asked that no label reached; NaN where nothing was asked.
    """

    num_labeled: int
    accuracy: float
    standard_error: float
    unexplored: float


def means(records: Iterable[Record]) -> dict[str, list[Point]]:
    """Returns the learning curve of each strategy, in the order in which they were run."""
    groups: dict[str, dict[int, list[Record]]] = {}
    for record in records:
        groups.setdefault(record.strategy, {}).setdefault(record.num_labeled, []).append(record)
    return {strategy: [_point(*item) for item in sorted(by_count.items())] for strategy, by_count in groups.items()}


def _point(num_labeled: int, records: list[Record]) -> Point:
    accuracy = np.array([record.accuracy for record in records])
    reached = np.concatenate([np.asarray(record.reached, bool) for record in records])
    spread = accuracy.std(ddof=1) / np.sqrt(len(accuracy)) if len(accuracy) > 1 else np.nan
    unexplored = 1 - reached.mean() if reached.size else np.nan
    return Point(num_labeled, float(accuracy.mean()), float(spread), float(unexplored))
