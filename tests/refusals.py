"""Bad input that several doors must refuse, and what a refusal is."""

import jax.numpy as jnp
import numpy as np
import pytest

from ddal_jax import KNNGraph, graph_from_edges

FEATURES = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
LABELS = np.array([0, 1, -1, -1, -1])
LABELED = LABELS >= 0
KNN = KNNGraph(
    jnp.asarray([[1, 2], [0, 2], [0, 1], [0, 1], [0, 1]], jnp.int32), jnp.asarray([[1.0, 2.0]] * 5, jnp.float32)
)
GRAPH = graph_from_edges(np.array([0, 1, 2, 3]), np.array([1, 2, 3, 4]), np.ones(4), num_nodes=5)
MASS = jnp.asarray([[1.0, 0], [0, 1], [0, 0], [0, 0], [0, 0]])


def with_bad_rows(value, *rows):
    features = FEATURES.copy()
    features[list(rows), 1] = value
    return features


def refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def cases(*table):
    """Rows of (value, error, message); a message is a regular expression."""
    return pytest.mark.parametrize(("value", "error", "message"), table, ids=[message for _, _, message in table])


# Where the type is as wrong as the value.
EITHER = (TypeError, ValueError)


BAD_FEATURES = [
    (
        with_bad_rows(np.nan, 3),
        ValueError,
        "^features must be finite; got NaN or infinity in 1 rows, the first being 3",
    ),
    (with_bad_rows(np.inf, 1, 4), ValueError, "^features must be finite; .* in 2 rows, the first being 1, 4"),
    (with_bad_rows(-np.inf, 0, 1, 2, 3), ValueError, "^features must be finite; .* 4 rows, the first being 0, 1, 2"),
    (np.zeros(5), ValueError, r"^features must have shape \[n, d\]; got shape \(5,\)"),
    (np.zeros((5, 3, 1)), ValueError, r"^features must have shape \[n, d\]; got shape \(5, 3, 1\)"),
    (np.zeros((0, 3)), ValueError, r"^features is an empty pool: .*at least one row; got shape \(0, 3\)"),
    (np.zeros((5, 0)), ValueError, r"^features must have at least one column; got shape \(5, 0\)"),
    (np.full((5, 3), 1e19), ValueError, "^features must have a largest absolute value between .*; got 1e\\+19"),
    (np.full((5, 3), 1e300), ValueError, "^features must have a largest absolute value between .*; got 1e\\+300"),
    (np.full((5, 3), -1e-20), ValueError, "^features must have a largest absolute value between .*; got 1e-20"),
    (np.full((5, 3), np.iinfo(np.int64).min), ValueError, "^features must have a largest absolute value between"),
    (FEATURES.astype(complex), TypeError, "^features must hold real numbers; got dtype complex128"),
    (FEATURES > 0, TypeError, "^features must hold real numbers; got dtype bool"),
    (FEATURES.astype(str), TypeError, "^features must hold real numbers; got dtype <U"),
    (FEATURES.astype(object), TypeError, "^features must hold real numbers; got dtype object"),
    (np.full((5, 3), "2020-01-01", "datetime64[D]"), TypeError, "^features must hold real numbers; got dtype datetime"),
    ("points.csv", ValueError, r"^features must have shape \[n, d\]"),
    (None, ValueError, r"^features must have shape \[n, d\]"),
    ([[1.0, 2.0], [3.0]], EITHER, "^features"),
]
