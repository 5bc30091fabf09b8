"""Records gathered into dense arrays, one per task: strategies x seeds x checkpoints.

Every comparison in this room is paired: seed by seed, two strategies share pool, held-out points, start labels and
initial weights. So the seeds and the checkpoints must be the same for all; here is where that is held.
"""

import warnings
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ddal_jax import checks
from ddal_jax.experiments.results import Record

METRICS = ("accuracy", "balanced_accuracy")


class Curves(NamedTuple):
    """The learning curves of one task.

    Attributes:
      task: its name.
      strategies: names, in the order in which they were run.
      seeds: those every strategy finished, ascending.
      num_labeled: labels trained on at each checkpoint, ascending.
      values: the metric on held-out points.
      left_out: a sentence for each thing of the records that is not in `values`.
    """

    task: str
    strategies: tuple[str, ...]
    seeds: tuple[int, ...]
    num_labeled: Int[np.ndarray, " checkpoints"]
    values: Float[np.ndarray, "strategies seeds checkpoints"]
    left_out: tuple[str, ...]


_Run = dict[int, float]


def curves(records: Iterable[Record], *, metric: str = "accuracy") -> dict[str, Curves]:
    """Returns the learning curves of each task, in the order in which tasks were run.

    What is unfinished is left out, with a warning and a sentence in `left_out`: a strategy of which more than half
    of the seeds stop before the last checkpoint goes as a whole; else its unfinished seeds go, and a seed stays only
    if every remaining strategy finished it.

    Args:
      records: of any number of tasks, in any order.
      metric: "accuracy" or "balanced_accuracy".

    Returns:
      Curves by task.

    Raises:
      ValueError: no records; an unknown metric; a checkpoint given twice; checkpoints that differ by more than an
        early end; strategies without a common finished seed; values that are not finite.
    """
    checks.choice("metric", metric, METRICS)
    by_task: dict[str, dict[tuple[str, int], _Run]] = {}
    for record in records:
        run = by_task.setdefault(record.task, {}).setdefault((record.strategy, record.seed), {})
        if record.num_labeled in run:
            raise ValueError(
                f"records must hold each checkpoint once; got task {record.task!r}, strategy {record.strategy!r}, "
                f"seed {record.seed}, {record.num_labeled} labels twice."
            )
        run[record.num_labeled] = getattr(record, metric)
    if not by_task:
        raise ValueError("records must hold at least one record; got none.")
    return {task: _of_task(task, runs) for task, runs in by_task.items()}


def _of_task(task: str, runs: dict[tuple[str, int], _Run]) -> Curves:
    checkpoints = _checkpoints(task, runs)
    finished, left_out = _finished(task, runs, len(checkpoints))
    seeds = sorted(set.intersection(*finished.values()))
    if not seeds:
        held = "; ".join(f"{name}: {_listed(sorted(own))}" for name, own in finished.items())
        raise ValueError(
            f"records of task {task!r} must share seeds between strategies, as comparisons are paired; got {held}."
        )
    surplus = sorted(set.union(*finished.values()) - set(seeds))
    if surplus:
        left_out.append(f"{task}: not every strategy finished seeds {_listed(surplus)}; they are left out.")
    for sentence in left_out:
        warnings.warn(sentence, stacklevel=4)
    nested = [[[runs[name, seed][count] for count in checkpoints] for seed in seeds] for name in finished]
    values = np.array(nested, np.float64)
    if not np.isfinite(values).all():
        name = next(name for name, own in zip(finished, values, strict=True) if not np.isfinite(own).all())
        raise ValueError(
            f"records of task {task!r} must hold finite values of the metric; got NaN or infinity in {name!r}."
        )
    return Curves(task, tuple(finished), tuple(seeds), np.array(checkpoints), values, tuple(left_out))


def _checkpoints(task: str, runs: dict[tuple[str, int], _Run]) -> list[int]:
    """Returns the label counts of the longest run, of which every other run must be a beginning."""
    longest = sorted(max(runs.values(), key=len))
    for (name, seed), run in runs.items():
        if sorted(run) != longest[: len(run)]:
            raise ValueError(
                f"records of task {task!r} must have the same checkpoints for every strategy and seed; "
                f"got {_listed(sorted(run))} labels for {name!r}, seed {seed}, and {_listed(longest)} elsewhere."
            )
    return longest


def _finished(
    task: str, runs: dict[tuple[str, int], _Run], num_checkpoints: int
) -> tuple[dict[str, set[int]], list[str]]:
    """Returns the finished seeds of each strategy that is kept, and a sentence for each that is not."""
    finished: dict[str, set[int]] = {}
    left_out = []
    for name in dict.fromkeys(strategy for strategy, _ in runs):
        own = {seed: run for (strategy, seed), run in runs.items() if strategy == name}
        whole = {seed for seed, run in own.items() if len(run) == num_checkpoints}
        if 2 * len(whole) < len(own):
            left_out.append(
                f"{task}: {name} is left out, as {len(own) - len(whole)} of its {len(own)} seeds stop early."
            )
        else:
            finished[name] = whole
    return finished, left_out


def of_strategy(curves: Curves, name: str, argument: str = "reference") -> int:
    """Returns the place of a strategy among the curves, or lists those there are."""
    return curves.strategies.index(checks.choice(argument, name, curves.strategies))


def _listed(numbers: Sequence[int]) -> str:
    shown = list(map(str, numbers))
    return ", ".join(shown if len(shown) <= 8 else [*shown[:3], "...", *shown[-2:]])
