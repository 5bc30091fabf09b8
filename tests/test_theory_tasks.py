"""Grids and mixtures to be searched, and their cuts measured."""

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from small_searches import NUM_NODES, SIDE, small

from ddal_jax.theory import tasks

pytestmark = pytest.mark.usefixtures("in_float64")


@pytest.mark.parametrize(
    ("cut", "facts"),
    [
        # The upper two of five rows are class 0, so rows 1 and 2 face each other.
        ("half", tasks.Cut(10, 5, 1, 0.4, 0.4)),
        # A diamond of 13 nodes that leaves four corners of three.
        ("ball", tasks.Cut(16, 16, 4, 3 / 25, 12 / 25)),
    ],
)
def test_the_cut_of_a_grid_is_measured(cut, facts):
    task = small(cut)

    assert tasks.cut_of(task) == pytest.approx(facts)
    assert np.asarray(task.boundary).sum() == facts.size
    assert tasks.diameter(task.graph) == 2 * (SIDE - 1)


def test_the_boundary_is_the_nodes_beside_another_class():
    task = small("diagonal")
    points = np.stack(np.unravel_index(np.arange(NUM_NODES), (SIDE, SIDE)), axis=1)
    labels = np.asarray(task.labels)

    for i in range(NUM_NODES):
        beside = np.abs(points - points[i]).sum(axis=1) == 1
        assert task.boundary[i] == (labels[beside] != labels[i]).any()


def test_an_island_is_a_piece_of_its_own_that_classes_do_not_show():
    cut = tasks.cut_of(tasks.island_task(24))

    # Four nodes of the island and the eight around them, beside the two rows of 24 along the plane.
    assert cut == pytest.approx(tasks.Cut(12 + 48, 8 + 24, 2, 4 / 576, 284 / 576))


@pytest.mark.slow
def test_a_mixture_has_a_graph_for_every_seed_in_the_asked_shares():
    task = tasks.mixture_task([3, 4], dimension=2, separation=2.0, balancedness=0.25, num_points=40, num_neighbors=4)

    assert task.graph.weights.dtype == jnp.float64
    np.testing.assert_array_equal(task.labels.sum(axis=1), [10, 10])
    for seed in range(2):
        one = jax.tree.map(lambda part, seed=seed: part[seed], task)
        weights, labels = oracles.dense(one.graph), np.asarray(one.labels)
        crossing = (weights > 0) & (labels[:, None] != labels)
        np.testing.assert_array_equal(one.boundary, crossing.any(axis=1))
        np.testing.assert_allclose(one.graph.degrees, weights.sum(axis=1), rtol=1e-14)  # a few dozen float64 terms
    assert (task.graph.neighbors[0] != task.graph.neighbors[1]).any()
