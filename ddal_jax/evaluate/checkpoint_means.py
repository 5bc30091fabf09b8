"""Curves compared by their plain mean over checkpoints, where these are set closer together early on.

`compare` weighs a checkpoint by the labels between it and its neighbours; here each counts the same, so that the first
labels, which explore, are not drowned by the many that refine.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

from ddal_jax.evaluate.curves import Curves, curves, of_strategy
from ddal_jax.evaluate.significance import holm, signed_rank
from ddal_jax.experiments.results import Record


@dataclasses.dataclass(frozen=True, kw_only=True)
class MeanStanding:
    """A strategy beside the challenger, in points of accuracy.

    Attributes:
      strategy: its name.
      mean: over seeds and checkpoints.
      standard_error: of that mean, over seeds.
      difference: of the challenger less this one, mean over paired seeds; 0 for itself.
      difference_error: standard error of that difference.
      p_value: of the signed-rank test, after Holm over the challenger's rivals; 1 for itself.
      won: seeds in which the challenger is ahead.
      curve: mean over seeds at each checkpoint.
    """

    strategy: str
    mean: float
    standard_error: float
    difference: float
    difference_error: float
    p_value: float
    won: int
    curve: tuple[float, ...]


def checkpoint_means(
    records: Iterable[Record], *, challenger: str, metric: str = "accuracy"
) -> dict[str, tuple[MeanStanding, ...]]:
    """Compares every strategy with a challenger, task by task, best mean first.

    Args:
      records: see `curves` for what is left out.
      challenger: a strategy of every task.
      metric: "accuracy" or "balanced_accuracy".

    Raises:
      ValueError: see `curves`; also an unknown challenger, or a single seed.
    """
    return {task: _standings(own, challenger) for task, own in curves(records, metric=metric).items()}


def _standings(own: Curves, challenger: str) -> tuple[MeanStanding, ...]:
    if len(own.seeds) < 2:
        raise ValueError(f"records of task {own.task!r} must hold at least two seeds; got {len(own.seeds)}.")
    values = 100 * own.values
    means = values.mean(axis=2)
    differences = means[of_strategy(own, challenger, "challenger")] - means
    rivals = [place for place, name in enumerate(own.strategies) if name != challenger]
    p_values = np.ones(len(means))
    if rivals:
        p_values[rivals] = holm(np.array([signed_rank(differences[place]) for place in rivals]))
    order = np.argsort(-np.round(means.mean(axis=1), 12), kind="stable")
    return tuple(
        MeanStanding(
            strategy=own.strategies[place],
            mean=float(means[place].mean()),
            standard_error=_standard_error(means[place]),
            difference=float(differences[place].mean()),
            difference_error=_standard_error(differences[place]),
            p_value=float(p_values[place]),
            won=int((differences[place] > 0).sum()),
            curve=tuple(values[place].mean(axis=0).tolist()),
        )
        for place in order.tolist()
    )


def _standard_error(values: Float[np.ndarray, " seeds"]) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))
