"""Intervals and bands by paired bootstrap: seeds are drawn again, the same for every strategy and checkpoint."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from ddal_jax import checks
from ddal_jax.evaluate.curves import Curves, of_strategy


class Bands(NamedTuple):
    """Mean curves and the interval of each mean; NaN intervals for a single seed.

    Attributes:
      num_labeled: labels at each checkpoint.
      mean: over seeds.
      low: lower end, at each checkpoint by itself.
      high: upper end.
    """

    num_labeled: Int[np.ndarray, " checkpoints"]
    mean: Float[np.ndarray, "strategies checkpoints"]
    low: Float[np.ndarray, "strategies checkpoints"]
    high: Float[np.ndarray, "strategies checkpoints"]


def bands(
    curves: Curves,
    *,
    reference: str | None = None,
    confidence: float = 0.95,
    num_resamples: int = 10_000,
    seed: int = 0,
) -> Bands:
    """Computes mean curves with pointwise bands.

    Args:
      curves: of one task.
      reference: a strategy; if given, the curves are differences to its curve, seed by seed. Its own is exactly 0.
      confidence: of each interval.
      num_resamples: draws of the bootstrap.
      seed: of these draws; the same seed gives the same bands.

    Returns:
      The bands, strategies in the order of `curves`.

    Raises:
      ValueError: the reference is not among the strategies, or the confidence is not in (0, 1).
    """
    values = curves.values
    if reference is not None:
        values = values - values[of_strategy(curves, reference)]
    low, high = mean_interval(np.moveaxis(values, 1, 0), confidence=confidence, num_resamples=num_resamples, seed=seed)
    return Bands(curves.num_labeled, values.mean(axis=1), low, high)


def mean_interval(
    values: Float[np.ndarray, " seeds *rest"], *, confidence: float = 0.95, num_resamples: int = 10_000, seed: int = 0
) -> tuple[Float[np.ndarray, "*rest"], Float[np.ndarray, "*rest"]]:
    """Computes an interval for the mean over the first axis from resampled means.

    The plain percentile interval is too narrow for few seeds: a resample spreads by sqrt((n - 1) / n) too little, and
    by the normal's quantiles instead of Student's. The quantiles are therefore taken further out, so that on normal
    data the ends are those of the t interval; they never leave the range of the values. Two to four seeds remain
    too few for any interval from resamples.

    Returns:
      Lower and upper end; NaN for a single seed, the value itself where all seeds agree.

    Reference: the expanded percentile interval, T. Hesterberg, The American Statistician 69 (2015), 371-386.
    """
    if not 0 < checks.positive_float("confidence", confidence) < 1:
        raise ValueError(f"confidence must lie in (0, 1); got {confidence}.")
    checks.integer("num_resamples", num_resamples, low=1)
    num_seeds = len(values)
    if num_seeds < 2:
        return np.full(values.shape[1:], np.nan), np.full(values.shape[1:], np.nan)
    outer = stats.t.ppf(0.5 - confidence / 2, num_seeds - 1) * np.sqrt(num_seeds / (num_seeds - 1))
    tail = stats.norm.cdf(outer)
    drawn = np.random.default_rng(seed).multinomial(num_seeds, [1 / num_seeds] * num_seeds, size=num_resamples)
    flat = values.reshape(num_seeds, -1)
    center = flat.mean(axis=0)
    # Column by column, so that memory is one column's resamples; from the mean, so that equal seeds give no width.
    ends = [np.quantile(drawn @ column / num_seeds, [tail, 1 - tail]) for column in (flat - center).T]
    low, high = center + np.array(ends).reshape(-1, 2).T
    return low.reshape(values.shape[1:]), high.reshape(values.shape[1:])
