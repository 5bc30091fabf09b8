"""Criteria on cases worked by hand, and the identities that tie them together."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from ddal_jax import diffuse, graph_from_edges, label_mass, reach, scores, signed, simplex

# Compiled whole: one by one, their operations would each compile for every shape.
criteria = {name: jax.jit(criterion) for name, criterion in scores.CRITERIA.items()}
# A handful of float32 operations on values in [0, 1].
ROUNDING = 1e-6

TEN_CLASSES = {
    "unreached": np.zeros(10),
    "uniform": np.full(10, 0.1),
    "half and nine crumbs": np.array([0.5, *[0.5 / 9] * 9]),
    "two-way": np.array([0.5, 0.5, *[0.0] * 8]),
    "three-way": np.array([1 / 3, 1 / 3, 1 / 3, *[0.0] * 7]),
    "sure": np.array([0.95, 0.05, *[0.0] * 8]),
    "one class, barely reached": np.array([0.1, *[0.0] * 9]),
}
BY_HAND = [
    ("min_abs", {}, [0, 0.8, 0, 0, 1 / 3, 0.9, 0.1]),
    ("norm", {"p": 1}, [0, 8, 8, 8, 8, 9.8, 1]),
    ("norm", {}, [0, 2.53, 2.67, 2.83, 2.71, 3.10, 0.32]),
    ("norm", {"p": np.inf}, [0, 0.8, 0.89, 1, 1, 1, 0.1]),
    ("norm_1", {}, [0, 8, 8, 8, 8, 9.8, 1]),
    ("norm_infinity", {}, [0, 0.8, 0.89, 1, 1, 1, 0.1]),
    ("margin", {}, [0, 0, 0.444, 0, 0, 0.9, 0.1]),
    ("root_reach_margin", {}, [0, 0, 0.444, 0, 0, 0.9, 0.316]),
    ("uncertainty", {}, [0.1, 0.1, 0.5, 0.5, 1 / 3, 0.95, 0.19]),
    ("negative_entropy", {}, [-2.303, -2.303, -1.792, -0.693, -1.099, -0.199, -2.27]),
    ("mass", {}, [0, 1, 1, 1, 1, 1, 0.1]),
]


def random_mass(num_classes, num_rows=500, seed=0):
    """Class shares times a reach in [0, 1]; some rows are unreached, some hold one class alone."""
    rng = np.random.default_rng(seed)
    mass = rng.dirichlet([0.7] * num_classes, num_rows) * rng.random((num_rows, 1))
    mass[:5] = 0
    mass[5:10] = np.eye(num_classes)[0] * mass[5:10].sum(axis=1, keepdims=True)
    return jnp.asarray(mass, jnp.float32)


def _definition(name, row):
    chi = [share - sum(other for d, other in enumerate(row) if d != c) for c, share in enumerate(row.astype(float))]
    if name == "norm_1":
        return sum(map(abs, chi))
    if name == "norm_infinity":
        return max(map(abs, chi))
    return oracles.criterion(name, row)


@pytest.mark.parametrize(("name", "settings", "expected"), BY_HAND)
def test_hand_cases_over_ten_classes(name, settings, expected):
    mass = jnp.asarray(np.stack(list(TEN_CLASSES.values())), jnp.float32)

    got = jax.jit(functools.partial(scores.CRITERIA[name], **settings))(mass)

    np.testing.assert_allclose(got, expected, atol=0.006)  # hand values have two or three places


@pytest.mark.parametrize("num_classes", [1, 3])
@pytest.mark.parametrize("name", scores.CRITERIA)
def test_each_criterion_agrees_with_its_definition(name, num_classes):
    mass = random_mass(num_classes)

    got = criteria[name](mass)

    expected = [_definition(name, row) for row in np.asarray(mass)]
    # Entropy multiplies the rounding of q by log q; up to ten terms are added.
    np.testing.assert_allclose(got, expected, atol=10 * ROUNDING)


@pytest.mark.parametrize("num_classes", [3, 10])
def test_min_abs_is_the_smallest_signal_of_any_class(num_classes):
    mass = random_mass(num_classes)

    got = scores.min_abs(mass)

    np.testing.assert_allclose(got, jnp.abs(signed(mass)).min(axis=1), atol=ROUNDING)
    np.testing.assert_allclose(got, jnp.abs(2 * mass.max(axis=1) - reach(mass)), atol=ROUNDING)


@pytest.mark.parametrize("num_classes", [3, 10])
def test_the_margin_of_the_probabilities_is_that_of_the_mass(num_classes):
    mass = random_mass(num_classes)

    np.testing.assert_allclose(scores.margin(simplex(mass)), scores.margin(mass), atol=ROUNDING)


def test_the_largest_signal_is_the_reach_once_a_class_has_no_mass():
    mass = random_mass(4).at[:, 3].set(0)

    np.testing.assert_allclose(scores.norm(mass, p=np.inf), reach(mass), atol=ROUNDING)


def test_norm_1_does_not_see_the_classes_below_one_half():
    mass = random_mass(10)
    below_half = mass.max(axis=1) <= reach(mass) / 2

    got = scores.norm(mass, p=1)

    np.testing.assert_allclose(got[below_half], 8 * reach(mass)[below_half], atol=10 * ROUNDING)
    assert 10 < below_half.sum() < len(mass)


@pytest.mark.parametrize(
    "name", ["min_abs", "norm", "norm_1", "norm_infinity", "margin", "uncertainty", "negative_entropy"]
)
def test_two_classes_have_one_order(name):
    mass = random_mass(2)
    order = np.argsort(np.abs(np.asarray(mass[:, 0]) - np.asarray(mass[:, 1])))

    in_order = criteria[name](mass[order])

    assert (np.diff(in_order) >= -ROUNDING).all()
    assert in_order[-1] > in_order[0]


@pytest.mark.parametrize("name", scores.CRITERIA)
def test_unreached_points_come_first_and_tie(name):
    mass = random_mass(3)

    got = np.asarray(criteria[name](mass))

    unreached = np.asarray(reach(mass)) == 0
    assert np.unique(got[unreached]).size == 1
    assert (got[unreached][0] <= got + ROUNDING).all()


def test_the_smallest_graph_on_which_min_abs_cannot_tell():
    """Centre A has leaves of classes 0, 1, 2, centre B of 0, 0, 1: one third against two thirds."""
    stars = graph_from_edges(
        np.array([0, 0, 0, 1, 1, 1]), np.array([2, 3, 4, 5, 6, 7]), np.ones(6), num_nodes=8, row_length=3
    )
    labels = np.array([0, 0, 0, 1, 2, 0, 0, 1])
    labeled = np.arange(8) >= 2
    mass = diffuse(stars, label_mass(labels, labeled, num_classes=3), labeled, num_steps=1)[:2]

    np.testing.assert_allclose(scores.min_abs(mass), [1 / 3, 1 / 3], atol=ROUNDING)
    np.testing.assert_allclose(scores.margin(mass), [0, 1 / 3], atol=ROUNDING)
    np.testing.assert_allclose(scores.norm(mass), [np.sqrt(1 / 3), np.sqrt(11) / 3], atol=ROUNDING)


@pytest.mark.parametrize("name", scores.CRITERIA)
def test_any_number_of_leading_axes_is_scored_alike(name):
    mass = random_mass(3)

    by_row = np.asarray(criteria[name](mass))

    criterion = scores.CRITERIA[name]
    in_parts = jax.jit(jax.vmap(lambda part: criterion(part.reshape(2, 50, 3))))(mass.reshape(5, 100, 3))
    np.testing.assert_allclose(in_parts.reshape(-1), by_row, atol=ROUNDING)
    assert in_parts.shape == (5, 2, 50)


@pytest.mark.parametrize("p", [1, 2, 16, 200, np.float32(3)])
@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-25])
def test_no_power_makes_a_small_signal_vanish(p, size):
    mass = jnp.asarray([[0.6, 0.3, 0.0], [0.2, 0.0, 0.0]], jnp.float32) * np.float32(size)

    norms = scores.norm(mass, p=p)

    exact = np.asarray(mass, np.float64)
    chi = 2 * exact - exact.sum(axis=1, keepdims=True)
    largest = np.abs(chi).max(axis=1, keepdims=True)
    expected = largest[:, 0] * np.sum(np.abs(chi / largest) ** float(p), axis=1) ** (1 / float(p))
    np.testing.assert_allclose(norms, expected, rtol=1e-5)  # a float32 power and root


def test_mass_that_rounds_above_one_gives_no_negative_probability():
    row = np.array([[0.6, 0.4 + 2**-23, 0.0, 0.0]], np.float32)
    assert row.sum() > 1

    assert np.asarray(simplex(jnp.asarray(row))).min() >= 0
    assert np.isfinite(scores.negative_entropy(jnp.asarray(row))).all()
