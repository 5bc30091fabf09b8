"""Theorem 2, restated so that it holds: when two labels tell the class of every point of a separated mixture.

The theorem as printed asks for a large separation S and counts the draws that see both classes. What decides is the
graph alone; S matters through its cross edges, and the draws through the labels that each class has.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Shaped
from scipy.sparse import csgraph

from ddal_jax import array_checks, checks
from ddal_jax.graph.components import symmetric
from ddal_jax.graph.types import AnyGraph, Graph, check_graph
from ddal_jax.theory.tasks import adjacency


class SeparableCase(NamedTuple):
    """The conditions under which diffused labels are right at all nodes.

    Attributes:
      no_cross_edges: no edge leads from one class to another.
      all_reached: in each class with a label, every node reaches one without leaving the class.
      all_labeled: every class has a label.
      enough_steps: T is at least the hops of each node that reaches a label within its class.
    """

    no_cross_edges: bool
    all_reached: bool
    all_labeled: bool
    enough_steps: bool

    @property
    def holds(self) -> bool:
        """True if all four do: then the class that leads the diffused mass is right at every node."""
        return all(self)


def separable_case(
    graph: AnyGraph, classes: Shaped[np.ndarray, " n"], labeled: Bool[np.ndarray, " n"], *, num_steps: int
) -> SeparableCase:
    """Checks the conditions of Theorem 2 on a graph, the true classes and the nodes labelled.

    Args:
      graph: what labels diffuse on; in a `DirectedGraph` a node reaches what its edges lead to.
      classes: true class of each node, integers.
      labeled: True where the label is known.
      num_steps: T.

    Raises:
      ValueError: arrays of another length than the graph, `num_steps` below 0.
      TypeError: `graph` is no graph, classes that are not integers, a mask that is not boolean.

    Paper: Theorem 2, whose conditions these replace.
    """
    check_graph("graph", graph)
    num_nodes = graph.degrees.shape[0]
    checks.length("classes", classes, num_nodes, "node")
    array_checks.labels("classes", classes, num_classes=None, low=0)
    classes = np.asarray(classes)
    labeled = np.asarray(array_checks.boolean_mask("labeled", labeled, num_nodes))
    num_steps = checks.integer("num_steps", num_steps, low=0)
    starts, ends, stays = _edges(graph, classes)
    hops = _hops_to_a_label(starts[stays], ends[stays], labeled)
    has_label = np.isin(classes, classes[labeled])
    reached = np.isfinite(hops)
    return SeparableCase(
        no_cross_edges=bool(stays.all()),
        all_reached=bool(reached[has_label].all()),
        all_labeled=bool(has_label.all()),
        enough_steps=bool((hops[reached] <= num_steps).all()),
    )


def promised_queries(graph: Graph, classes: Shaped[np.ndarray, " n"], *, num_steps: int) -> int | None:
    """Returns the queries after which criterion (6) with random ties is right everywhere: one per class, or None.

    Promised if no edge joins two classes, each class is connected, and T is at least the hops between any two nodes of
    a class. Then, whatever node is first, all of its class is reached and all else scores exactly 0, so each query
    falls into a class not yet seen; 2 for two classes, however large N. None where that is not so. A search that rounds
    its scores needs T some way above: on a long path the farthest mass is else rounded to 0.

    Raises:
      ValueError: classes of another length than the graph, `num_steps` below 0.
      TypeError: a `DirectedGraph`, classes that are not integers.

    Paper: Theorem 2.
    """
    symmetric("graph", graph)
    num_nodes = graph.degrees.shape[0]
    checks.length("classes", classes, num_nodes, "node")
    array_checks.labels("classes", classes, num_classes=None, low=0)
    classes = np.asarray(classes)
    num_steps = checks.integer("num_steps", num_steps, low=0)
    starts, ends, stays = _edges(graph, classes)
    num_classes = np.unique(classes).size
    hops = csgraph.shortest_path(adjacency(starts, ends, num_nodes), unweighted=True)
    alike = classes[:, None] == classes
    return num_classes if stays.all() and (hops[alike] <= num_steps).all() else None


def _edges(graph: AnyGraph, classes: Shaped[np.ndarray, " n"]):
    """Lists where each edge starts and ends, and whether it stays in a class."""
    present = np.asarray(graph.weights) > 0
    ends = np.asarray(graph.neighbors)
    starts = np.broadcast_to(np.asarray(graph.owners)[:, None], ends.shape)[present]
    return starts, ends[present], classes[starts] == classes[ends[present]]


def _hops_to_a_label(starts, ends, labeled: Bool[np.ndarray, " n"]) -> Shaped[np.ndarray, " n"]:
    sources = np.flatnonzero(labeled)
    if not sources.size:
        return np.full(labeled.size, np.inf)
    backwards = adjacency(ends, starts, labeled.size)
    return csgraph.dijkstra(backwards, indices=sources, unweighted=True, min_only=True)
