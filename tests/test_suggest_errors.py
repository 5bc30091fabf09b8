"""The flat door refuses bad input with a message that names the argument, what came and what is allowed."""

import numpy as np
import pytest
from refusals import BAD_FEATURES, EITHER, FEATURES, KNN, LABELED, LABELS, cases, refused

from ddal_jax import graph_from_edges, scores, suggest

pytestmark = pytest.mark.usefixtures("plain_types")

OF_THREE_NODES = graph_from_edges(np.array([0]), np.array([1]), np.ones(1), num_nodes=3)


@cases(*BAD_FEATURES)
def test_suggest_refuses_bad_features(value, error, message):
    refused(lambda: suggest(value, LABELS, query_size=1, num_neighbors=2), error, message)


CRITERIA_KNOWN = ", ".join(map(repr, scores.CRITERIA))


@cases(
    ({"labels": LABELS[:4]}, ValueError, r"^labels must have 5 entries, one per row of features; got shape \(4,\)"),
    ({"labels": LABELS[:, None]}, ValueError, r"^labels must have shape \[n\]; got shape \(5, 1\)"),
    ({"labels": LABELS - 1}, ValueError, "^labels must be at least -1; got -2 at index 2"),
    ({"num_classes": 1}, ValueError, r"^labels must lie in \[-1, 0\] for 1 classes; got 1 at index 1"),
    ({"labels": LABELS.astype(float)}, TypeError, "^labels must hold integers; got dtype float"),
    ({"labels": np.array(["cat", "dog", "", "", ""])}, TypeError, "^labels must hold integers; got dtype <U3"),
    ({"labels": np.array([0, 1, None, None, None])}, TypeError, "^labels must hold integers; got dtype object"),
    ({"labels": np.arange(5)}, ValueError, "^labels leaves nothing left to query"),
    (
        {"labels": np.array([0, 10**9, -1, -1, -1])},
        ValueError,
        "^labels must number the classes from 0, .*; got 1000000000 among 5 rows",
    ),
    ({"query_size": 4}, ValueError, "^query_size must be at most 3, the number of points left to query; got 4"),
    ({"query_size": 0}, ValueError, "^query_size must be at least 1; got 0"),
    ({"query_size": 1.5}, TypeError, "^query_size must be an integer at least 1; got 1.5"),
    ({"query_size": "2"}, TypeError, "^query_size must be an integer at least 1; got '2'"),
    ({"num_classes": 0}, ValueError, "^num_classes must be at least 1; got 0"),
    ({"num_classes": 2.0}, TypeError, "^num_classes must be an integer at least 1; got 2.0"),
    ({"seed": "a"}, TypeError, "^seed must be an integer in .*; got 'a'"),
    ({"seed": 1.5}, TypeError, "^seed must be an integer in .*; got 1.5"),
    ({"seed": -1}, ValueError, r"^seed must be in \[0, 4294967295\]; got -1"),
    ({"seed": 2**32}, ValueError, r"^seed must be in \[0, 4294967295\]; got 4294967296"),
    ({"seed": None}, TypeError, "^seed must be an integer in .*; got None"),
    ({"candidates": np.array([2, 5])}, ValueError, r"^candidates must lie in \[0, 4\]; got 5"),
    ({"candidates": np.array([-1])}, ValueError, r"^candidates must lie in \[0, 4\]; got -1"),
    ({"candidates": np.array([2.0])}, TypeError, "^candidates must be a boolean mask or row indices; got dtype float"),
    ({"candidates": np.array(["2"])}, TypeError, "^candidates must be a boolean mask or row indices; got dtype <U1"),
    ({"candidates": np.ones(4, bool)}, ValueError, r"^candidates must have 5 entries, .*; got shape \(4,\)"),
    ({"candidates": np.ones((5, 1), bool)}, ValueError, r"^candidates must have shape \[n\].*; got shape \(5, 1\)"),
    ({"candidates": LABELED}, ValueError, "^candidates holds nothing left to query"),
    ({"candidates": np.array([], int)}, ValueError, "^candidates holds nothing left to query"),
    ({"candidates": np.array([2]), "query_size": 2}, ValueError, "^query_size must be at most 1, .*; got 2"),
    ({"graph": KNN}, TypeError, "^graph must be a Graph or a DirectedGraph; got KNNGraph"),
    (
        {"graph": OF_THREE_NODES},
        ValueError,
        "^graph must have 5 nodes, one per row of features; got 3",
    ),
    ({"soft_labels": np.ones((4, 2))}, ValueError, r"^soft_labels must have shape \(5, 2\); got \(4, 2\)"),
    ({"soft_labels": np.ones(5)}, ValueError, "^soft_labels must have shape"),
    ({"soft_labels": 0.5}, ValueError, "^soft_labels must have shape"),
    (
        {"soft_labels": np.ones((5, 2))},
        ValueError,
        "^soft_labels must be non-negative and sum to at most 1 .* up to 2.0",
    ),
    ({"soft_labels": -np.ones((5, 2))}, ValueError, "^soft_labels must be non-negative and .*got entries from -1.0"),
    ({"soft_labels": np.full((5, 2), np.nan)}, ValueError, "^soft_labels must be finite"),
    ({"soft_labels": np.full((5, 2), "a")}, EITHER, "^soft_labels .*<U1"),
    ({"soft_labels": np.full((5, 2), 0.5 + 1j)}, EITHER, "^soft_labels .*complex128"),
    ({"soft_labels": np.full((5, 2), 0.5), "num_classes": 3}, ValueError, r"^soft_labels must have shape \(5, 3\)"),
    ({"num_neighbors": 0}, ValueError, "^num_neighbors must be at least 1; got 0"),
    ({"num_neighbors": 5}, ValueError, r"^num_neighbors must be in \[1, 4\] for 5 points; got 5"),
    ({"num_neighbors": 1.5}, TypeError, "^num_neighbors must be an integer at least 1; got 1.5"),
    ({"num_steps": -1}, ValueError, "^num_steps must be at least 0; got -1"),
    ({"num_steps": 1.5}, TypeError, "^num_steps must be an integer at least 0; got 1.5"),
    ({"symmetrize": "min"}, ValueError, "^symmetrize must be one of 'max', .*'none'; got 'min'"),
    ({"metric": "manhattan"}, ValueError, "^metric must be one of 'euclidean', 'cosine'; got 'manhattan'"),
    ({"criterion": "entropy"}, ValueError, f"^criterion must be one of {CRITERIA_KNOWN}; got 'entropy'"),
    ({"criterion": scores.margin}, ValueError, "^criterion must be one of 'min_abs', .*; got <function"),
    ({"diversity": "all"}, ValueError, "^diversity must be one of 'none'.*'local_minima'; got 'all'"),
    ({"ties": "index"}, ValueError, "^ties must be one of 'random', 'coverage', 'wide_coverage'; got 'index'"),
    ({"num_rediffusions": 0}, ValueError, "^num_rediffusions must be at least 1; got 0"),
    ({"num_rediffusions": 2.0}, TypeError, "^num_rediffusions must be an integer at least 1; got 2.0"),
    ({"num_refine_steps": -1}, ValueError, "^num_refine_steps must be at least 0; got -1"),
    *(
        (
            {"criterion": name},
            ValueError,
            f"^criterion must be one of 'min_abs', 'margin', 'root_reach_margin' with .*redistribute.*; got '{name}'",
        )
        for name in ("norm", "norm_1", "norm_infinity", "uncertainty", "negative_entropy", "mass")
    ),
    ({"features": FEATURES * [[1], [1], [0], [1], [1]], "metric": "cosine"}, ValueError, "^features .* zeros in row 2"),
)
def test_suggest_refuses(value, error, message):
    arguments = {"features": FEATURES, "labels": LABELS, "query_size": 1, "num_neighbors": 2, **value}

    refused(lambda: suggest(**arguments), error, message)
