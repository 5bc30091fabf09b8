"""Tests of paired differences, corrections for their number, and the seeds a difference needs."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import stats

from ddal_jax import checks

LEVEL = 0.05
_EXACT_UP_TO = 200
_DECIMALS = 12


def signed_rank(differences: Float[np.ndarray, " pairs"]) -> float:
    """Computes the two-sided p-value of Wilcoxon's signed-rank test that paired differences centre on zero.

    Zeros take part in the ranking and then drop out (Pratt); ties share their mean rank. Up to 200 pairs the p-value
    is exact under both, by the distribution of the sum over all signs. SciPy's exact one holds without ties and
    zeros only, and its normal approximation misleads for the few pairs a benchmark has. Differences are rounded to
    12 decimals, so that the rounding of sums parts no tie. All zero: p is 1.

    Cost: O(n^3) for n pairs.
    """
    rounded = np.round(differences, _DECIMALS)
    if not rounded.any():
        return 1.0
    if len(rounded) > _EXACT_UP_TO:
        found: Any = stats.wilcoxon(rounded, zero_method="pratt")
        return float(found.pvalue)
    ranks = stats.rankdata(np.abs(rounded))
    doubled = np.rint(2 * ranks).astype(int)  # Mean ranks are halves.
    chance = np.ones(1)
    for rank in doubled[rounded != 0]:
        chance = (np.pad(chance, (0, rank)) + np.pad(chance, (rank, 0))) / 2
    observed = doubled[rounded > 0].sum()
    tail = min(chance[: observed + 1].sum(), chance[observed:].sum())
    return min(1.0, 2 * float(tail))


def paired_t(differences: Float[np.ndarray, " pairs"]) -> float:
    """Computes the two-sided p-value of the paired t-test.

    Where all differences agree, t is not defined: p is then 1 for no difference and 0 for a constant one.
    """
    rounded = np.round(differences, _DECIMALS)
    if np.ptp(rounded) == 0:
        return 0.0 if rounded[0] else 1.0
    found: Any = stats.ttest_1samp(rounded, 0.0)
    return float(found.pvalue)


def holm(p_values: Float[np.ndarray, " tests"]) -> Float[np.ndarray, " tests"]:
    """Adjusts p-values for their number by Holm's step-down rule: reject where the result is below the level."""
    order = np.argsort(p_values, kind="stable")
    stepped = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(stepped)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(stepped))
    return adjusted


def fewest_pairs_to_resolve(num_tests: int, *, alpha: float = LEVEL) -> int:
    """Returns from how many pairs on the signed-rank test, after Holm over `num_tests`, can fall below `alpha`.

    With n pairs its smallest p-value is 2^(1-n), when every pair has the same sign.
    """
    return math.floor(1 - math.log2(alpha / num_tests)) + 1


def seeds_needed(spread: float, *, difference: float = 0.01, power: float = 0.8, alpha: float = LEVEL) -> int:
    """Returns how many paired seeds let a two-sided paired t-test find a difference.

    By the noncentral t distribution, for one test planned beforehand: correcting for many tests takes more.

    Args:
      spread: standard deviation over seeds of the paired difference, as observed in a pilot.
      difference: true mean difference to be found.
      power: chance of finding it, in (0, 1).
      alpha: level of the test, in (0, 1).

    Returns:
      The smallest such number, at least 2.

    Raises:
      ValueError: a difference not above 0, or a power or level outside (0, 1).
    """
    checks.positive_float("difference", difference)
    for name, value in (("power", power), ("alpha", alpha)):
        if not 0 < checks.positive_float(name, value) < 1:
            raise ValueError(f"{name} must lie in (0, 1); got {value}.")
    if spread <= 0:
        return 2
    effect = difference / spread
    # The normal approximation is always a little too low, so the search starts there and goes up.
    normal = (stats.norm.isf(alpha / 2) + stats.norm.ppf(power)) / effect
    num_seeds = max(2, math.ceil(normal**2))
    while _power(num_seeds, effect, alpha) < power:
        num_seeds += 1
    return num_seeds


def _power(num_seeds: int, effect: float, alpha: float) -> float:
    freedom, shift = num_seeds - 1, effect * math.sqrt(num_seeds)
    bound = stats.t.isf(alpha / 2, freedom)
    return float(stats.nct.sf(bound, freedom, shift) + stats.nct.cdf(-bound, freedom, shift))
