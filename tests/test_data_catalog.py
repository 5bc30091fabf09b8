"""Every data set comes through one door, in one form, the same for the same seed."""

import numpy as np
import pytest

from ddal_jax.data import catalog, pools
from ddal_jax.data.catalog import DATA, boundary_distance
from ddal_jax.data.types import Split

# Points of pool and test set, shape of a point, C. The rest needs the network.
OFFLINE = {
    "digits": (1297, 500, (64,), 10),
    "checkerboard": (2000, 200, (2,), 2),
    "checkerboard-multiclass": (2000, 200, (2,), 3),
    "two-moons": (2000, 2000, (2,), 2),
    "gaussian-mixture": (2000, 2000, (20,), 10),
    "three-blobs": (2000, 2000, (2,), 3),
    "digits-odd-even": (1297, 500, (64,), 2),
    "digits-imbalanced": (725, 400, (64,), 10),
    "poker": (4000, 4000, (10,), 10),
}
LABELS = np.repeat(np.arange(3), [5, 50, 45]).astype(np.int32)


def distinct(inputs):
    return {point.tobytes() for point in inputs}


def test_the_catalogue_is_complete():
    assert set(DATA) == {*OFFLINE, "mnist", "cifar10", "svhn", "openml155"}


@pytest.mark.parametrize("name", OFFLINE)
def test_data_come_in_one_form_and_their_own_size(name):
    num_points, num_test, shape, num_classes = OFFLINE[name]

    split = catalog.load(name, 0)

    assert split.inputs.shape == (num_points, *shape)
    assert split.test_inputs.shape == (num_test, *shape)
    assert split.labels.shape == (num_points,)
    assert split.test_labels.shape == (num_test,)
    assert split.inputs.dtype == split.test_inputs.dtype == np.float32
    assert split.labels.dtype == split.test_labels.dtype == np.int32
    assert split.num_classes == num_classes
    assert split.labels.min() >= 0
    assert split.labels.max() < num_classes


@pytest.mark.parametrize("name", OFFLINE)
def test_pool_and_test_set_share_no_point_and_follow_the_seed(name):
    first, again, other = (catalog.load(name, seed, num_points=300, num_test=100) for seed in (5, 5, 6))

    assert (len(first.inputs), len(first.test_inputs)) == (300, 100)
    assert not distinct(first.inputs) & distinct(first.test_inputs)
    for part, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(part, same)
    assert not np.array_equal(first.inputs, other.inputs)
    assert not np.array_equal(first.test_inputs, other.test_inputs)


@pytest.mark.parametrize("name", [name for name in OFFLINE if name != "poker"])
def test_a_balanced_pool_has_as_many_points_of_each_class(name):
    split = catalog.load(name, 0, num_points=120, num_test=50, balanced=True)

    assert np.bincount(split.labels).tolist() == [120 // split.num_classes] * split.num_classes
    assert len(split.test_inputs) == 50
    assert not distinct(split.inputs) & distinct(split.test_inputs)


def test_a_pool_of_digits_is_drawn_from_the_pool_of_digits():
    whole, part = catalog.load("digits", 0), catalog.load("digits", 0, num_points=100, num_test=20)

    assert distinct(part.inputs) <= distinct(whole.inputs)
    assert distinct(part.test_inputs) <= distinct(whole.test_inputs)


def test_a_file_of_ones_own_is_opened_by_its_path(tmp_path):
    path = tmp_path / "own.npz"
    inputs = np.arange(40.0).reshape(20, 2)
    np.savez(path, X=inputs, y=np.arange(20) % 2, X_test=-inputs[:4], y_test=np.arange(4) % 2)

    whole, part = catalog.load(str(path), 0), catalog.load(str(path), 0, num_points=6, balanced=True)

    np.testing.assert_array_equal(whole.inputs, inputs)
    assert np.bincount(part.labels).tolist() == [3, 3]
    np.testing.assert_array_equal(part.inputs[:, 0] // 2 % 2, part.labels)
    assert len(part.test_inputs) == 4


@pytest.mark.parametrize(
    ("name", "sizes", "message"),
    [
        (
            "imagenet",
            {},
            "data must be one of 'digits', 'checkerboard', .* or a path that ends in .npz; got 'imagenet'",
        ),
        ("digits.csv", {}, "data must be one of .* or a path that ends in .npz; got 'digits.csv'"),
        ("digits", {"num_points": 1298}, r"num_points must be in \[1, 1297\] .*; got 1298"),
        ("digits", {"num_test": 501}, r"num_test must be in \[1, 500\] .*; got 501"),
        ("digits", {"num_points": 0}, r"num_points must be in \[1, 1297\] .*; got 0"),
        ("digits", {"num_points": 1297, "balanced": True}, "num_points must be at most .* since class [0-9] has"),
        ("checkerboard", {"num_points": 0}, "num_points must be at least 1; got 0"),
        ("checkerboard", {"num_points": 0, "balanced": True}, "num_points must be at least 1; got 0"),
        ("two-moons", {"num_test": 0}, "num_test must be at least 1; got 0"),
    ],
)
def test_what_there_is_not_is_refused(name, sizes, message):
    with pytest.raises(ValueError, match=message):
        catalog.load(name, 0, **sizes)


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="seed must be at least 0; got -1"):
        catalog.load("digits", -1)


def test_boundaries_are_known_where_they_are_exact():
    assert {name for name in DATA if boundary_distance(name)} == {
        "checkerboard", "checkerboard-multiclass", "three-blobs", "gaussian-mixture",
    }  # fmt: skip
    assert boundary_distance("own.npz") is None


@pytest.mark.parametrize("name", ["checkerboard", "checkerboard-multiclass", "three-blobs", "gaussian-mixture"])
def test_labels_far_from_the_boundary_are_sure(name):
    split = catalog.load(name, 0)
    distance = boundary_distance(name)(split.inputs)

    nearest = ((split.inputs[:, None] - split.inputs) ** 2).sum(axis=2)
    np.fill_diagonal(nearest, np.inf)
    agrees = split.labels == split.labels[nearest.argmin(axis=1)]
    far = distance > np.median(distance)
    assert distance.shape == (2000,)
    assert distance.min() >= 0
    assert agrees[far].mean() > 0.9  # the classes of a mixture overlap
    assert agrees[~far].mean() < agrees[far].mean() - 0.05


def test_a_smaller_pool_begins_a_larger_one():
    small, large = (pools.draw(LABELS, 0, num_points=size, num_classes=3) for size in (10, 60))

    np.testing.assert_array_equal(small, large[:10])
    assert len(set(large.tolist())) == 60


def test_an_unbalanced_draw_does_not_look_at_labels():
    np.testing.assert_array_equal(
        pools.draw(LABELS, 3, num_points=20, num_classes=3), pools.draw(LABELS[::-1], 3, num_points=20, num_classes=3)
    )


def test_what_does_not_divide_goes_to_classes_at_random():
    counts = [
        np.bincount(LABELS[pools.draw(LABELS, seed, num_points=10, num_classes=3, balanced=True)]) for seed in range(20)
    ]

    assert all(sorted(count) == [3, 3, 4] for count in counts)
    assert {int(count.argmax()) for count in counts} == {0, 1, 2}


def test_a_balanced_pool_without_a_size_is_as_large_as_the_rarest_class_allows():
    inputs = np.arange(100, dtype=np.float32)[:, None]

    split = pools.subset(Split(inputs, LABELS, inputs[:1], LABELS[:1], 3), 0, balanced=True)

    assert np.bincount(split.labels).tolist() == [5, 5, 5]
    np.testing.assert_array_equal(LABELS[split.inputs[:, 0].astype(int)], split.labels)


@pytest.mark.parametrize("balanced", [False, True])
def test_what_is_held_out_is_in_no_pool(balanced):
    pool, test = pools.hold_out(LABELS, 0, num_points=6, num_test=60, num_classes=3, balanced=balanced)

    assert len(set(pool.tolist())) == 6
    assert len(set(test.tolist())) == 60
    assert not set(pool.tolist()) & set(test.tolist())


def test_a_balanced_pool_larger_than_the_rarest_class_allows_is_refused():
    with pytest.raises(ValueError, match="num_points must be at most 15 .* since class 0 has 5 points; got 18"):
        pools.draw(LABELS, 0, num_points=18, num_classes=3, balanced=True)
