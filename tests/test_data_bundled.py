"""Digits and the checkerboard, which every demonstration stands on."""

import numpy as np

from ddal_jax.data.checkerboard import checkerboard, distance_to_boundary
from ddal_jax.data.digits import digits, imbalanced_digits, odd_or_even_digits


def test_digits_hold_out_points_that_are_in_no_pool():
    split = digits(0)

    assert split.inputs.shape == (1297, 64)
    assert split.test_inputs.shape == (500, 64)
    assert split.inputs.dtype == np.float32
    assert split.inputs.max() == 1.0
    assert set(split.labels.tolist()) == set(range(10))
    together = np.concatenate([split.inputs, split.test_inputs])
    images = np.unique(together, axis=0)
    assert len(images) == len(np.unique(digits(1).inputs.reshape(-1, 64), axis=0)) + len(
        np.unique(digits(1).test_inputs, axis=0)
    )


def test_splits_differ_between_seeds_and_repeat_for_one():
    np.testing.assert_array_equal(digits(3).inputs, digits(3).inputs)
    assert not np.array_equal(digits(3).inputs, digits(4).inputs)
    assert not np.array_equal(checkerboard(3).inputs, checkerboard(4).inputs)


def test_checkerboard_classes_are_the_colours_of_the_squares():
    split = checkerboard(0)

    by_hand = [int((x + 1) // 0.5 + (y + 1) // 0.5) % 2 for x, y in split.inputs.astype(np.float64)]
    assert split.labels.tolist() == by_hand
    assert split.inputs.shape == (2000, 2)
    assert split.test_inputs.shape == (200, 2)


def test_distance_to_boundary_is_that_to_the_nearest_inner_line():
    points = np.array([[0.1, 0.4], [-0.95, 0.75], [0.5, 0.9]])

    np.testing.assert_allclose(distance_to_boundary(points), [0.1, 0.25, 0.0], atol=1e-12)


def test_odd_or_even_digits_are_the_digits_in_two_classes():
    split, whole = odd_or_even_digits(5), digits(5)

    assert split.num_classes == 2
    np.testing.assert_array_equal(split.inputs, whole.inputs)
    np.testing.assert_array_equal(split.labels, whole.labels % 2)
    np.testing.assert_array_equal(split.test_labels, whole.test_labels % 2)


def test_imbalanced_digits_are_rare_in_the_pool_and_not_where_they_are_judged():
    split = imbalanced_digits(5)

    counts = np.bincount(split.labels, minlength=10)
    assert sorted(counts.tolist()) == [15] * 5 + [130] * 5
    assert np.bincount(split.test_labels).tolist() == [40] * 10
    assert not np.array_equal(counts, np.bincount(imbalanced_digits(6).labels, minlength=10))
    assert len(np.unique(split.labels[:50])) > 3  # in random order
    together = np.concatenate([split.inputs, split.test_inputs])
    assert len(np.unique(together, axis=0)) == len(together)
