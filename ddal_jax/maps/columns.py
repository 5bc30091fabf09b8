"""What the page of a map holds of each point it shows: one array a fact, rows counted among those shown."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from ddal_jax.graph.types import AnyGraph
from ddal_jax.maps.colors import levels

_NUM_NEIGHBORS = 5


@runtime_checkable
class Propagated(Protocol):
    """What the known labels say of each point.

    Attributes:
      probabilities: of the classes.
      predicted: code of the likeliest class, a labelled point's own; -1 where no label reaches.
      runner_up: code of the next; -1 where there is none.
      reach: label mass that reaches the point; 0 where no label does.
      hops: edges to the nearest label; 0 at labelled points, -1 where no label reaches.
      nearest_labeled: row of that label; -1 where no label reaches.
    """

    @property
    def probabilities(self) -> Float[np.ndarray, "n c"]: ...  # noqa: D102
    @property
    def predicted(self) -> Int[np.ndarray, " n"]: ...  # noqa: D102
    @property
    def runner_up(self) -> Int[np.ndarray, " n"]: ...  # noqa: D102
    @property
    def reach(self) -> Float[np.ndarray, " n"]: ...  # noqa: D102
    @property
    def hops(self) -> Int[np.ndarray, " n"]: ...  # noqa: D102
    @property
    def nearest_labeled(self) -> Int[np.ndarray, " n"]: ...  # noqa: D102


def columns(
    places: Float[np.ndarray, "n 2"],
    graph: AnyGraph,
    propagated: Propagated,
    scores: Float[np.ndarray, " n"],
    rows: Int[np.ndarray, " m"],
) -> dict[str, Any]:
    """Gathers the arrays of the rows shown, and the values along the ramps of reach and score."""
    place_of = np.full(len(places), -1, np.int32)
    place_of[rows] = np.arange(len(rows), dtype=np.int32)
    predicted = np.asarray(propagated.predicted, np.int32)[rows]
    reach, score = (np.asarray(values, np.float32)[rows] for values in (propagated.reach, scores))
    reach_level, reach_ticks = levels(reach)
    score_level, score_ticks = levels(score)
    found = {
        "x": places[rows, 0].astype(np.float32),
        "y": places[rows, 1].astype(np.float32),
        "predicted": predicted,
        "runner_up": np.asarray(propagated.runner_up, np.int32)[rows],
        "confidence": _confidence(propagated, predicted, rows),
        "reach": reach,
        "hops": np.asarray(propagated.hops, np.int32)[rows],
        "score": score,
        "nearest_labeled": _shown(place_of, np.asarray(propagated.nearest_labeled)[rows]),
        "neighbors": _neighbors(graph, rows, place_of).ravel(),
        "reach_level": reach_level,
        "score_level": score_level,
    }
    return {
        "columns": found,
        "ticks": {"reach": reach_ticks, "score": score_ticks},
        "num_neighbors": min(_NUM_NEIGHBORS, graph.neighbors.shape[1]),
    }


def _confidence(propagated: Propagated, predicted: Int[np.ndarray, " m"], rows) -> Float[np.ndarray, " m"]:
    probabilities = np.asarray(propagated.probabilities, np.float32)
    if probabilities.shape[1] == 0:
        return np.zeros(len(rows), np.float32)
    return probabilities[rows, np.maximum(predicted, 0)]


def _shown(place_of: Int[np.ndarray, " n"], nodes: Int[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
    """Returns where nodes stand among the rows shown; -1 for none, and for one that is not shown."""
    return np.where(nodes >= 0, place_of[np.maximum(nodes, 0)], -1).astype(np.int32)


def _neighbors(graph: AnyGraph, rows: Int[np.ndarray, " m"], place_of) -> Int[np.ndarray, "m k"]:
    """Returns the nearest neighbours on the graph: the first row that a node owns lists its own, nearest first."""
    first = np.searchsorted(np.asarray(graph.owners), rows)
    nodes = np.where(np.asarray(graph.weights)[first] > 0, np.asarray(graph.neighbors)[first], -1)
    # An edge that is not there leaves a gap, which moves behind the others.
    order = np.argsort(nodes < 0, axis=1, kind="stable")
    return _shown(place_of, np.take_along_axis(nodes, order, axis=1)[:, :_NUM_NEIGHBORS])
