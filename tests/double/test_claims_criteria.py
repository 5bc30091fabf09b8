"""Claims about the criteria of Eq. (6) and appendix A, in float64."""

import generators
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from generators import NUM_NODES
from hypothesis import given
from hypothesis import strategies as st

from ddal_jax import reach, scores, signed, simplex

# A handful of operations on values in [0, 1].
ROUNDING = 1e-12
OF_ONE_ORDER = ("min_abs", "norm", "norm_1", "norm_infinity", "margin", "uncertainty", "negative_entropy")


@jax.jit
def judged(mass):
    """All criteria and the views that they are read from."""
    views = {"reach": reach(mass), "chi": signed(mass), "q": simplex(mass), "margin of q": scores.margin(simplex(mass))}
    return views | {name: criterion(mass) for name, criterion in scores.CRITERIA.items()}


def of_random_mass(seed, num_classes, full_reach=False):
    """Shares drawn evenly from the simplex times a reach; some rows are unreached, some lack a class."""
    random = np.random.default_rng(seed)
    mass = random.dirichlet([0.7] * num_classes, NUM_NODES) * (1 if full_reach else random.random((NUM_NODES, 1)))
    if not full_reach:
        mass[:2] = 0
        mass[2:6, 0] = 0
    return mass, {name: np.asarray(values) for name, values in judged(jnp.asarray(mass)).items()}


def rank_correlation(first, second):
    """Spearman's, of values without ties."""
    return np.corrcoef(first.argsort().argsort(), second.argsort().argsort())[0, 1]


class_counts = st.sampled_from([2, 5])


@given(seed=generators.seeds, num_classes=class_counts)
def test_the_smallest_signal_of_any_class_tells_how_far_the_largest_mass_is_from_half_the_reach(seed, num_classes):
    """Claim C1: min |chi| = |2 p* - a|, at most a, whatever the number of classes."""
    mass, found = of_random_mass(seed, num_classes)

    total, largest = mass.sum(axis=1), mass.max(axis=1)
    np.testing.assert_allclose(found["min_abs"], np.abs(found["chi"]).min(axis=1), atol=ROUNDING)
    np.testing.assert_allclose(found["min_abs"], np.abs(2 * largest - total), atol=ROUNDING)
    assert (found["min_abs"] <= total + ROUNDING).all()


@given(seed=generators.seeds, num_classes=class_counts)
def test_the_norms_of_the_signal_have_closed_forms(seed, num_classes):
    """Claim C3."""
    mass, found = of_random_mass(seed, num_classes)

    total, largest, smallest = mass.sum(axis=1), mass.max(axis=1), mass.min(axis=1)
    below_half = np.maximum(0, 4 * largest - 2 * total)
    expected_square = 4 * (mass**2).sum(axis=1) + (num_classes - 4) * total**2
    expected_largest = np.maximum(2 * largest - total, total - 2 * smallest)
    np.testing.assert_allclose(found["norm_1"], (num_classes - 2) * total + below_half, atol=ROUNDING)
    np.testing.assert_allclose(found["norm"] ** 2, expected_square, atol=ROUNDING)
    np.testing.assert_allclose(found["norm_infinity"], expected_largest, atol=ROUNDING)
    if num_classes > 2:
        lacks_a_class = smallest == 0
        np.testing.assert_allclose(found["norm_infinity"][lacks_a_class], total[lacks_a_class], atol=ROUNDING)


@given(seed=generators.seeds, num_classes=class_counts)
def test_probabilities_lie_in_the_simplex_and_their_margin_is_that_of_the_mass(seed, num_classes):
    """Claim C4."""
    mass, found = of_random_mass(seed, num_classes)

    first, second = -np.sort(-mass, axis=1)[:, :2].T
    assert found["q"].min() >= 0
    np.testing.assert_allclose(found["q"].sum(axis=1), 1, atol=ROUNDING)
    np.testing.assert_allclose(found["margin of q"], first - second, atol=ROUNDING)
    np.testing.assert_allclose(found["margin"], first - second, atol=ROUNDING)


@given(seed=generators.seeds, num_classes=class_counts)
def test_signals_add_up_to_the_reach_times_two_less_the_classes(seed, num_classes):
    """Claim C5: two classes lose the reach, more keep it."""
    mass, found = of_random_mass(seed, num_classes)

    np.testing.assert_allclose(found["chi"].sum(axis=1), (2 - num_classes) * mass.sum(axis=1), atol=ROUNDING)


@given(seed=generators.seeds)
def test_for_two_classes_every_criterion_gives_one_order(seed):
    """Claim C6."""
    mass, found = of_random_mass(seed, 2)

    order = np.argsort(np.abs(mass[:, 0] - mass[:, 1]))
    np.testing.assert_allclose(found["chi"][:, 0], 2 * found["q"][:, 0] - 1, atol=ROUNDING)
    for name in OF_ONE_ORDER:
        assert (np.diff(found[name][order]) >= -ROUNDING).all(), name


def test_for_more_classes_the_criteria_give_different_orders():
    """Claim C6: Eq. (6) asks the two-way tie first, entropy the three-way, and the margin has no preference."""
    rows = np.zeros((NUM_NODES, 5))
    rows[0, :2], rows[1, :3] = 1 / 2, 1 / 3

    found = judged(jnp.asarray(rows))

    two_way, three_way = (np.array([found[name][row] for name in OF_ONE_ORDER]) for row in (0, 1))
    by_name = dict(zip(OF_ONE_ORDER, two_way - three_way, strict=True))
    assert by_name["min_abs"] < -0.3
    assert by_name["negative_entropy"] > 0.3
    assert abs(by_name["margin"]) < ROUNDING


@pytest.mark.slow
def test_eq_6_is_no_uncertainty_among_ten_classes():
    """Claim C2, against the print."""
    _, found = zip(*(of_random_mass(seed, 10, full_reach=True) for seed in range(20)), strict=True)
    min_abs, entropy = (np.concatenate([each[name] for each in found]) for name in ("min_abs", "negative_entropy"))

    correlation = rank_correlation(min_abs, entropy)

    assert correlation < -0.6  # -0.79 in long runs; 480 rows leave 0.02
    halves = judged(jnp.asarray(np.array([[0.1] * 10, [0.9, 0.1] + [0] * 8, [0.5, 0.5] + [0] * 8])))["min_abs"]
    np.testing.assert_allclose(halves, [0.8, 0.8, 0.0], atol=ROUNDING)
