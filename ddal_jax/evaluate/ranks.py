"""Strategies ranked over tasks: Friedman's test, pairwise tests and the groups of the critical-difference diagram.

The unit is the task. Seeds of one task are repetitions of it, not tasks: ranked as if they were, a strategy that is
good on one data set alone would seem good everywhere. So over one task there is no such diagram.
"""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

from ddal_jax.evaluate.significance import LEVEL, holm, signed_rank

FEWEST = 3
_DECIMALS = 12


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ranking:
    """Strategies over tasks, best first.

    Attributes:
      num_tasks: that were ranked.
      strategies: by average rank.
      average_ranks: 1 is best; ties share their mean rank.
      friedman_statistic: of Friedman's test that all strategies rank alike.
      friedman_p: its p-value.
      p_values: of each pair of strategies, in the order of `itertools.combinations`, after Holm.
      cliques: groups of strategies that are not told apart, each two or more, best first.
    """

    num_tasks: int
    strategies: tuple[str, ...]
    average_ranks: tuple[float, ...]
    friedman_statistic: float
    friedman_p: float
    p_values: tuple[float, ...]
    cliques: tuple[tuple[str, ...], ...]


def ranking(areas: Float[np.ndarray, "tasks strategies"], strategies: Sequence[str]) -> Ranking:
    """Ranks strategies over tasks.

    Pairs are tested by Wilcoxon's signed-rank test over tasks, zeros after Pratt, corrected by Holm. If Friedman's
    test does not tell the strategies apart, neither do the pairs: all are then one group.

    Args:
      areas: mean area of each strategy in each task; higher is better.
      strategies: their names.

    Returns:
      The ranking.

    Raises:
      ValueError: fewer than three tasks or three strategies.

    Reference: J. Demšar, JMLR 7 (2006), 1-30; A. Benavoli et al., JMLR 17 (2016) for the signed-rank pairs.
    """
    num_tasks, num_strategies = areas.shape
    if num_tasks < FEWEST or num_strategies < FEWEST:
        raise ValueError(
            f"a ranking over tasks needs at least {FEWEST} tasks and {FEWEST} strategies; "
            f"got {num_tasks} and {num_strategies}. Seeds of one task are no tasks."
        )
    areas = np.round(areas, _DECIMALS)
    average = stats.rankdata(-areas, axis=1).mean(axis=0)
    order: list[int] = np.argsort(average, kind="stable").tolist()
    areas, names = areas[:, order], tuple(strategies[place] for place in order)
    statistic, friedman_p = _friedman(areas)
    pairs = list(itertools.combinations(range(num_strategies), 2))
    adjusted = holm(np.array([signed_rank(areas[:, i] - areas[:, j]) for i, j in pairs]))
    resolved = np.zeros((num_strategies, num_strategies), bool)
    for (i, j), p_value in zip(pairs, adjusted, strict=True):
        resolved[i, j] = resolved[j, i] = friedman_p < LEVEL and p_value < LEVEL
    return Ranking(
        num_tasks=num_tasks,
        strategies=names,
        average_ranks=tuple(average[order].tolist()),
        friedman_statistic=statistic,
        friedman_p=friedman_p,
        p_values=tuple(adjusted.tolist()),
        cliques=tuple(tuple(names[place] for place in group) for group in cliques(resolved)),
    )


def cliques(resolved: Bool[np.ndarray, "strategies strategies"]) -> list[range]:
    """Returns the longest runs of neighbours in rank within which no pair is resolved.

    A bar over such a run never covers a resolved pair. Two strategies that are not told apart while one between them
    is told from either share no bar: signed-rank tests allow that, and no bar can show it.
    """
    groups: list[range] = []
    for start in range(len(resolved)):
        end = start + 1
        while end < len(resolved) and not resolved[start : end + 1, start : end + 1].any():
            end += 1
        if end - start > 1 and (not groups or end > groups[-1].stop):
            groups.append(range(start, end))
    return groups


def _friedman(areas: Float[np.ndarray, "tasks strategies"]) -> tuple[float, float]:
    if not np.ptp(areas, axis=1).any():  # Every task ties all strategies, where SciPy divides by zero.
        return 0.0, 1.0
    found = stats.friedmanchisquare(*areas.T)
    return float(found.statistic), float(found.pvalue)
