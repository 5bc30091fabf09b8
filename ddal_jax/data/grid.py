"""The graph of the paper's first theorem: a d-dimensional grid, its nodes in two classes divided by a cut."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ddal_jax import checks


class Grid(NamedTuple):
    """Nodes of a grid, their classes, and each edge once: `graph_from_edges` makes a graph of the last two.

    Attributes:
      points: coordinates, whole numbers; node i stands at the i-th place in row-major order.
      labels: 0 or 1.
      senders: one end of each edge.
      receivers: the other end, one step further along one axis.
    """

    points: Float[np.ndarray, "n d"]
    labels: Int[np.ndarray, " n"]
    senders: Int[np.ndarray, " e"]
    receivers: Int[np.ndarray, " e"]


def grid(side: int, dimension: int, *, cut: str = "half") -> Grid:
    """Builds the product of `dimension` line graphs of `side` nodes, without wrapping around.

    Args:
      side: nodes along each axis.
      dimension: d; N = side ** d.
      cut: what divides the classes. "half": a plane across the first axis, in its middle; "ball": a ball of radius
        0.4 side around the centre (in the plane it holds half of the nodes, or nearly); "diagonal": the plane on which
        the coordinates sum to that of the centre, nodes on it in class 1.

    Raises:
      ValueError: a grid so small that the cut leaves a single class.

    Paper: Definition 1, Theorem 1.
    """
    side = checks.integer("side", side, low=2)
    dimension = checks.integer("dimension", dimension, low=1)
    num_nodes = checks.integer("side ** dimension", side**dimension, low=2, high=checks.INT32_MAX)
    inside = _CUTS[checks.choice("cut", cut, _CUTS)]
    nodes = np.arange(num_nodes, dtype=np.int32).reshape((side,) * dimension)
    points = np.stack(np.unravel_index(np.arange(num_nodes), nodes.shape), axis=1)
    labels = inside(points, side).astype(np.int32)
    if labels.min() == labels.max():
        raise ValueError(f"side must be at least 3 for the cut {cut!r} to leave two classes; got {side}.")
    senders = [np.delete(nodes, side - 1, axis).ravel() for axis in range(dimension)]
    receivers = [np.delete(nodes, 0, axis).ravel() for axis in range(dimension)]
    return Grid(points.astype(np.float32), labels, np.concatenate(senders), np.concatenate(receivers))


def _half(points: np.ndarray, side: int) -> np.ndarray:
    return 2 * points[:, 0] >= side


def _ball(points: np.ndarray, side: int) -> np.ndarray:
    return 25 * ((2 * points - (side - 1)) ** 2).sum(axis=1) <= (4 * side) ** 2  # in whole numbers, so ties are exact


def _diagonal(points: np.ndarray, side: int) -> np.ndarray:
    return 2 * points.sum(axis=1) >= points.shape[1] * (side - 1)


_CUTS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"half": _half, "ball": _ball, "diagonal": _diagonal}
