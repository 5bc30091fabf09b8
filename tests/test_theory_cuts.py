"""Cuts and their quotients against sums over dense matrices, and the relaxation between them."""

import functools
import itertools

import dense_graphs
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dense_graphs import NUM_NODES, eigenpairs, graph_of, random_weights
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ddal_jax import graph_from_edges
from ddal_jax.theory import cuts

seeds = st.integers(0, 10**6)
sides = hnp.arrays(np.bool_, NUM_NODES)
ROUNDING = 1e-5  # sums of some 144 float32 terms
each_seed = pytest.mark.parametrize("seed", range(4))


def cut_by_sum(weights, side):
    return weights[np.ix_(side, ~side)].sum()


def normalized_by_sum(weights, side):
    degrees = weights.sum(axis=1)
    if side.all() or not side.any():
        return np.inf
    return cut_by_sum(weights, side) * (1 / degrees[side].sum() + 1 / degrees[~side].sum())


def every_cut(num_nodes):
    """Each division of the nodes in two, once: node 0 stands on the first side."""
    return np.array([(True, *rest) for rest in itertools.product([True, False], repeat=num_nodes - 1)][1:])


@given(seed=seeds, side=sides)
def test_cuts_are_sums_over_the_edges_between(seed, side):
    weights = random_weights(seed)
    graph = graph_of(weights)

    np.testing.assert_allclose(cuts.cut_weight(graph, side), cut_by_sum(weights, side), rtol=ROUNDING)
    np.testing.assert_allclose(cuts.volume(graph, side), weights[side].sum(), rtol=ROUNDING)
    np.testing.assert_allclose(cuts.normalized_cut(graph, side), normalized_by_sum(weights, side), rtol=ROUNDING)


@given(seed=seeds, side=sides)
def test_the_quotient_of_an_indicator_is_its_normalized_cut(seed, side):
    graph = graph_of(random_weights(seed))

    quotient = cuts.rayleigh_quotient(graph, side.astype(np.float32))

    np.testing.assert_allclose(quotient, cuts.normalized_cut(graph, side), rtol=ROUNDING)


@given(seed=seeds, signal=hnp.arrays(np.float32, NUM_NODES, elements=st.integers(-9, 9)), shift=st.integers(-9, 9))
def test_the_quotient_centres_its_signal_and_lies_in_its_range(seed, signal, shift):
    weights = random_weights(seed)

    quotient = cuts.rayleigh_quotient(graph_of(weights), signal + shift)

    centered = dense_graphs.centered(weights, signal.astype(np.float64))
    size = dense_graphs.dot(weights, centered, centered)
    if np.ptp(signal) == 0:
        assert quotient == np.inf
        return
    energy = size - centered @ weights @ centered
    np.testing.assert_allclose(quotient, energy / size, rtol=1e-4)  # the shift may be nine times the signal
    assert 1 - eigenpairs(weights)[0][1] - ROUNDING <= quotient <= 2 + ROUNDING


@each_seed
def test_phi_2_attains_the_minimum(seed):
    weights = random_weights(seed)
    values, vectors = eigenpairs(weights)

    quotient = cuts.rayleigh_quotient(graph_of(weights), vectors[:, 1])

    np.testing.assert_allclose(quotient, 1 - values[1], rtol=ROUNDING)


@jax.jit
@functools.partial(jax.vmap, in_axes=(None, 0))
def measure(graph, side):
    return cuts.cut_weight(graph, side), cuts.volume(graph, side), cuts.normalized_cut(graph, side)


@each_seed
def test_no_cut_is_below_the_relaxed_minimum_and_the_best_is_not_far_above(seed):
    weights = random_weights(seed, num_nodes=8)
    graph, gap = graph_of(weights), 1 - eigenpairs(weights)[0][1]

    weight, volume, normalized = map(np.asarray, measure(graph, jnp.asarray(every_cut(8))))

    conductance = weight / np.minimum(volume, weights.sum() - volume)
    assert normalized.min() >= gap * (1 - ROUNDING)
    # Cheeger's inequality, both halves.
    assert conductance.min() ** 2 / 2 <= gap * (1 + ROUNDING)
    assert gap <= 2 * conductance.min() * (1 + ROUNDING)


def test_the_sign_cut_finds_the_best_cut_of_two_blocks():
    weights = dense_graphs.blocks_weights(4, 4, bridge=0.5)
    phi = eigenpairs(weights)[1][:, 1]

    side = np.asarray(cuts.sign_cut(phi))

    best = min(every_cut(8), key=lambda side: normalized_by_sum(weights, side))
    assert (side == best).all() or (side == ~best).all()
    np.testing.assert_array_equal(cuts.sign_cut(np.array([-1.0, 0.0, 2.0])), [False, False, True])


def test_the_sign_cut_of_phi_2_need_not_be_the_best_cut():
    """A relaxed optimum rounds to some cut only: here it is 1.8 times the best."""
    weights = random_weights(34, num_nodes=8)
    side = np.asarray(cuts.sign_cut(eigenpairs(weights)[1][:, 1]))

    best = min(normalized_by_sum(weights, other) for other in every_cut(8))

    assert cuts.normalized_cut(graph_of(weights), side) > 1.5 * best


def test_a_cut_with_an_empty_side_is_infinite():
    graph = graph_of(random_weights(0))

    assert cuts.normalized_cut(graph, np.ones(NUM_NODES, bool)) == np.inf
    assert cuts.normalized_cut(graph, np.zeros(NUM_NODES, bool)) == np.inf


@given(seed=seeds, first=sides)
def test_two_classes_that_reach_everything_cut_as_their_sides(seed, first):
    graph = graph_of(random_weights(seed))
    mass = np.where(first[:, None], [0.75, 0.25], [0.25, 0.5]).astype(np.float32)

    labeling = cuts.cut_of_labeling(graph, mass)

    np.testing.assert_array_equal(labeling.classes, np.where(first, 0, 1))
    np.testing.assert_allclose(labeling.weight, cuts.cut_weight(graph, first), rtol=ROUNDING)
    np.testing.assert_allclose(labeling.normalized, cuts.normalized_cut(graph, first), rtol=ROUNDING)
    assert labeling.unreached == 0


@given(seed=seeds, classes=hnp.arrays(np.int32, NUM_NODES, elements=st.integers(-1, 2)))
def test_unreached_nodes_belong_to_no_side(seed, classes):
    """Class -1 stands for a row without mass."""
    weights = random_weights(seed)
    mass = (classes[:, None] == np.arange(3)).astype(np.float32) / 4

    labeling = cuts.cut_of_labeling(graph_of(weights), mass)

    degrees = weights.sum(axis=1)
    sides = [classes == c for c in range(3) if (classes == c).any()]
    leaving = [weights[np.ix_(side, (classes >= 0) & ~side)].sum() for side in sides]
    shares = [weight / degrees[side].sum() for weight, side in zip(leaving, sides, strict=True)]
    np.testing.assert_array_equal(labeling.classes, classes)
    np.testing.assert_allclose(labeling.weight, sum(leaving) / 2, rtol=ROUNDING)
    np.testing.assert_allclose(labeling.normalized, sum(shares) if len(sides) > 1 else np.inf, rtol=ROUNDING)
    np.testing.assert_allclose(labeling.unreached, degrees[classes < 0].sum() / degrees.sum(), rtol=ROUNDING)


def test_equal_masses_go_to_the_lower_class():
    mass = np.full((NUM_NODES, 3), 0.25, np.float32)

    np.testing.assert_array_equal(cuts.cut_of_labeling(graph_of(random_weights(0)), mass).classes, 0)


def test_bad_input_is_refused_by_name(plain_types):
    graph = graph_of(random_weights(0))
    directed = graph_from_edges(np.array([0]), np.array([1]), np.ones(1), num_nodes=2, directed=True)
    for call, error, message in [
        (lambda: cuts.cut_weight(directed, np.ones(2, bool)), TypeError, "^graph must be symmetric.*DirectedGraph"),
        (lambda: cuts.rayleigh_quotient(directed, np.ones(2)), TypeError, "^graph must be symmetric"),
        (lambda: cuts.rayleigh_quotient(graph, np.ones(3)), ValueError, "^signal must have 12 entries"),
        (lambda: cuts.rayleigh_quotient(graph, np.full(12, np.nan)), ValueError, "^signal must be finite"),
        (lambda: cuts.rayleigh_quotient(graph, np.ones((12, 1))), ValueError, r"^signal must have shape \[n\]"),
        (lambda: cuts.normalized_cut(graph, np.ones(12)), TypeError, "^side must be a boolean array"),
        (lambda: cuts.volume(graph, np.ones(3, bool)), ValueError, "^side must have 12 entries"),
        (lambda: cuts.cut_of_labeling(graph, np.ones(12)), ValueError, "^mass must have shape"),
        (lambda: cuts.sign_cut(np.array([np.inf])), ValueError, "^phi must be finite"),
    ]:
        with pytest.raises(error, match=message):
            call()
