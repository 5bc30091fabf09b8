"""Batch rules and their kernels refuse what makes no sense, by name."""

import jax
import numpy as np
import pytest

from ddal_jax import diversity, graph_from_edges, scores

PATH = graph_from_edges(np.array([0, 1]), np.array([1, 2]), np.ones(2), num_nodes=3)
MASK = np.zeros(3, bool)


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: diversity.pick_mass("g", MASK, MASK, num_steps=1), TypeError, "^graph must be a Graph"),
        (lambda: diversity.pick_mass(PATH, MASK[:2], MASK, num_steps=1), ValueError, "^picked must have 3 entries"),
        (lambda: diversity.pick_mass(PATH, MASK, MASK.astype(int), num_steps=1), TypeError, "^labeled must be a bool"),
        (lambda: diversity.pick_mass(PATH, MASK, MASK, num_steps=-1), ValueError, "^num_steps must be at least 0"),
        (lambda: diversity.coverage(PATH, MASK[:2], MASK, num_steps=1), ValueError, "^unreached must have 3 entries"),
        (lambda: diversity.coverage(PATH, MASK, MASK[:, None], num_steps=1), ValueError, "^stopped must have shape"),
        (lambda: diversity.coverage(PATH, MASK, MASK, num_steps=0.5), TypeError, "^num_steps must be an integer"),
        (
            lambda: diversity.local_minima(PATH, np.arange(2), MASK, query_size=1),
            ValueError,
            "^order must have 3 entries",
        ),
        (
            lambda: diversity.local_minima(PATH, np.zeros(3), MASK, query_size=1),
            TypeError,
            "^order must hold integers; got dtype float64",
        ),
        (
            lambda: diversity.local_minima(PATH, np.array([0, 1, 3]), ~MASK, query_size=1),
            ValueError,
            r"^order must lie in \[0, 2\]; got 3",
        ),
        (
            lambda: diversity.local_minima(PATH, np.array([0, 2, 2]), ~MASK, query_size=1),
            ValueError,
            "^order must rank every eligible node differently; got 2 repeatedly",
        ),
        (
            lambda: diversity.local_minima(PATH, np.arange(3), MASK, query_size=0),
            ValueError,
            "^query_size must be at least 1; got 0",
        ),
    ],
)
def test_kernels_refuse(call, error, message):
    with pytest.raises(error, match=message):
        call()


MASS = np.zeros((3, 2), np.float32)


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"criterion": scores.norm}, ValueError, "^criterion must have a pick term, as min_abs, margin, .*; got norm"),
        ({"criterion": scores.uncertainty}, ValueError, "^criterion must have a pick term, .*; got uncertainty"),
        ({"criterion": scores.negative_entropy}, ValueError, "^criterion .*; got negative_entropy"),
        ({"criterion": scores.mass}, ValueError, "^criterion must have a pick term, .*; got mass"),
        ({"criterion": "margin"}, ValueError, "^criterion must have a pick term, .*; got margin"),
        ({"ties": "far"}, ValueError, "^ties must be one of 'random', 'coverage', 'wide_coverage'; got 'far'"),
        ({"query_size": 0}, ValueError, "^query_size must be at least 1; got 0"),
        ({"num_steps": -1}, ValueError, "^num_steps must be at least 0; got -1"),
        ({"num_rediffusions": 0}, ValueError, "^num_rediffusions must be at least 1; got 0"),
        ({"num_rediffusions": 1.5}, TypeError, "^num_rediffusions must be an integer at least 1; got 1.5"),
        ({"num_coverage_steps": -1}, ValueError, "^num_coverage_steps must be at least 0; got -1"),
        ({"num_refine_steps": -1}, ValueError, "^num_refine_steps must be at least 0; got -1"),
        ({"pick_weight": -0.5}, ValueError, "^pick_weight must be at least 0; got -0.5"),
        ({"pick_weight": np.nan}, ValueError, "^pick_weight must be finite"),
        ({"pick_weight": "much"}, TypeError, "^pick_weight must hold real numbers"),
        ({"pick_weight": [1.0]}, ValueError, r"^pick_weight must have shape \(\); got shape \(1,\)"),
        ({"key": 0}, TypeError, "^key must be a single key"),
        ({"graph": "knn"}, TypeError, "^graph must be a Graph"),
        ({"mass": MASS[:2]}, ValueError, "^mass must have 3 entries"),
        ({"labeled": MASK[:2]}, ValueError, "^labeled must have 3 entries"),
        ({"eligible": MASK.astype(int)}, TypeError, "^eligible must be a boolean array"),
        ({"outstanding": MASK[:2]}, ValueError, "^outstanding must have 3 entries"),
        ({"outstanding": MASK.astype(int)}, TypeError, "^outstanding must be a boolean array"),
    ],
)
def test_redistribute_refuses(change, error, message):
    arguments = {"key": jax.random.key(0), "graph": PATH, "mass": MASS, "labeled": MASK, "eligible": ~MASK}

    with pytest.raises(error, match=message):
        diversity.redistribute(**{**arguments, "query_size": 2, "num_steps": 1, **change})
