"""The arrays that describe a graph: K nearest neighbours, and the table of padded rows that a walk reads."""

from typing import Any, NamedTuple

from jaxtyping import Array, Float, Int


class KNNGraph(NamedTuple):
    """Directed K-nearest-neighbour graph: one row of fixed length per node.

    Row `i` lists the K nodes closest to node `i`, nearest first, ties by lower index, never `i` itself.

    Attributes:
      neighbors: node indices, int32.
      sq_distances: squared Euclidean distances to those nodes, float32, summed from differences of the features.
    """

    neighbors: Int[Array, "n k"]
    sq_distances: Float[Array, "n k"]


class Graph(NamedTuple):
    """Symmetric weighted graph as a table of padded rows, sorted by owner.

    Each node owns one row of its K out-edges and further rows for the edges that only reach it; a hub owns several.
    Empty places point at their owner and weigh 0. The table has `3 n` rows whatever the graph, so that graphs of one
    size share one compilation; rows in excess stand last.

    Attributes:
      neighbors: for each place, the node at the other end of the edge, int32.
      weights: for each place, the weight of the edge, 0 where there is none.
      owners: for each row, the node it belongs to, ascending, int32.
      degrees: sum of the weights of each node's edges (`D_ii` of Eq. 2); 0 for an isolated node.
    """

    neighbors: Int[Array, "p k"]
    weights: Float[Array, "p k"]
    owners: Int[Array, " p"]
    degrees: Float[Array, " n"]


class DirectedGraph(NamedTuple):
    """Directed weighted graph in the same table as `Graph`, one row per node: Eq. (1) as printed.

    Its walk may have a complex spectrum, which is why symmetry is a type and not a flag.

    Attributes:
      neighbors: for each place, the node the edge leads to, int32.
      weights: for each place, the weight of the edge, 0 where there is none.
      owners: for each row, the node it belongs to, ascending, int32.
      degrees: sum of the weights of each node's out-edges (`D_ii` of Eq. 2).
    """

    neighbors: Int[Array, "p k"]
    weights: Float[Array, "p k"]
    owners: Int[Array, " p"]
    degrees: Float[Array, " n"]


AnyGraph = Graph | DirectedGraph


def check_graph(name: str, graph: Any) -> AnyGraph:
    """Returns a graph, or refuses what is none."""
    if not isinstance(graph, Graph | DirectedGraph):
        raise TypeError(f"{name} must be a Graph or a DirectedGraph; got {type(graph).__name__}.")
    return graph
