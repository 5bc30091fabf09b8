"""What is searched for a cut: the grids of the first theorem and the mixtures of the second, as fixed graphs.

A task with one axis more, first, holds a graph of its own for every seed; one without serves all seeds.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, Shaped
from scipy.sparse import csgraph, csr_matrix

from ddal_jax import checks
from ddal_jax.data.clusters import gaussian_mixture
from ddal_jax.data.grid import grid
from ddal_jax.graph.affinity import affinity
from ddal_jax.graph.components import symmetric
from ddal_jax.graph.edges import graph_from_edges
from ddal_jax.graph.knn import knn_graph
from ddal_jax.graph.precision import with_dtype
from ddal_jax.graph.types import Graph


class SearchTask(NamedTuple):
    """A graph whose nodes fall into two classes, and the nodes on both sides of the cut between them.

    Attributes:
      graph: what labels diffuse on; float64 if JAX's x64 mode was on when it was made.
      labels: 0 or 1, known to the search only where asked.
      boundary: True at the ends of cut edges, those between two classes.
    """

    graph: Graph
    labels: Int[Array, "*s n"]
    boundary: Bool[Array, "*s n"]


class Cut(NamedTuple):
    """What the sample complexity of a task is stated in.

    Attributes:
      size: |dC|, counted in nodes: those at an end of a cut edge. The paper does not say; S2's bound counts so.
      num_edges: cut edges.
      num_components: m. Without its cut edges the graph falls into pieces; the cut edges between two pieces are one
        component of the cut.
      balancedness: beta over those pieces: the share of the smallest. The paper takes it over classes, which misses
        islands of one class in the other.
      class_balancedness: beta over the classes, as printed.
    """

    size: int
    num_edges: int
    num_components: int
    balancedness: float
    class_balancedness: float


def grid_task(
    side: int, dimension: int, *, cut: str = "half", labels: Shaped[np.ndarray, " n"] | None = None
) -> SearchTask:
    """Makes the task of finding a cut through a grid with edges of weight 1.

    Args:
      side: nodes along each axis.
      dimension: d.
      cut: "half", "ball" or "diagonal", as in `data.grid.grid`.
      labels: 0 or 1 for each node in row-major order, in place of those of `cut`.

    Raises:
      ValueError: a grid too small for the cut, labels of another length or other than 0 and 1, an unknown cut.

    Paper: Definition 1, Theorem 1.
    """
    made = grid(side, dimension, cut=cut)
    num_nodes = made.labels.size
    graph = graph_from_edges(made.senders, made.receivers, np.ones(made.senders.size), num_nodes=num_nodes)
    return _task(symmetric("graph", graph), made.labels if labels is None else labels)


def island_task(side: int = 24, *, island_side: int = 2) -> SearchTask:
    """Makes the half plane with a square island of the other class in the middle of the lower class.

    Both classes hold nearly half of the nodes, yet the island holds few: a balancedness over classes does not see it.

    Raises:
      ValueError: an island that touches the cut or the border.
    """
    side = checks.integer("side", side, low=8)
    island_side = checks.integer("island_side", island_side, low=1, high=side // 2 - 3)
    first, last = (side // 2 - island_side) // 2, (side - island_side) // 2
    labels = np.zeros((side, side), np.int32)
    labels[(side + 1) // 2 :] = 1
    labels[first : first + island_side, last : last + island_side] = 1
    return grid_task(side, 2, labels=labels.ravel())


def mixture_task(
    seeds: Sequence[int],
    *,
    dimension: int,
    separation: float,
    balancedness: float = 0.5,
    num_points: int = 400,
    num_neighbors: int = 10,
) -> SearchTask:
    """Makes the task of telling two Gaussians apart: for each seed a draw and its graph of nearest neighbours.

    Args:
      seeds: of the draws.
      dimension: d.
      separation: S, the distance of the centres over 2 sqrt(d) standard deviations.
      balancedness: beta, the share of class 1, at most 1/2.
      num_points: N.
      num_neighbors: K; edges are made symmetric by "max".

    Raises:
      ValueError: no seed, a balancedness outside (0, 1/2], or what `gaussian_mixture` and `knn_graph` refuse.

    Paper: Eq. (9), Definition 2, Theorem 2.
    """
    if not len(seeds):
        raise ValueError("seeds must hold at least one seed; got none.")
    balancedness = checks.positive_float("balancedness", balancedness)
    if balancedness > 0.5:
        raise ValueError(f"balancedness must be at most 0.5, the share of the smaller class; got {balancedness}.")

    def one(seed: int) -> SearchTask:
        drawn = gaussian_mixture(
            seed, dimension=dimension, separation=separation, weights=(1 - balancedness, balancedness),
            num_points=num_points, num_test=1,
        )  # fmt: skip
        graph = affinity(knn_graph(drawn.inputs, num_neighbors=num_neighbors), symmetrize="max")
        return _task(symmetric("graph", with_dtype(graph, jnp.result_type(float))), drawn.labels)

    return jax.tree.map(lambda *parts: jnp.stack(parts), *map(one, seeds))


def edges_of(graph: Graph) -> tuple[Int[np.ndarray, " e"], Int[np.ndarray, " e"]]:
    """Lists each edge of a graph once: its lower and its higher end."""
    neighbors, weights = np.asarray(graph.neighbors), np.asarray(graph.weights)
    owners = np.broadcast_to(np.asarray(graph.owners)[:, None], neighbors.shape)
    once = (weights > 0) & (owners < neighbors)
    return owners[once], neighbors[once]


def cut_of(task: SearchTask) -> Cut:
    """Measures the cut of a task without an axis of seeds."""
    labels = np.asarray(task.labels)
    checks.rank("task.labels", labels, 1, "[n]")
    lower, higher = edges_of(task.graph)
    is_cut = labels[lower] != labels[higher]
    num_pieces, piece = csgraph.connected_components(adjacency(lower[~is_cut], higher[~is_cut], labels.size))
    pairs = np.sort(np.stack([piece[lower[is_cut]], piece[higher[is_cut]]]), axis=0)
    return Cut(
        size=int(np.unique([lower[is_cut], higher[is_cut]]).size),
        num_edges=int(is_cut.sum()),
        num_components=int(np.unique(pairs, axis=1).shape[1]),
        balancedness=float(np.bincount(piece, minlength=num_pieces).min() / labels.size),
        class_balancedness=float(np.bincount(labels, minlength=2).min() / labels.size),
    )


def diameter(graph: Graph) -> int:
    """Returns the hops between the two nodes farthest apart among those that are connected. Work is O(N^2 K)."""
    num_nodes = graph.degrees.shape[0]
    hops = csgraph.shortest_path(adjacency(*edges_of(graph), num_nodes), directed=False, unweighted=True)
    return int(hops[np.isfinite(hops)].max())


def _task(graph: Graph, labels: Shaped[np.ndarray, " n"]) -> SearchTask:
    labels = np.asarray(labels)
    checks.length("labels", labels, graph.degrees.shape[0], "node")
    if not np.isin(labels, (0, 1)).all() or labels.min() == labels.max():
        raise ValueError(f"labels must be 0 or 1, and both occur; got {np.unique(labels)}.")
    lower, higher = edges_of(graph)
    is_cut = labels[lower] != labels[higher]
    boundary = np.zeros(labels.shape, bool)
    boundary[lower[is_cut]] = boundary[higher[is_cut]] = True
    return SearchTask(graph, jnp.asarray(labels, jnp.int32), jnp.asarray(boundary))


def adjacency(starts: Shaped[np.ndarray, " e"], ends: Shaped[np.ndarray, " e"], num_nodes: int) -> csr_matrix:
    """Returns the sparse matrix with a one for each edge, for SciPy's searches on graphs."""
    return csr_matrix((np.ones(starts.size), (starts, ends)), shape=(num_nodes, num_nodes))


def seed_axis(task: SearchTask) -> int | None:
    """Returns the axis along which seeds have graphs of their own, None where they share one: what `vmap` asks for."""
    return 0 if task.labels.ndim == 2 else None
