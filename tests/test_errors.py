"""Bad input is refused at the door: the message names the argument, what came and what is allowed."""

import functools

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from refusals import EITHER, FEATURES, GRAPH, KNN, LABELED, LABELS, MASS, cases, refused

from ddal_jax import (
    diffuse,
    harmonic,
    label_mass,
    nearest_labels,
    reach,
    recommended_num_steps,
    scores,
    signed,
    simplex,
    walk,
)
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.query import QuerySettings
from ddal_jax.selection import lowest

pytestmark = pytest.mark.usefixtures("plain_types")


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


@pytest.mark.parametrize("settings", [GraphSettings, QuerySettings])
def test_settings_take_keywords_alone(settings):
    refused(lambda: settings(3), TypeError, "positional argument")


def test_shapes_and_types_are_checked_while_testing():
    """Guards the strictness that the other modules rely on."""
    jaxtyping.config.update("jaxtyping_disable", False)

    refused(lambda: reach("mass"), jaxtyping.TypeCheckError, "mass")
    refused(lambda: jnp.zeros((2, 3)) + jnp.zeros(3), ValueError, "rank_promotion")


@pytest.mark.parametrize("value", [0, None, "a", np.zeros(2, np.uint32), jnp.zeros(3, jnp.uint32)])
def test_lowest_refuses_what_is_no_key(value):
    refused(lambda: lowest(value, jnp.zeros(5), LABELED, query_size=2), TypeError, "^key must be a single key")


def test_lowest_refuses_several_keys_at_once():
    keys = jax.random.split(jax.random.key(0), 3)

    refused(lambda: lowest(keys, jnp.zeros(5), LABELED, query_size=2), TypeError, r"^key .*; got shape \(3,\)")


@pytest.mark.parametrize("name", MASS_READERS)
def test_mass_that_is_no_array_of_real_numbers_is_refused(name):
    refused(lambda: MASS_READERS[name](np.full((5, 2), "a")), TypeError, "^mass must hold real numbers; got dtype <U1")
    refused(lambda: MASS_READERS[name](None), EITHER, "^mass must")


@pytest.mark.parametrize("name", MASS_READERS)
def test_mass_may_be_a_list(name):
    np.testing.assert_array_equal(MASS_READERS[name]([[0.5, 0.25]]), MASS_READERS[name](jnp.asarray([[0.5, 0.25]])))


def test_a_signal_that_float32_cannot_hold_is_refused():
    refused(lambda: walk(GRAPH, np.full((5, 2), 1e300)), ValueError, "^signal must be finite; got NaN or infinity")
