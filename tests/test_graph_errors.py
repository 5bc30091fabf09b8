"""Whatever makes a graph refuses bad input with a message that names the argument, what came and what is allowed."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from refusals import BAD_FEATURES, EITHER, FEATURES, GRAPH, KNN, cases, refused

from ddal_jax import KNNGraph, affinity, graph_from_edges, knn_graph

pytestmark = pytest.mark.usefixtures("plain_types")


@cases(*BAD_FEATURES)
def test_knn_graph_refuses_bad_features(value, error, message):
    refused(lambda: knn_graph(value, num_neighbors=2), error, message)


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


@pytest.mark.parametrize("symmetrize", ["max", "none"])
@cases(
    (KNN._replace(neighbors=KNN.neighbors.at[3, 1].set(9)), ValueError, r"^knn.neighbors must lie in \[0, 4\]; got 9"),
    (KNN._replace(neighbors=KNN.neighbors.at[0, 0].set(-1)), ValueError, "^knn.neighbors must lie in .*; got -1"),
    (KNN._replace(neighbors=KNN.neighbors.astype(float)), TypeError, "^knn.neighbors must hold integers; got dtype"),
    (KNN._replace(neighbors=KNN.neighbors[:, 0]), ValueError, r"^knn.neighbors must have shape \[n, k\]"),
    (KNN._replace(sq_distances=KNN.sq_distances[:, :1]), ValueError, "^knn must have as many sq_distances"),
    (KNN._replace(sq_distances=-KNN.sq_distances), ValueError, "^knn.sq_distances must not be negative; got -2.0"),
    (KNN._replace(sq_distances=KNN.sq_distances * jnp.nan), ValueError, "^knn.sq_distances must be finite"),
)
def test_affinity_refuses_neighbours_that_cannot_be(symmetrize, value, error, message):
    refused(lambda: affinity(value, symmetrize=symmetrize), error, message)
