"""The flat door: features and labels in, the points to label next out, with the reasons. NumPy on both sides."""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped

from ddal_jax import array_checks, checks
from ddal_jax.diffusion import label_mass, simplex
from ddal_jax.graph.hops import nearest_labels
from ddal_jax.graph.types import AnyGraph, check_graph
from ddal_jax.pool_graph import GraphSettings, pool_graph
from ddal_jax.query import QuerySettings, query

LARGEST_SEED = 2**32 - 1
# Rows of soft labels come from votes and softmaxes; their float32 sums miss 1 by this much at most.
_SUM_TOLERANCE = 1e-5


class Suggestion(NamedTuple):
    """The points to label next, in the order picked, and why.

    Attributes:
      indices: rows of the pool, int32.
      scores: the criterion when picked, what it adds for earlier picks included; lower = first, float32.
      reached: False where no known label reaches the point: it was asked to explore.
      hops: edges to the nearest label along the graph; -1 where none reaches.
      probabilities: diffused class probabilities (the simplex q), float32.
      nearest_labeled: the nearest labelled row along the graph; -1 where none reaches.
    """

    indices: Int[np.ndarray, " b"]
    scores: Float[np.ndarray, " b"]
    reached: Bool[np.ndarray, " b"]
    hops: Int[np.ndarray, " b"]
    probabilities: Float[np.ndarray, "b c"]
    nearest_labeled: Int[np.ndarray, " b"]


def suggest(
    features: Shaped[np.ndarray, "n d"],
    labels: Shaped[np.ndarray, " n"],
    *,
    query_size: int,
    num_classes: int | None = None,
    seed: int = 0,
    candidates: Shaped[np.ndarray, " m"] | None = None,
    graph: AnyGraph | None = None,
    soft_labels: Shaped[np.ndarray, "n c"] | None = None,
    num_neighbors: int = 10,
    num_steps: int | None = None,
    symmetrize: str = "max",
    metric: str = "euclidean",
    criterion: str = "root_reach_margin",
    diversity: str = "redistribute",
    ties: str = "random",
    num_rediffusions: int | None = None,
    num_refine_steps: int | None = None,
) -> Suggestion:
    """Says which points of a pool to label next, and why.

    The graph always uses all rows; `candidates` only restricts what may be asked.

    Args:
      features: the pool, one row per point: float16, float32, float64 or integers, used as float32.
      labels: integers, -1 = unlabelled. No label at all is a valid start.
      query_size: B, how many points to ask for.
      num_classes: C; by default the largest label + 1, at least 2. Fix it if classes may turn up later.
      seed: decides ties, in [0, 2^32 - 1].
      candidates: what may be asked, as a boolean mask of all rows or as row indices; everything by default.
      graph: a graph of the pool to use instead of building one from the features.
      soft_labels: class shares of the labelled rows, non-negative, each row summing to at most 1; replaces the one-hot.
      num_neighbors: K.
      num_steps: T; by default `recommended_num_steps`, the paper's, but at least 6; K of a given graph is the length
        of its rows.
      symmetrize: as in `affinity`; "none" is the paper's directed graph.
      metric: "euclidean", or "cosine", which scales every row to length one first.
      criterion: a name from `ddal_jax.scores`; "min_abs" is the paper's Eq. (6).
      diversity: batch rule: "none" (the B lowest scores, as the paper does), "coverage", "redistribute" or
        "local_minima"; see `QuerySettings`.
      ties: what orders points that nothing reaches: "random", or "coverage" (the one that most walks pass first).
      num_rediffusions: R, turns in which a batch is picked; by default the smaller of B and 16. R = B is the exact
        greedy rule. Read by "redistribute" and "coverage".
      num_refine_steps: once everything is reached, diffuse for this many steps instead of T; for fixed features.

    Returns:
      The points in the order picked, with score, reach, hops, class probabilities and nearest label.

    Raises:
      ValueError: bad shapes or values, an unknown name, nothing left to query, `query_size` above what is left.
      TypeError: settings or labels that are not integers.

    Paper: one query of Algorithm 1 on given features.
    """
    graph_settings = GraphSettings(
        num_neighbors=num_neighbors, num_steps=num_steps, symmetrize=symmetrize, metric=metric
    )
    query_settings = QuerySettings(
        criterion=criterion, diversity=diversity, ties=ties,
        num_rediffusions=num_rediffusions, num_refine_steps=num_refine_steps,
    )  # fmt: skip
    query_size = checks.integer("query_size", query_size, low=1)
    seed = checks.integer("seed", seed, low=0, high=LARGEST_SEED)
    pool = array_checks.features("features", features)
    labels, num_classes = _known_labels(labels, len(pool), num_classes, soft_labels)
    labeled = labels >= 0
    mass = _start_mass(labels, labeled, num_classes, soft_labels)
    eligible = _candidate_mask(candidates, len(pool))
    _check_enough_left(query_size, eligible & ~labeled, restricted=candidates is not None)
    if graph is None:
        graph = pool_graph(pool, graph_settings)
    _check_graph(graph, len(pool))
    num_steps = dataclasses.replace(graph_settings, num_neighbors=graph.neighbors.shape[1]).steps_for(len(pool))
    answer = _answer(
        np.uint32(seed), graph, mass, labeled, eligible,
        settings=query_settings, query_size=query_size, num_steps=num_steps,
    )  # fmt: skip
    return Suggestion(*jax.device_get(answer))


def _known_labels(labels, num_points, num_classes, soft_labels) -> tuple[Int[np.ndarray, " n"], int]:
    labels = np.asarray(array_checks.as_array("labels", labels))
    checks.rank("labels", labels, 1, "[n]")
    checks.length("labels", labels, num_points, "row of features")
    array_checks.labels("labels", labels, num_classes=None, low=-1)
    if num_classes is None:
        shares = np.shape(soft_labels)[1:]
        num_classes = shares[0] if shares else _count_classes(labels)
    num_classes = checks.integer("num_classes", num_classes, low=1)
    array_checks.labels("labels", labels, num_classes=num_classes, low=-1)
    return labels.astype(np.int32), num_classes


def _count_classes(labels: Int[np.ndarray, " n"]) -> int:
    largest = int(labels.max())
    if largest >= max(2, len(labels)):
        raise ValueError(
            f"labels must number the classes from 0, with -1 for unlabelled; got {largest} among {len(labels)} rows. "
            "If that is a class, give num_classes."
        )
    return max(2, largest + 1)


def _start_mass(labels, labeled, num_classes, soft_labels) -> Float[Array, "n c"]:
    if soft_labels is None:
        return label_mass(labels, labeled, num_classes=num_classes)
    soft_labels = np.asarray(array_checks.as_array("soft_labels", soft_labels))
    if soft_labels.shape != (len(labels), num_classes):
        raise ValueError(f"soft_labels must have shape {(len(labels), num_classes)}; got {soft_labels.shape}.")
    soft_labels = np.where(labeled[:, None], soft_labels, np.zeros((), soft_labels.dtype))
    soft_labels = np.asarray(array_checks.real("soft_labels", soft_labels))
    known = soft_labels[labeled]
    if (known < 0).any() or (known.sum(axis=1) > 1 + _SUM_TOLERANCE).any():
        raise ValueError(
            "soft_labels must be non-negative and sum to at most 1 on every labelled row; "
            f"got entries from {known.min()} and sums up to {known.sum(axis=1).max()}."
        )
    return jnp.asarray(soft_labels)


def _candidate_mask(candidates, num_points) -> Bool[np.ndarray, " n"]:
    if candidates is None:
        return np.ones(num_points, bool)
    candidates = np.asarray(array_checks.as_array("candidates", candidates))
    checks.rank("candidates", candidates, 1, "[n] (boolean) or [m] (row indices)")
    if candidates.dtype == np.bool_:
        checks.length("candidates", candidates, num_points, "row of features")
        return candidates
    if candidates.size and not np.issubdtype(candidates.dtype, np.integer):
        raise TypeError(f"candidates must be a boolean mask or row indices; got dtype {candidates.dtype}.")
    outside = candidates[(candidates < 0) | (candidates >= num_points)]
    if outside.size:
        raise ValueError(f"candidates must lie in [0, {num_points - 1}]; got {outside[0]}.")
    mask = np.zeros(num_points, bool)
    mask[candidates.astype(np.int64)] = True
    return mask


def _check_enough_left(query_size: int, may_be_asked: Bool[np.ndarray, " n"], *, restricted: bool) -> None:
    left = int(may_be_asked.sum())
    if left == 0:
        culprit = "candidates holds" if restricted else "labels leaves"
        raise ValueError(f"{culprit} nothing left to query: every point that may be asked is labelled.")
    if query_size > left:
        raise ValueError(f"query_size must be at most {left}, the number of points left to query; got {query_size}.")


def _check_graph(graph: AnyGraph, num_points: int) -> None:
    check_graph("graph", graph)
    if graph.degrees.shape[0] != num_points:
        raise ValueError(f"graph must have {num_points} nodes, one per row of features; got {graph.degrees.shape[0]}.")


@functools.partial(jax.jit, static_argnames=("settings", "query_size", "num_steps"))
def _answer(seed, graph, mass, labeled, eligible, *, settings: QuerySettings, query_size: int, num_steps: int):
    picked, diffused = query(
        jax.random.key(seed), graph, mass, labeled, eligible,
        settings=settings, query_size=query_size, num_steps=num_steps,
    )  # fmt: skip
    nearest = nearest_labels(graph, labeled, num_steps=num_steps)
    rows = picked.indices
    # Where a path is too unlikely for float32, what counts is that no mass arrives.
    hops = jnp.where(picked.reached, nearest.hops[rows], -1)
    sources = jnp.where(picked.reached, nearest.sources[rows], -1)
    return rows, picked.scores, picked.reached, hops, simplex(diffused)[rows], sources
