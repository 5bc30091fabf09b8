"""The pairwise penalty matrix: how often one strategy beats another beyond chance.

How ours differs from the script that defined it:
1. All paired seeds take part, not the first five.
2. The cycles 0, 1, 2, 4, 8, ... are the checkpoints, which for equal batches are start + 2^(k-1) B; a shorter last
   batch needs no rule of its own.
3. Where all paired differences agree, p is 0 (a constant difference) or 1 (none) instead of NaN.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ddal_jax.evaluate.curves import Curves, curves
from ddal_jax.evaluate.significance import LEVEL, paired_t
from ddal_jax.experiments.results import Record

_RANDOM = "random"
_ENOUGH = 0.99


class PairwisePenalty(NamedTuple):
    """Who beats whom, summed over tasks.

    Attributes:
      strategies: those that every task has.
      matrix: row i, column j: the share of checkpoints at which i beats j, summed over tasks; at most their number.
      penalties: mean of each column, diagonal included: how much a strategy is beaten. Lower is better.
      checkpoints: labels at the checkpoints of each task.
    """

    strategies: tuple[str, ...]
    matrix: Float[np.ndarray, "strategies strategies"]
    penalties: Float[np.ndarray, " strategies"]
    checkpoints: dict[str, list[int]]


def pairwise_penalty(records: Iterable[Record], *, metric: str = "accuracy") -> PairwisePenalty:
    """Counts, over checkpoints and tasks, how often one strategy beats another.

    `i` beats `j` at a checkpoint when its mean is higher and the paired t-test over seeds gives p < 0.05; that adds 1
    over the number of checkpoints of the task. Checkpoints double their distance from the start, and end before the
    first at which random labelling exceeds 99 % of its last value, since differences vanish there. Without a
    strategy named "random" they go to the end of the curves. The p-values are not corrected for their number.

    Args:
      records: see `curves` for what is left out.
      metric: "accuracy" or "balanced_accuracy".

    Returns:
      The matrix and its column means.

    Raises:
      ValueError: see `curves`; also fewer than two seeds, or fewer than two strategies that every task has.

    Reference: J. Ash et al., Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds, ICLR 2020.
    """
    return penalty_of(curves(records, metric=metric))


def penalty_of(by_task: Mapping[str, Curves]) -> PairwisePenalty:
    """Returns the pairwise penalty of curves."""
    strategies = common_strategies(by_task)
    if len(strategies) < 2:
        raise ValueError(
            f"records must hold at least two strategies in every task; got {', '.join(strategies) or 'none'}."
        )
    matrix = np.zeros((len(strategies), len(strategies)))
    checkpoints = {}
    for task, own in by_task.items():
        if len(own.seeds) < 2:
            raise ValueError(f"records of task {task!r} must hold at least two seeds for a test; got {len(own.seeds)}.")
        at = _checkpoints(own)
        checkpoints[task] = own.num_labeled[at].tolist()
        values = own.values[[own.strategies.index(name) for name in strategies]]
        matrix += sum(_wins(values[:, :, place]) for place in at) / len(at)
    return PairwisePenalty(strategies, matrix, matrix.mean(axis=0), checkpoints)


def common_strategies(by_task: Mapping[str, Curves]) -> tuple[str, ...]:
    """Returns the strategies that every task has, in the order of the first."""
    first, *others = by_task.values()
    return tuple(name for name in first.strategies if all(name in other.strategies for other in others))


def _checkpoints(own: Curves) -> list[int]:
    num_cycles = len(own.num_labeled)
    doubling = [0, *(2**k for k in range(num_cycles.bit_length()) if 2**k < num_cycles)]
    if _RANDOM not in own.strategies:
        return doubling
    mean = own.values[own.strategies.index(_RANDOM)].mean(axis=0)
    near = (place for place, cycle in enumerate(doubling) if place and mean[cycle] > _ENOUGH * mean[-1])
    return doubling[: next(near, len(doubling))]


def _wins(values: Float[np.ndarray, "strategies seeds"]) -> Float[np.ndarray, "strategies strategies"]:
    """Returns 1 where the row's strategy beats the column's, else 0."""
    wins = np.zeros((len(values), len(values)))
    for i, row in enumerate(values):
        for j, column in enumerate(values):
            difference = row - column
            wins[i, j] = i != j and difference.mean() > 0 and paired_t(difference) < LEVEL
    return wins
