"""The words that scikit-learn and its kin share for a pool, its graph and a query, turned into ours."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Float, Shaped

from ddal_jax import array_checks, checks
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.query import QuerySettings


def graph_settings(num_points: int, *, n_neighbors: Any, n_steps: Any, symmetrize: Any, metric: Any) -> GraphSettings:
    """Returns how to build the graph of a pool; K is all the other points where there are fewer than asked for.

    Raises:
      ValueError: numbers out of range, an unknown name, fewer than two points.
      TypeError: numbers that are no integers.
    """
    if num_points < 2:
        raise ValueError(f"X must have at least 2 rows, or no point has a neighbor; got {num_points}.")
    n_neighbors = checks.integer("n_neighbors", n_neighbors, low=1)
    if n_steps is not None:
        n_steps = checks.integer("n_steps", n_steps, low=0)
    return GraphSettings(
        num_neighbors=min(n_neighbors, num_points - 1), num_steps=n_steps, symmetrize=symmetrize, metric=metric
    )


def features_of(name: str, X: Shaped[np.ndarray, "n d"], metric: str) -> Float[jax.Array, "n d"]:
    """Returns rows as float32 features, or refuses them under the name that their owner knows."""
    has_length = X.any(axis=1)
    if metric == "cosine" and not has_length.all():
        raise ValueError(
            f"{name} must have no zero row when metric is 'cosine'; got zeros in row {np.argmin(has_length)}."
        )
    return array_checks.features(name, X)


def query_settings(
    *, criterion: Any, diversity: Any, ties: Any, n_rediffusions: Any, n_refine_steps: Any
) -> QuerySettings:
    """Returns how points are picked.

    Raises:
      ValueError: numbers out of range, an unknown name, names that do not go together.
      TypeError: numbers that are no integers.
    """
    if n_rediffusions is not None:
        n_rediffusions = checks.integer("n_rediffusions", n_rediffusions, low=1)
    if n_refine_steps is not None:
        n_refine_steps = checks.integer("n_refine_steps", n_refine_steps, low=0)
    return QuerySettings(
        criterion=criterion,
        diversity=diversity,
        ties=ties,
        num_rediffusions=n_rediffusions,
        num_refine_steps=n_refine_steps,
    )
