"""Targets as scikit-learn's users give them: one column in which some labels are missing, in whatever form."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Int, Shaped
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets


def label_column(y: Any, missing_label: Any) -> Shaped[np.ndarray, " n"]:
    """Returns `y` as one column in which missing labels are still what they were."""
    if y is None:
        raise ValueError("This estimator requires y to be passed, but the target y is None.")
    column = np.asarray(y)
    if column.dtype.kind == "U" and not isinstance(missing_label, str):
        if not isinstance(y, np.ndarray):
            # NumPy would make strings of -1, NaN and the like that stand among strings.
            column = np.asarray(y, dtype=object)
        elif (column == str(missing_label)).any():
            raise ValueError(
                f"y holds the string {str(missing_label)!r} where missing_label is {missing_label!r}: NumPy turns what "
                "stands among strings into strings. Give y with dtype=object, or make missing_label that string."
            )
    return column_or_1d(column, warn=True)


def encode(y: Shaped[np.ndarray, " n"], missing_label: Any) -> tuple[Shaped[np.ndarray, " c"], Int[np.ndarray, " n"]]:
    """Returns the classes, and for each row the place of its class among them, or -1."""
    known = ~_is_missing(y, missing_label)
    if not known.any():
        raise ValueError(f"y must hold at least one known class; every entry is missing_label={missing_label!r}.")
    values = y[known]
    if values.dtype == object:
        if len({isinstance(value, str) for value in values}) > 1:
            raise ValueError("y must hold strings or numbers as classes; got both.")
        values = np.asarray(values.tolist())
    assert_all_finite(values, input_name="y")
    check_classification_targets(values)
    classes, places = np.unique(values, return_inverse=True)
    codes = np.full(len(y), -1)
    codes[known] = places
    return classes, codes


def _is_missing(y: Shaped[np.ndarray, " n"], missing_label: Any) -> Bool[np.ndarray, " n"]:
    if not _is_no_value(missing_label):
        return np.asarray(y == missing_label, bool)
    if y.dtype.kind == "f":
        return np.isnan(y)
    return np.array([_is_no_value(entry) for entry in y], bool) if y.dtype == object else np.zeros(len(y), bool)


def _is_no_value(entry: Any) -> bool:
    """Tells None, NaN and pandas' NA, which alone are not equal to themselves or will not say so."""
    equal = entry == entry
    return entry is None or not isinstance(equal, bool | np.bool_) or not equal
