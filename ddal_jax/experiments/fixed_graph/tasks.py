"""The pools of the comparison, each on the smallest of a few graphs that hangs together.

The parameters of the mixtures were chosen by what random labelling reaches on them, about 86 %, and fixed before any
other rule was run on them.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from ddal_jax.data.checkerboard import checkerboard
from ddal_jax.data.clusters import gaussian_mixture
from ddal_jax.data.digits import digits
from ddal_jax.data.types import Split
from ddal_jax.graph.components import components
from ddal_jax.graph.types import Graph
from ddal_jax.pool_graph import GraphSettings, pool_graph

_SEPARATION = 1.7
_NUM_CLUSTERS = 8
_SHARES = tuple(0.6**rank for rank in range(_NUM_CLUSTERS))
_START = 3  # sets the draw of the first label apart from that of the points


class FixedGraphTask(NamedTuple):
    """Where a task's points come from.

    Attributes:
      load: from a seed to points, of which both pool and held-out ones are labelled.
      num_clusters: how many clumps the points form, which one rival is told.
    """

    load: Callable[[int], Split]
    num_clusters: int


class Problem(NamedTuple):
    """One seed of a task.

    Attributes:
      features: of all points.
      labels: of all points.
      num_classes: C.
      start: the first point known, drawn uniformly.
      num_neighbors: K, the first of 10, 15, 20, ... whose graph is connected.
      graph: of that K, symmetrised by "max".
    """

    features: Float[np.ndarray, "n d"]
    labels: Int[np.ndarray, " n"]
    num_classes: int
    start: int
    num_neighbors: int
    graph: Graph


def _blobs(seed: int) -> Split:
    return gaussian_mixture(
        seed, num_components=_NUM_CLUSTERS, dimension=2, separation=_SEPARATION, num_classes=2,
        num_points=999, num_test=1,
    )  # fmt: skip


def _imbalanced_clusters(seed: int) -> Split:
    return gaussian_mixture(
        seed, num_components=_NUM_CLUSTERS, dimension=2, separation=_SEPARATION, weights=_SHARES,
        num_points=999, num_test=1,
    )  # fmt: skip


def _board(seed: int) -> Split:
    return checkerboard(seed, num_points=1999, num_test=1)


TASKS: dict[str, FixedGraphTask] = {
    "digits": FixedGraphTask(digits, 10),
    "blobs": FixedGraphTask(_blobs, _NUM_CLUSTERS),
    "board": FixedGraphTask(_board, 16),
    "imbalanced-clusters": FixedGraphTask(_imbalanced_clusters, _NUM_CLUSTERS),
}


def problem(task: str, seed: int) -> Problem:
    """Draws the points and the first label, and finds the graph."""
    split = TASKS[task].load(seed)
    features = np.concatenate([split.inputs, split.test_inputs])
    labels = np.concatenate([split.labels, split.test_labels])
    start = int(np.random.default_rng([seed, _START]).integers(len(labels)))
    return Problem(features, labels, split.num_classes, start, *connected_graph(features))


def connected_graph(features: Float[np.ndarray, "n d"]) -> tuple[int, Graph]:
    """Returns the first K of 10, 15, 20, ... whose graph is connected, at most all other points, and that graph."""
    points = jnp.asarray(features)
    num_neighbors = min(10, len(points) - 1)
    while True:
        graph = pool_graph(points, GraphSettings(num_neighbors=num_neighbors))
        assert isinstance(graph, Graph)
        if not np.asarray(components(graph)).any():
            return num_neighbors, graph
        num_neighbors = min(num_neighbors + 5, len(points) - 1)
