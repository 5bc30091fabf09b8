"""Numbers that stand for a learning curve: the area under it, and the labels it takes to reach a target."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ddal_jax import checks
from ddal_jax.evaluate.curves import curves
from ddal_jax.experiments.results import Record


class LabelsToTarget(NamedTuple):
    """Labels needed to reach a target; infinite where it is never reached.

    Attributes:
      of_mean: by the mean curve over seeds.
      of_seeds: by each seed's own curve, seeds ascending.
    """

    of_mean: float
    of_seeds: Float[np.ndarray, " seeds"]


def area_under_curve(
    records: Iterable[Record], *, metric: str = "accuracy", budget: int | None = None
) -> dict[str, dict[str, Float[np.ndarray, " seeds"]]]:
    """Measures each learning curve by its mean height over the labels bought.

    The trapezoids between checkpoints are summed and divided by the labels bought, `budget` less those of the start.
    So the unit is that of the metric, and a flat curve's area is its height. With equal batches this is the plain
    mean over checkpoints in which the first and the last count half.

    Args:
      records: see `curves` for what is left out.
      metric: "accuracy" or "balanced_accuracy".
      budget: labels, start included, up to which the curve counts; between checkpoints it is a straight line.
        None: to its end.

    Returns:
      By task and strategy, the area of each seed, seeds ascending.

    Raises:
      ValueError: see `curves`; also a single checkpoint, or a budget not within the curves of every task.

    Reference: AUBC of the DeepAL+ toolkit.
    """
    return {
        task: dict(zip(own.strategies, area(own.num_labeled, own.values, budget=budget), strict=True))
        for task, own in curves(records, metric=metric).items()
    }


def labels_to_target(
    records: Iterable[Record], *, target: float, metric: str = "accuracy"
) -> dict[str, dict[str, LabelsToTarget]]:
    """Counts the labels after which a curve first reaches a target.

    Between the last checkpoint below and the first one at or above, the curve is a straight line, so the answer does
    not depend on the size of the batches. A curve that starts at or above the target gets its start labels: it may
    have needed fewer. Later falls below the target do not count.

    Args:
      records: see `curves` for what is left out.
      target: value of the metric, in (0, 1].
      metric: "accuracy" or "balanced_accuracy".

    Returns:
      By task and strategy, the labels of the mean curve and of each seed's.

    Raises:
      ValueError: see `curves`; also a target outside (0, 1].
    """
    target = fraction("target", target)
    found = {}
    for task, own in curves(records, metric=metric).items():
        found[task] = {
            name: LabelsToTarget(
                crossing(own.num_labeled, values.mean(axis=0), target=target),
                np.array([crossing(own.num_labeled, curve, target=target) for curve in values]),
            )
            for name, values in zip(own.strategies, own.values, strict=True)
        }
    return found


def area(
    num_labeled: Int[np.ndarray, " checkpoints"],
    values: Float[np.ndarray, "*leading checkpoints"],
    *,
    budget: int | None = None,
) -> Float[np.ndarray, "*leading"]:
    """Returns the trapezoid area over the labels bought, divided by their number."""
    if len(num_labeled) < 2:
        raise ValueError(f"records must hold at least two checkpoints for an area; got only {num_labeled[0]} labels.")
    start, end = int(num_labeled[0]), int(num_labeled[-1])
    budget = end if budget is None else checks.integer("budget", budget, low=start + 1, high=end, why="(the curves)")
    within = num_labeled < budget
    after = int(within.sum())
    left, right = num_labeled[after - 1], num_labeled[after]
    share = (budget - left) / (right - left)
    last = (1 - share) * values[..., after - 1] + share * values[..., after]
    heights = np.concatenate([values[..., within], last[..., None]], axis=-1)
    return np.asarray(np.trapezoid(heights, [*num_labeled[within], budget], axis=-1) / (budget - start))


def crossing(
    num_labeled: Int[np.ndarray, " checkpoints"], curve: Float[np.ndarray, " checkpoints"], *, target: float
) -> float:
    """Returns where a curve first reaches the target, in labels; infinity where it never does."""
    at_or_above = np.flatnonzero(curve >= target)
    if not at_or_above.size:
        return math.inf
    after = int(at_or_above[0])
    if after == 0:
        return float(num_labeled[0])
    share = (target - curve[after - 1]) / (curve[after] - curve[after - 1])
    return float(num_labeled[after - 1] + share * (num_labeled[after] - num_labeled[after - 1]))


def fraction(name: str, value: float) -> float:
    """Returns a number in (0, 1], or refuses it."""
    number = checks.positive_float(name, value)
    if number > 1:
        raise ValueError(f"{name} must lie in (0, 1], a share of held-out points; got {number}.")
    return number
