"""What a strategy does as labels grow, beside accuracy: where it asks, and how long it takes to decide."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ddal_jax.experiments.results import Record


class Phases(NamedTuple):
    """Where a strategy asks, cycle by cycle, over all seeds; cycles without a query are not listed.

    Attributes:
      num_labeled: labels known when asking.
      unexplored: share of the queries that no label reached; 0 for a strategy without a graph, which cannot tell.
      boundary_distance: mean distance of the queries to the true class boundary; NaN where it is not known.
      seconds: wall time of the query, divided by the seeds that ran together; that of the first cycle includes
        compilation.
    """

    num_labeled: Int[np.ndarray, " queries"]
    unexplored: Float[np.ndarray, " queries"]
    boundary_distance: Float[np.ndarray, " queries"]
    seconds: Float[np.ndarray, " queries"]


class Seconds(NamedTuple):
    """Wall time of one query, the median over cycles but the first, which compiles; NaN if there is no other.

    Attributes:
      together: of all seeds that ran together.
      per_seed: that, divided by their number.
    """

    together: float
    per_seed: float


def phases(records: Iterable[Record]) -> dict[str, dict[str, Phases]]:
    """Returns where each strategy asks as labels grow, by task and strategy.

    Unfinished runs take part as far as they go: nothing is compared here.
    """
    return {
        task: {strategy: _phases(own) for strategy, own in by_strategy.items()}
        for task, by_strategy in _grouped(records).items()
    }


def acquisition_seconds(records: Iterable[Record]) -> dict[str, dict[str, Seconds]]:
    """Returns the time of one query, by task and strategy."""
    return {
        task: {strategy: _seconds(own) for strategy, own in by_strategy.items()}
        for task, by_strategy in _grouped(records).items()
    }


def _grouped(records: Iterable[Record]) -> dict[str, dict[str, list[Record]]]:
    groups: dict[str, dict[str, list[Record]]] = {}
    for record in records:
        groups.setdefault(record.task, {}).setdefault(record.strategy, []).append(record)
    return groups


def _phases(records: list[Record]) -> Phases:
    by_count: dict[int, list[Record]] = {}
    for record in records:
        if record.queried:
            by_count.setdefault(record.num_labeled, []).append(record)
    counts = sorted(by_count)
    unexplored = [1 - np.mean([flag for record in by_count[count] for flag in record.reached]) for count in counts]
    distances = [
        [distance for record in by_count[count] for distance in record.boundary_distances or []] for count in counts
    ]
    means = [np.mean(own) if own else np.nan for own in distances]
    num_seeds = len({record.seed for record in records})
    seconds = [np.mean([record.acquisition_seconds for record in by_count[count]]) / num_seeds for count in counts]
    return Phases(np.array(counts, int), *(np.array(part, np.float64) for part in (unexplored, means, seconds)))


def _seconds(records: list[Record]) -> Seconds:
    num_seeds = len({record.seed for record in records})
    taken = [record.acquisition_seconds for record in records if record.cycle > 0 and record.queried]
    together = float(np.median(taken)) if taken else np.nan
    return Seconds(together, together / num_seeds)
