"""The sample complexities against values worked out by hand, and Theorem 2's conditions against dense diffusion."""

import math

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import cases, refused

from ddal_jax import graph_from_edges
from ddal_jax.theory import bounds, separable
from ddal_jax.theory.separable import SeparableCase

shares = st.floats(0.01, 0.5)
failures = st.floats(0.001, 0.9)


def test_the_coupon_term_is_what_the_papers_formula_gives():
    assert bounds.coupon_queries(0.5, 0.05) == pytest.approx(math.log(40) / math.log(2), rel=1e-12)
    assert math.ceil(bounds.coupon_queries(0.5, 0.05)) == 6
    assert math.ceil(bounds.coupon_queries(0.1, 0.05)) == 51


@given(balancedness=shares, failure=failures)
def test_that_many_draws_see_both_classes_as_often_as_promised(balancedness, failure):
    draws = math.ceil(bounds.coupon_queries(balancedness, failure))

    assert bounds.both_classes_probability(balancedness, draws) >= 1 - failure


def test_the_probability_of_both_classes_counts_the_draws_that_see_one():
    # Of the eight ways to draw three times from two equal halves, two see one half alone.
    assert bounds.both_classes_probability(0.5, 3) == 0.75
    assert bounds.both_classes_probability(0.1, 1) == 0.0
    assert bounds.both_classes_probability(0.1, 2) == pytest.approx(2 * 0.1 * 0.9, rel=1e-12)


@given(balancedness=shares, failure=failures)
def test_more_is_asked_of_rarer_classes_and_surer_searches(balancedness, failure):
    now = bounds.coupon_queries(balancedness, failure)

    assert bounds.coupon_queries(balancedness / 2, failure) > now
    assert bounds.coupon_queries(balancedness, failure / 2) > now


def test_the_bound_of_s2_adds_coupons_searches_and_the_walk_along_the_cut():
    on_a_path = bounds.s2_bound(0.5, 0.05, num_nodes=1000, cut_size=2, num_cut_components=1, kappa=1)
    on_a_plane = bounds.s2_bound(0.5, 0.05, num_nodes=576, cut_size=48, num_cut_components=1, kappa=3)

    coupons = bounds.coupon_queries(0.5, 0.05)
    assert on_a_path == pytest.approx(coupons + 10 + 2, rel=1e-12)
    assert on_a_plane == pytest.approx(coupons + (10 - 2) + 48 * 3, rel=1e-12)


def test_theorem_1_as_printed_adds_its_constant_times_the_rest():
    printed = bounds.theorem1_as_printed(0.5, 0.05, num_nodes=256, num_neighbors=4, dimension=2, cut_size=32)
    doubled = bounds.theorem1_as_printed(
        0.5, 0.05, num_nodes=256, num_neighbors=4, dimension=2, cut_size=32, constant=2.0
    )

    coupons = bounds.coupon_queries(0.5, 0.05)
    assert printed == pytest.approx(coupons + 2 * 4 + 32, rel=1e-12)
    assert doubled == pytest.approx(coupons + 2 * (2 * 4 + 32), rel=1e-12)


def test_the_fit_counts_the_boundary_nearly_one_and_a_half_times():
    fit = bounds.theorem1_fit_unproved(3.0, num_nodes=64, cut_size=20, num_cut_components=2)

    assert fit == pytest.approx(3 + 29 + 12, rel=1e-12)
    assert "UNPROVED" in (bounds.theorem1_fit_unproved.__doc__ or "")


@given(num_nodes=st.integers(100, 10_000), cut_size=st.integers(0, 98))
def test_every_count_grows_with_the_graph_and_with_the_cut(num_nodes, cut_size):
    def counts(num_nodes, cut_size):
        size = {"num_nodes": num_nodes, "cut_size": cut_size}
        return np.array([
            bounds.s2_bound(0.3, 0.1, num_cut_components=1, kappa=3, **size),
            bounds.theorem1_as_printed(0.3, 0.1, num_neighbors=4, dimension=2, **size),
            bounds.theorem1_fit_unproved(3, num_cut_components=1, **size),
        ])  # fmt: skip

    now = counts(num_nodes, cut_size)

    assert (counts(2 * num_nodes, cut_size) > now).all()
    assert (counts(num_nodes, cut_size + 1) > now).all()


def test_separation_counts_the_root_of_the_dimension_in_its_denominator():
    assert bounds.sigmas_between(1, 2) == pytest.approx(2.828427, abs=1e-6)
    assert bounds.sigmas_between(1.0, 10) == pytest.approx(6.324555, abs=1e-6)


def test_errors_of_two_gaussians_at_a_known_distance():
    # Two sigma apart, a point is wrong where it strays more than one sigma towards the other centre.
    assert bounds.two_gaussians_bayes_error(2.0) == pytest.approx(0.158655, abs=1e-6)
    assert bounds.sign_cut_error_bound(2.0) == pytest.approx(math.exp(-0.5), rel=1e-12)


@given(sigmas=st.floats(0.01, 20))
def test_no_classifier_is_much_better_than_the_rate_of_theorem_3(sigmas):
    best, rate = bounds.two_gaussians_bayes_error(sigmas), bounds.sign_cut_error_bound(sigmas)

    assert 0 < best <= rate / 2
    # Mills' ratio from below.
    tail = math.exp(-(sigmas**2) / 8) / math.sqrt(2 * math.pi)
    assert best >= tail * (sigmas / 2) / (1 + (sigmas / 2) ** 2)


GOOD_GRID = {"num_nodes": 64, "cut_size": 2, "num_cut_components": 1, "kappa": 1}


@cases(
    (lambda: bounds.coupon_queries(0.6, 0.1), ValueError, "balancedness must be at most 0.5.*got 0.6"),
    (lambda: bounds.coupon_queries(0.0, 0.1), ValueError, "balancedness must be a finite number above 0; got 0.0"),
    (lambda: bounds.coupon_queries(0.5, 1.0), ValueError, "failure must be below 1; got 1.0"),
    (lambda: bounds.both_classes_probability(0.5, 0), ValueError, "num_draws must be at least 1; got 0"),
    (
        lambda: bounds.s2_bound(0.5, 0.1, **GOOD_GRID | {"cut_size": 65}),
        ValueError,
        r"cut_size must be in \[0, 64\] for 64 nodes; got 65",
    ),
    (lambda: bounds.s2_bound(0.5, 0.1, **GOOD_GRID | {"kappa": 0}), ValueError, "kappa must be at least 1; got 0"),
    (lambda: bounds.sign_cut_error_bound(-1.0), ValueError, "sigmas must be a finite number above 0; got -1.0"),
    (lambda: bounds.sigmas_between(1.0, 0), ValueError, "dimension must be at least 1; got 0"),
)
def test_what_no_formula_is_for_is_refused(value, error, message):
    refused(value, error, message)


CLASSES = np.array([0, 0, 0, 1, 1, 1])
# Each class a path of three; labels at one end of each, so every node has one within two hops.
WITHIN = [(0, 1), (1, 2), (3, 4), (4, 5)]
LABELED = np.isin(np.arange(6), [0, 3])


def graph_of(edges):
    senders, receivers = np.array(edges).T
    return graph_from_edges(senders, receivers, np.ones(len(edges)), num_nodes=6)


@pytest.mark.parametrize(
    ("edges", "labeled", "num_steps", "failing"),
    [
        (WITHIN, LABELED, 2, None),
        ([*WITHIN, (2, 3)], LABELED, 2, "no_cross_edges"),
        (WITHIN[1:], LABELED, 2, "all_reached"),
        (WITHIN, np.arange(6) == 0, 2, "all_labeled"),
        (WITHIN, LABELED, 1, "enough_steps"),
    ],
)
def test_each_condition_of_theorem_2_fails_on_its_own(edges, labeled, num_steps, failing):
    case = separable.separable_case(graph_of(edges), CLASSES, labeled, num_steps=num_steps)

    assert case == SeparableCase(*[name != failing for name in SeparableCase._fields])
    assert case.holds == (failing is None)


def test_a_class_is_reached_only_through_itself():
    """Node 1 reaches the label of its class through class 1 alone."""
    case = separable.separable_case(graph_of([(0, 3), (3, 1), (1, 2), (3, 4), (4, 5)]), CLASSES, LABELED, num_steps=6)

    assert not case.all_reached


def test_no_label_at_all_labels_no_class():
    case = separable.separable_case(graph_of(WITHIN), CLASSES, np.zeros(6, bool), num_steps=9)

    assert case == SeparableCase(True, True, False, True)


@given(
    edges=st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda edge: edge[0] < edge[1])),
    labels=st.sets(st.integers(0, 5), min_size=1),
    num_steps=st.integers(0, 5),
    crossing=st.booleans(),
)
def test_where_the_conditions_hold_diffusion_is_right_at_every_node(edges, labels, num_steps, crossing):
    kept = sorted(edge for edge in edges | {(0, 1)} if crossing or CLASSES[edge[0]] == CLASSES[edge[1]])
    graph = graph_of(kept)
    labeled = np.isin(np.arange(6), sorted(labels))

    case = separable.separable_case(graph, CLASSES, labeled, num_steps=num_steps)

    matrix = oracles.transition(oracles.dense(graph))
    mass = oracles.clamped_diffusion(matrix, oracles.one_hot(CLASSES, labeled, 2), labeled, num_steps)
    right = mass[np.arange(6), CLASSES] > mass[np.arange(6), 1 - CLASSES]
    if case.holds:
        assert right.all()
    if case.no_cross_edges:
        assert case.holds == right.all()


def test_two_queries_are_promised_only_to_connected_classes_apart_and_enough_steps():
    promised = separable.promised_queries

    assert promised(graph_of(WITHIN), CLASSES, num_steps=2) == 2
    assert promised(graph_of(WITHIN), CLASSES, num_steps=1) is None
    assert promised(graph_of([*WITHIN, (2, 3)]), CLASSES, num_steps=9) is None
    assert promised(graph_of(WITHIN[1:]), CLASSES, num_steps=9) is None


def test_a_query_is_promised_for_each_class():
    assert separable.promised_queries(graph_of([(0, 1), (2, 3), (4, 5)]), np.arange(6) // 2, num_steps=1) == 3


def test_in_a_directed_graph_a_node_reaches_what_its_edges_lead_to():
    pointing = np.array([1, 2, 4, 5]), np.array([0, 1, 3, 4])
    towards = graph_from_edges(*pointing, np.ones(4), num_nodes=6, directed=True)
    away = graph_from_edges(*pointing[::-1], np.ones(4), num_nodes=6, directed=True)

    assert separable.separable_case(towards, CLASSES, LABELED, num_steps=2).holds
    assert not separable.separable_case(away, CLASSES, LABELED, num_steps=9).all_reached


@pytest.mark.usefixtures("plain_types")
def test_conditions_refuse_what_does_not_fit_the_graph():
    graph = graph_of(WITHIN)

    refused(
        lambda: separable.separable_case(graph, CLASSES[:5], LABELED, num_steps=1),
        ValueError,
        "classes must have 6 entries, one per node; got shape",
    )
    refused(
        lambda: separable.separable_case(graph, CLASSES, LABELED.astype(int), num_steps=1),
        TypeError,
        "labeled must be a boolean array",
    )
    refused(
        lambda: separable.separable_case(graph, CLASSES, LABELED, num_steps=-1),
        ValueError,
        "num_steps must be at least 0; got -1",
    )
