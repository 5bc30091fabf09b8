"""Refusals at the public boundary: every message names the argument, what came and what is allowed.

Here stand the facts that need no array library: numbers, names, ranks and lengths.
"""

import math
import operator
from collections.abc import Collection
from typing import Any

import numpy as np

INT32_MAX = 2**31 - 1


def integer(name: str, value: Any, *, low: int, high: int | None = None, why: str = "") -> int:
    """Returns `value` as an int within `[low, high]`, or refuses it."""
    allowed = f"at least {low}" if high is None else f"in [{low}, {high}]"
    allowed += f" {why}" if why else ""
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be an integer {allowed}; got {value!r}.")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer {allowed}; got {value!r}.") from None
    if number < low or (high is not None and number > high):
        raise ValueError(f"{name} must be {allowed}; got {number}.")
    return number


def positive_float(name: str, value: Any) -> float:
    """Returns `value` as a finite float above zero, or refuses it."""
    if isinstance(value, bool | str) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be a number above 0; got {value!r}.")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a finite number above 0; got {value!r}.")
    return float(value)


def choice(name: str, value: Any, known: Collection[str]) -> str:
    """Returns `value` if it is a known name, or lists those."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}; got {value!r}.")
    return value


def rank(name: str, array: Any, expected: int, layout: str) -> None:
    """Refuses an array whose number of axes is not `expected`."""
    if np.ndim(array) != expected:
        raise ValueError(f"{name} must have shape {layout}; got shape {np.shape(array)}.")


def length(name: str, array: Any, expected: int, counted: str) -> None:
    """Refuses an array whose first axis does not count what it should."""
    if np.shape(array)[0] != expected:
        raise ValueError(f"{name} must have {expected} entries, one per {counted}; got shape {np.shape(array)}.")


def num_neighbors(value: Any, num_points: int) -> int:
    """Returns K within `[1, n - 1]`, or refuses it."""
    if num_points > INT32_MAX:
        raise ValueError(
            f"features must have at most {INT32_MAX} rows, since node indices are int32; got {num_points}."
        )
    if num_points < 2:
        raise ValueError(f"features must have at least 2 rows, or no point has a neighbor; got {num_points}.")
    return integer("num_neighbors", value, low=1, high=num_points - 1, why=f"for {num_points} points")
