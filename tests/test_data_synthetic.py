"""Generated data are what their definitions say."""

import itertools

import numpy as np
import pytest

from ddal_jax import graph_from_edges
from ddal_jax.data.checkerboard import checkerboard, distance_to_boundary
from ddal_jax.data.clusters import (
    distance_to_voronoi,
    gaussian_mixture,
    mixture_centers,
    mixture_separation,
    two_moons,
)
from ddal_jax.data.grid import grid


def separations(centers, scales):
    """Eq. (9) for each pair, for covariances scales ** 2 times the identity."""
    return [
        np.sqrt(((centers[i] - centers[j]) ** 2).sum()) / (np.sqrt(centers.shape[1]) * (scales[i] + scales[j]))
        for i, j in itertools.combinations(range(len(centers)), 2)
    ]


@pytest.mark.parametrize(("num_components", "dimension"), [(2, 1), (2, 7), (3, 2), (5, 4), (4, 2), (9, 1), (14, 12)])
@pytest.mark.parametrize("separation", [0.3, 2.0])
def test_the_closest_components_have_the_separation_asked(num_components, dimension, separation):
    scales = np.linspace(0.5, 3, num_components)

    centers = mixture_centers(
        num_components=num_components, dimension=dimension, separation=separation, scales=tuple(scales)
    )

    assert centers.shape == (num_components, dimension)
    assert min(separations(centers, scales)) == pytest.approx(separation)


@pytest.mark.parametrize(("num_components", "dimension"), [(2, 1), (3, 2), (4, 9)])
def test_components_of_a_simplex_all_have_the_separation_asked(num_components, dimension):
    centers = mixture_centers(num_components=num_components, dimension=dimension, separation=1.5)

    np.testing.assert_allclose(separations(centers, np.ones(num_components)), 1.5)


def test_separation_takes_the_largest_eigenvalue_of_each_covariance():
    centers = np.array([[0.0, 0.0], [3.0, 4.0], [30.0, 0.0]])
    covariances = np.array([[[4.0, 0.0], [0.0, 1.0]], [[5.0, 4.0], [4.0, 5.0]], [[1.0, 0.0], [0.0, 1.0]]])

    assert mixture_separation(centers, covariances) == pytest.approx(5 / (np.sqrt(2) * (2 + 3)))


def test_a_mixture_keeps_its_shares_and_scales():
    weights, scales = (8.0, 1.0, 1.0), (1.0, 2.0, 0.5)

    split = gaussian_mixture(
        0, num_components=3, dimension=4, separation=3.0, weights=weights, scales=scales, num_points=2000, num_test=7
    )

    assert np.bincount(split.labels).tolist() == [1600, 200, 200]
    assert np.bincount(split.test_labels).tolist() == [5, 1, 1]  # 5.6, .7 and .7, rounded to a sum of 7
    centers = mixture_centers(num_components=3, dimension=4, separation=3.0, scales=scales)
    for label, scale in enumerate(scales):
        points = split.inputs[split.labels == label]
        # Five standard errors: a mean or a deviation outside is no accident.
        np.testing.assert_allclose(points.mean(axis=0), centers[label], atol=5 * scale / np.sqrt(len(points)))
        assert (points - centers[label]).std() == pytest.approx(scale, abs=5 * scale / np.sqrt(2 * points.size))


def test_fewer_classes_than_components_make_classes_of_several_clusters():
    split = gaussian_mixture(0, num_components=8, dimension=3, separation=5.0, num_classes=2)

    centers = mixture_centers(num_components=8, dimension=3, separation=5.0)
    nearest = ((split.inputs[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
    assert split.num_classes == 2
    assert split.labels.tolist() == (nearest % 2).tolist()  # 17 standard deviations apart: no point strays


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_components": 1}, "num_components must be at least 2; got 1"),
        ({"dimension": 0}, "dimension must be at least 1; got 0"),
        ({"separation": 0.0}, "separation must be a finite number above 0; got 0.0"),
        ({"num_classes": 3}, r"num_classes must be in \[1, 2\] \(the components\); got 3"),
        ({"weights": (1.0,)}, "weights must be 2 finite numbers above 0, one per component; got"),
        ({"weights": (1.0, 0.0)}, "weights must be 2 finite numbers above 0, one per component; got"),
        ({"scales": (1.0, np.inf)}, "scales must be 2 finite numbers above 0, one per component; got"),
        ({"num_points": 0}, "num_points must be at least 1; got 0"),
        ({"num_test": 0}, "num_test must be at least 1; got 0"),
    ],
)
def test_a_mixture_that_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        gaussian_mixture(0, **change)


def test_distance_to_voronoi_is_that_to_the_nearest_point_of_another_cell():
    centers = mixture_centers(num_components=3, dimension=2, separation=1.5)
    points = np.random.default_rng(0).normal(scale=3, size=(15, 2))
    step = 0.05
    fine = np.stack(np.meshgrid(*[np.arange(-12, 12, step)] * 2), axis=-1).reshape(-1, 2)

    def cell(of):
        return ((of[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)

    cells = cell(fine)
    by_search = [
        np.sqrt(((fine[cells != own] - point) ** 2).sum(axis=1).min())
        for point, own in zip(points, cell(points), strict=True)
    ]

    # The nearest node of the fine grid beyond the boundary lies within a diagonal of its squares.
    np.testing.assert_allclose(distance_to_voronoi(points, centers), by_search, atol=step * np.sqrt(2))


def test_two_moons_lie_around_their_half_circles():
    split = two_moons(0, noise=0.01, num_points=400, num_test=100)

    middle = np.where(split.labels[:, None] == 0, [0.0, 0.0], [1.0, 0.5])
    radius = np.linalg.norm(split.inputs - middle, axis=1)
    np.testing.assert_allclose(radius, 1, atol=0.06)  # six standard deviations
    assert split.inputs.shape == (400, 2)
    assert split.test_inputs.shape == (100, 2)
    assert split.num_classes == 2


def test_a_board_of_three_classes_changes_class_at_every_line():
    split = checkerboard(0, num_classes=3, num_points=500)

    by_hand = [int((x + 1) // 0.5 + (y + 1) // 0.5) % 3 for x, y in split.inputs.astype(np.float64)]
    assert split.labels.tolist() == by_hand
    assert split.num_classes == 3
    step = distance_to_boundary(split.inputs)[:, None] + 1e-3
    moved = split.inputs[:, None] + step[..., None] * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    classes = np.floor((moved + 1) * 2).sum(axis=2) % 3
    inside = (np.abs(moved) < 1).all(axis=2)
    assert ((classes != split.labels[:, None]) & inside).any(axis=1).all()


@pytest.mark.parametrize(("side", "dimension"), [(6, 1), (3, 2), (4, 2), (3, 3), (3, 4)])
def test_edges_join_nodes_one_step_apart(side, dimension):
    points, _, senders, receivers = grid(side, dimension)

    nodes = list(itertools.product(range(side), repeat=dimension))
    edges = {
        (i, j)
        for (i, first), (j, second) in itertools.combinations(enumerate(nodes), 2)
        if sum(abs(a - b) for a, b in zip(first, second, strict=True)) == 1
    }
    assert points.tolist() == [list(map(float, node)) for node in nodes]
    assert len(senders) == len(edges) == dimension * side ** (dimension - 1) * (side - 1)
    assert set(zip(senders.tolist(), receivers.tolist(), strict=True)) == edges


def test_graph_from_edges_takes_the_edges_of_a_grid():
    _, labels, senders, receivers = grid(4, 2)

    graph = graph_from_edges(senders, receivers, np.ones(len(senders)), num_nodes=len(labels))

    border, inside = [2, 3, 3, 2], [3, 4, 4, 3]
    np.testing.assert_array_equal(np.asarray(graph.degrees).reshape(4, 4), [border, inside, inside, border])


def test_cuts_are_planes_and_a_ball():
    half, ball, diagonal = (grid(5, 2, cut=cut).labels.reshape(5, 5).tolist() for cut in ("half", "ball", "diagonal"))

    assert half == [[0] * 5, [0] * 5, [0] * 5, [1] * 5, [1] * 5]
    assert ball == [[0, 0, 1, 0, 0], [0, 1, 1, 1, 0], [1, 1, 1, 1, 1], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0]]
    assert diagonal == [[int(row + column >= 4) for column in range(5)] for row in range(5)]


def test_a_disc_holds_about_half_of_the_grid():
    assert grid(40, 2, cut="ball").labels.mean() == pytest.approx(np.pi * 0.4**2, abs=0.01)  # the border, in part


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: grid(1, 2), "side must be at least 2; got 1"),
        (lambda: grid(3, 0), "dimension must be at least 1; got 0"),
        (lambda: grid(10, 10), r"side \*\* dimension must be in \[2, 2147483647\]; got 10000000000"),
        (lambda: grid(3, 2, cut="sphere"), "cut must be one of 'half', 'ball', 'diagonal'; got 'sphere'"),
        (lambda: grid(2, 2, cut="ball"), "side must be at least 3 for the cut 'ball' .*; got 2"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
