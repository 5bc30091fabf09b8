"""Bad input is refused at the door: the message names the argument, what came and what is allowed."""

import functools

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

from ddal_jax import (
    KNNGraph,
    affinity,
    diffuse,
    graph_from_edges,
    harmonic,
    knn_graph,
    label_mass,
    nearest_labels,
    reach,
    recommended_num_steps,
    scores,
    signed,
    simplex,
    suggest,
    walk,
)
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.query import QuerySettings
from ddal_jax.selection import lowest

pytestmark = pytest.mark.usefixtures("plain_types")

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


@cases(*BAD_FEATURES)
def test_knn_graph_refuses_bad_features(value, error, message):
    refused(lambda: knn_graph(value, num_neighbors=2), error, message)


@cases(*BAD_FEATURES)
def test_suggest_refuses_bad_features(value, error, message):
    refused(lambda: suggest(value, LABELS, query_size=1, num_neighbors=2), error, message)


def test_knn_graph_refuses_features_whose_distances_would_overflow():
    features = np.where(np.arange(4)[:, None] % 2, 1e17, -1e17) * np.ones((4, 10_000), np.float32)

    refused(lambda: knn_graph(features, num_neighbors=2), ValueError, "^features")


@cases(
    (jax.ShapeDtypeStruct((5,), jnp.float32), ValueError, r"^features must have shape \[n, d\]; got shape \(5,\)"),
    (jax.ShapeDtypeStruct((5, 0), jnp.float32), ValueError, "^features must have at least one column"),
    (jax.ShapeDtypeStruct((0, 3), jnp.float32), ValueError, "^features .* at least"),
    (jax.ShapeDtypeStruct((5, 3), jnp.bool_), TypeError, "^features must hold real numbers; got dtype bool"),
    (jax.ShapeDtypeStruct((5, 3), jnp.complex64), TypeError, "^features must hold real numbers; got dtype complex64"),
    (
        jax.ShapeDtypeStruct((2**31, 2), jnp.float32),
        ValueError,
        "^features must have at most 2147483647 rows.*2147483648",
    ),
)
def test_knn_graph_refuses_what_a_traced_array_shows(value, error, message):
    refused(lambda: jax.eval_shape(functools.partial(knn_graph, num_neighbors=2), value), error, message)


@cases(
    (0, ValueError, r"^num_neighbors must be in \[1, 4\] for 5 points; got 0"),
    (-3, ValueError, r"^num_neighbors must be in \[1, 4\] for 5 points; got -3"),
    (5, ValueError, r"^num_neighbors must be in \[1, 4\] for 5 points; got 5"),
    (2.0, TypeError, "^num_neighbors must be an integer in .*; got 2.0"),
    ("2", TypeError, "^num_neighbors must be an integer in .*; got '2'"),
    (True, TypeError, "^num_neighbors must be an integer in .*; got True"),
    (None, TypeError, "^num_neighbors must be an integer in .*; got None"),
)
def test_knn_graph_refuses_a_bad_number_of_neighbors(value, error, message):
    refused(lambda: knn_graph(FEATURES, num_neighbors=value), error, message)


def test_a_single_point_has_no_neighbor():
    refused(lambda: knn_graph(FEATURES[:1], num_neighbors=1), ValueError, "^features must have at least 2 rows.*got 1")


@pytest.mark.parametrize("name", ["block_size", "memory_budget"])
@cases(
    (0, ValueError, "must be at least 1; got 0"),
    (-1, ValueError, "must be at least 1; got -1"),
    (1.5, TypeError, "must be an integer at least 1; got 1.5"),
    (True, TypeError, "must be an integer at least 1; got True"),
)
def test_knn_graph_refuses_bad_sizes(name, value, error, message):
    refused(lambda: knn_graph(FEATURES, num_neighbors=2, **{name: value}), error, f"^{name} {message}")


@pytest.mark.parametrize("value", ["fastest", "DENSE", None, 3])
def test_knn_graph_lists_the_methods_it_knows(value):
    refused(
        lambda: knn_graph(FEATURES, num_neighbors=2, method=value), ValueError, "^method must be one of 'auto', 'dense'"
    )


@pytest.mark.parametrize("value", ["min", None, 0])
def test_affinity_lists_the_ways_it_knows(value):
    refused(
        lambda: affinity(KNN, symmetrize=value),
        ValueError,
        "^symmetrize must be one of 'max', 'mean', 'mutual', 'self_tuning', 'none'; got",
    )


def test_affinity_refuses_more_edges_than_int32_counts():
    huge = KNNGraph(
        jax.ShapeDtypeStruct((2**29, 4), jnp.int32),
        jax.ShapeDtypeStruct((2**29, 4), jnp.float32),
    )

    refused(lambda: jax.eval_shape(affinity, huge), ValueError, "^knn must have at most 2147483647 edges")


@pytest.mark.parametrize("value", [FEATURES, GRAPH, None], ids=["array", "Graph", "None"])
def test_affinity_refuses_what_is_no_knn_graph(value):
    refused(lambda: affinity(value), TypeError, "^knn must be a KNNGraph")


edges = {"senders": np.array([0, 1]), "receivers": np.array([1, 2]), "weights": np.array([1.0, 2.0]), "num_nodes": 3}


def build(**changed):
    return graph_from_edges(**{**edges, **changed})


@pytest.mark.parametrize("name", ["senders", "receivers"])
@cases(
    (np.array([0, 3]), ValueError, r"must lie in \[0, 2\]; got 3 at edge 1"),
    (np.array([-1, 0]), ValueError, r"must lie in \[0, 2\]; got -1 at edge 0"),
    (np.array([0.0, 1.0]), TypeError, "must hold integers; got dtype float64"),
    (np.array(["a", "b"]), TypeError, "must hold integers; got dtype <U1"),
    (np.array([[0, 1]]), ValueError, r"must have shape \[e\]; got shape \(1, 2\)"),
)
def test_graph_from_edges_refuses_bad_endpoints(name, value, error, message):
    refused(lambda: build(**{name: value}), error, f"^{name} {message}")


@cases(
    ({"receivers": np.array([1])}, ValueError, r"^receivers must have 2 entries, one per edge; got shape \(1,\)"),
    ({"weights": np.ones(3)}, ValueError, r"^weights must have 2 entries, one per edge; got shape \(3,\)"),
    ({"weights": np.ones((2, 1))}, ValueError, r"^weights must have shape \[e\]"),
    ({"weights": np.array([1, 0.0])}, ValueError, "^weights must be finite and above 0 .* got 0.0 at edge 1"),
    ({"weights": np.array([-1.0, 1])}, ValueError, "^weights must be finite and above 0 .* got -1.0 at edge 0"),
    ({"weights": np.array([1, np.nan])}, ValueError, "^weights must be finite and above 0 .* got nan at edge 1"),
    ({"weights": np.array([1, np.inf])}, ValueError, "^weights must be finite and above 0 .* got inf at edge 1"),
    ({"weights": np.array([1, 1e-50])}, ValueError, "^weights must be finite and above 0 .* got 1e-50 at edge 1"),
    ({"weights": np.array([1, 1e50])}, ValueError, "^weights must be finite and above 0 .* got 1e\\+50 at edge 1"),
    ({"weights": np.array(["1", "2"])}, EITHER, "^weights .*<U1"),
    ({"weights": np.array([1 + 2j, 1])}, EITHER, "^weights .*complex128"),
    ({"receivers": np.array([0, 2])}, ValueError, "^senders and receivers must differ .* self-loop at node 0"),
    ({"senders": np.array([0, 0]), "receivers": np.array([1, 1])}, ValueError, "must list each edge once; got 0 -> 1"),
    ({"receivers": np.array([1, 0])}, ValueError, "must list each edge once; got 0 -> 1"),
    ({"num_nodes": 0}, ValueError, r"^num_nodes must be in \[1, 2147483647\]; got 0"),
    ({"num_nodes": 3.0}, TypeError, "^num_nodes must be an integer in .*; got 3.0"),
    ({"num_nodes": 2**31}, ValueError, "^num_nodes must be in .*; got 2147483648"),
    ({"row_length": 0}, ValueError, "^row_length must be at least 1; got 0"),
    ({"row_length": 1.5}, TypeError, "^row_length must be an integer at least 1; got 1.5"),
)
def test_graph_from_edges_refuses(value, error, message):
    refused(lambda: build(**value), error, message)


BAD_SIGNALS = [
    (jnp.zeros(5), ValueError, r"must have shape \[n, c\]; got shape \(5,\)"),
    (jnp.zeros((5, 2, 1)), ValueError, r"must have shape \[n, c\]; got shape \(5, 2, 1\)"),
    (jnp.zeros((4, 2)), ValueError, r"must have 5 entries, one per node; got shape \(4, 2\)"),
    (MASS.at[2, 1].set(jnp.nan), ValueError, "must be finite; got NaN or infinity"),
    (MASS.at[2, 1].set(jnp.inf), ValueError, "must be finite; got NaN or infinity"),
    (jnp.zeros((5, 0)), ValueError, r".*at least one class; got shape \(5, 0\)"),
    (np.full((5, 2), "a"), EITHER, ".*<U1"),
    (MASS.astype(jnp.complex64), EITHER, ".*complex64"),
]
BAD_MASKS = [
    (np.zeros((5, 1), bool), ValueError, r"must have shape \[n\]; got shape \(5, 1\)"),
    (np.zeros(4, bool), ValueError, r"must have 5 entries, one per node; got shape \(4,\)"),
    (np.zeros(5, int), TypeError, "must be a boolean array; got dtype int"),
    (np.zeros(5), TypeError, "must be a boolean array; got dtype float"),
    (np.full(5, "a"), TypeError, "must be a boolean array; got dtype <U1"),
    (np.full(5, None), TypeError, "must be a boolean array; got dtype object"),
]
BAD_STEPS = [
    (-1, ValueError, "must be at least 0; got -1"),
    (2.0, TypeError, "must be an integer at least 0; got 2.0"),
    ("2", TypeError, "must be an integer at least 0; got '2'"),
    (True, TypeError, "must be an integer at least 0; got True"),
    (None, TypeError, "must be an integer at least 0; got None"),
]
DIFFUSIONS = {
    "diffuse": functools.partial(diffuse, num_steps=2),
    "harmonic": harmonic,
}


@cases(*BAD_SIGNALS)
def test_walk_refuses_bad_signals(value, error, message):
    refused(lambda: walk(GRAPH, value), error, f"^signal {message}")


@pytest.mark.parametrize("name", DIFFUSIONS)
@cases(*BAD_SIGNALS)
def test_diffusions_refuse_bad_mass(name, value, error, message):
    refused(lambda: DIFFUSIONS[name](GRAPH, value, LABELED), error, f"^mass {message}")


@pytest.mark.parametrize("name", DIFFUSIONS)
@pytest.mark.parametrize("dtype", [np.int32, np.bool_, np.float16, np.float64])
def test_mass_of_any_real_type_is_used_as_float32(name, dtype):
    diffusion = DIFFUSIONS[name]

    result = diffusion(GRAPH, np.asarray(MASS).astype(dtype), LABELED)

    jax.tree.map(np.testing.assert_array_equal, result, diffusion(GRAPH, MASS, LABELED))


@pytest.mark.parametrize("name", DIFFUSIONS)
@cases(*BAD_MASKS)
def test_diffusions_refuse_bad_masks(name, value, error, message):
    refused(lambda: DIFFUSIONS[name](GRAPH, MASS, value), error, f"^labeled {message}")


@cases(*BAD_MASKS)
def test_nearest_labels_refuses_bad_masks(value, error, message):
    refused(lambda: nearest_labels(GRAPH, value, num_steps=2), error, f"^labeled {message}")


@cases(*BAD_STEPS)
def test_bad_numbers_of_steps_are_refused(value, error, message):
    for call in (
        lambda: diffuse(GRAPH, MASS, LABELED, num_steps=value),
        lambda: nearest_labels(GRAPH, LABELED, num_steps=value),
    ):
        refused(call, error, f"^num_steps {message}")


GRAPH_READERS = {
    "walk": lambda graph: walk(graph, MASS),
    "diffuse": lambda graph: diffuse(graph, MASS, LABELED, num_steps=2),
    "harmonic": lambda graph: harmonic(graph, MASS, LABELED),
    "nearest_labels": lambda graph: nearest_labels(graph, LABELED, num_steps=2),
}


@pytest.mark.parametrize("name", GRAPH_READERS)
@pytest.mark.parametrize("value", [KNN, FEATURES, None], ids=["KNNGraph", "array", "None"])
def test_what_is_no_graph_is_refused(name, value):
    refused(lambda: GRAPH_READERS[name](value), TypeError, "^graph must be a Graph or a DirectedGraph; got")


def test_what_a_traced_array_shows_is_refused_inside_a_callers_jit():
    traced = jax.jit(functools.partial(diffuse, num_steps=2))

    refused(lambda: traced(GRAPH, MASS[:4], LABELED), ValueError, "^mass must have 5 entries")
    refused(lambda: traced(GRAPH, MASS, LABELED.astype(int)), TypeError, "^labeled must be a boolean array")


@cases(
    ({"tolerance": 0}, ValueError, "^tolerance must be a finite number above 0; got 0"),
    ({"tolerance": -1e-3}, ValueError, "^tolerance must be a finite number above 0; got -0.001"),
    ({"tolerance": np.nan}, ValueError, "^tolerance must be a finite number above 0; got nan"),
    ({"tolerance": np.inf}, ValueError, "^tolerance must be a finite number above 0; got inf"),
    ({"tolerance": "1e-3"}, TypeError, "^tolerance must be a number above 0; got '1e-3'"),
    ({"tolerance": True}, TypeError, "^tolerance must be a number above 0; got True"),
    ({"tolerance": None}, TypeError, "^tolerance must be a number above 0; got None"),
    ({"max_steps": 0}, ValueError, "^max_steps must be .*; got 0"),
    ({"max_steps": 10.0}, TypeError, "^max_steps must be an integer .*; got 10.0"),
    ({"max_steps": 2**31}, ValueError, "^max_steps must be .*; got 2147483648"),
)
def test_harmonic_refuses_bad_limits(value, error, message):
    refused(lambda: harmonic(GRAPH, MASS, LABELED, **value), error, message)


start = {"labels": LABELS, "labeled": LABELED, "num_classes": 2}


@cases(
    (
        {"labels": np.array([0, 2, -1, -1, -1])},
        ValueError,
        r"^labels must lie in \[0, 1\] for 2 classes; got 2 at index 1",
    ),
    ({"labels": np.full(5, -1)}, ValueError, r"^labels must lie in \[0, 1\] for 2 classes; got -1 at index 0"),
    (
        {"labels": np.array([2**32, 1, 0, 0, 0])},
        ValueError,
        r"^labels must lie in \[0, 1\] .*; got 4294967296 at index 0",
    ),
    ({"labels": LABELS.astype(float)}, TypeError, "^labels must hold integers; got dtype float"),
    ({"labels": LABELED}, TypeError, "^labels must hold integers; got dtype bool"),
    ({"labels": np.array(list("abcde"))}, TypeError, "^labels must hold integers; got dtype <U1"),
    ({"labels": np.full(5, None)}, TypeError, "^labels must hold integers; got dtype object"),
    ({"labels": LABELS[:, None]}, ValueError, r"^labels must have shape \[n\]; got shape \(5, 1\)"),
    ({"labeled": LABELED[:4]}, ValueError, r"^labeled must have 5 entries.*; got shape \(4,\)"),
    ({"labeled": LABELS}, TypeError, "^labeled must be a boolean array; got dtype int"),
    ({"num_classes": 0}, ValueError, "^num_classes must be at least 1; got 0"),
    ({"num_classes": 2.0}, TypeError, "^num_classes must be an integer at least 1; got 2.0"),
    ({"num_classes": True}, TypeError, "^num_classes must be an integer at least 1; got True"),
)
def test_label_mass_refuses(value, error, message):
    refused(lambda: label_mass(**{**start, **value}), error, message)


MASS_READERS = {"reach": reach, "signed": signed, "simplex": simplex, **scores.CRITERIA}


@pytest.mark.parametrize("name", MASS_READERS)
@pytest.mark.parametrize("value", [jnp.zeros(()), jnp.zeros((5, 0))])
def test_mass_without_classes_is_refused(name, value):
    refused(
        lambda: MASS_READERS[name](value), ValueError, r"^mass must have shape \[n, c\] with at least one class; got"
    )


@pytest.mark.parametrize("value", [0.5, -1, np.nan, "2", True, None])
def test_norm_refuses_bad_orders(value):
    refused(lambda: scores.norm(MASS, p=value), EITHER, r"^p must be a number in \[1, infinity\]; got")


pick = {"scores": jnp.zeros(5), "labeled": LABELED, "query_size": 2}


@cases(
    ({"query_size": 0}, ValueError, "^query_size must be at least 1; got 0"),
    ({"query_size": 1.5}, TypeError, "^query_size must be an integer at least 1; got 1.5"),
    ({"query_size": True}, TypeError, "^query_size must be an integer at least 1; got True"),
    ({"scores": jnp.zeros((5, 1))}, ValueError, r"^scores must have shape \[n\]; got shape \(5, 1\)"),
    ({"scores": jnp.zeros(5, jnp.int32)}, EITHER, "^scores .*int32"),
    ({"scores": jnp.zeros(5, jnp.complex64)}, EITHER, "^scores .*complex64"),
    ({"scores": np.full(5, "a")}, EITHER, "^scores .*<U1"),
    ({"scores": jnp.zeros(0), "labeled": np.zeros(0, bool)}, ValueError, "^scores .*at least"),
    ({"labeled": LABELED[:4]}, ValueError, r"^labeled must have 5 entries, one per node; got shape \(4,\)"),
    ({"labeled": LABELS}, TypeError, "^labeled must be a boolean array; got dtype int"),
)
def test_lowest_refuses(value, error, message):
    refused(lambda: lowest(jax.random.key(0), **{**pick, **value}), error, message)


@pytest.mark.parametrize("name", ["num_points", "num_neighbors"])
@cases(
    (0, ValueError, "must be at least 1; got 0"),
    (1.5, TypeError, "must be an integer at least 1; got 1.5"),
    (True, TypeError, "must be an integer at least 1; got True"),
)
def test_recommended_num_steps_refuses(name, value, error, message):
    sizes = {"num_points": 10, "num_neighbors": 2, name: value}

    refused(lambda: recommended_num_steps(**sizes), error, f"^{name} {message}")


CRITERIA_KNOWN = ", ".join(map(repr, scores.CRITERIA))


@cases(
    ({"labels": LABELS[:4]}, ValueError, r"^labels must have 5 entries, one per row of features; got shape \(4,\)"),
    ({"labels": LABELS[:, None]}, ValueError, r"^labels must have shape \[n\]; got shape \(5, 1\)"),
    ({"labels": LABELS - 1}, ValueError, r"^labels must lie in \[-1, .*; got -2 at index 2"),
    ({"num_classes": 1}, ValueError, r"^labels must lie in \[-1, 0\] for 1 classes; got 1 at index 1"),
    ({"labels": LABELS.astype(float)}, TypeError, "^labels must hold integers; got dtype float"),
    ({"labels": np.array(["cat", "dog", "", "", ""])}, TypeError, "^labels must hold integers; got dtype <U3"),
    ({"labels": np.array([0, 1, None, None, None])}, TypeError, "^labels must hold integers; got dtype object"),
    ({"labels": np.arange(5)}, ValueError, "^candidates holds nothing left to query"),
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
    ({"graph": build()}, ValueError, "^graph must have 5 nodes, one per row of features; got 3"),
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
    ({"diversity": "all"}, ValueError, "^diversity must be one of 'none'.*; got 'all'"),
    ({"ties": "index"}, ValueError, "^ties must be one of 'random'.*; got 'index'"),
    ({"features": FEATURES * [[1], [1], [0], [1], [1]], "metric": "cosine"}, ValueError, "^features .* zeros in row 2"),
)
def test_suggest_refuses(value, error, message):
    arguments = {"features": FEATURES, "labels": LABELS, "query_size": 1, "num_neighbors": 2, **value}

    refused(lambda: suggest(**arguments), error, message)


@pytest.mark.parametrize("settings", [GraphSettings, QuerySettings])
def test_settings_take_keywords_alone(settings):
    refused(lambda: settings(3), TypeError, "positional argument")


def test_shapes_and_types_are_checked_while_testing():
    """Guards the strictness that the other modules rely on."""
    jaxtyping.config.update("jaxtyping_disable", False)

    refused(lambda: reach("mass"), jaxtyping.TypeCheckError, "mass")
    refused(lambda: jnp.zeros((2, 3)) + jnp.zeros(3), ValueError, "rank_promotion")
