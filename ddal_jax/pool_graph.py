"""From features to the graph that labels diffuse on, in one step."""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ddal_jax import array_checks, checks
from ddal_jax.diffusion import recommended_num_steps
from ddal_jax.graph.affinity import SYMMETRIZATIONS, affinity
from ddal_jax.graph.knn import knn_graph
from ddal_jax.graph.types import AnyGraph, KNNGraph

# In a pool of some hundred points the paper's T is 3. Labels then reach so little that a query asks unreached points by
# lot for long, which costs most where classes are rare; 8 steps are too many for islands (docs/batch-rules.md).
FEWEST_STEPS = 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class GraphSettings:
    """How the pool graph is built and walked.

    Attributes:
      num_neighbors: K edges per node.
      num_steps: T diffusion steps per query; None takes `recommended_num_steps`, but at least `fewest_steps`.
      fewest_steps: 0 leaves T to the paper's rule.
      symmetrize: as in `affinity`.
      metric: "euclidean" or "cosine".
    """

    num_neighbors: int = 10
    num_steps: int | None = None
    fewest_steps: int = FEWEST_STEPS
    symmetrize: str = "max"
    metric: str = "euclidean"

    def __post_init__(self) -> None:
        checks.integer("num_neighbors", self.num_neighbors, low=1)
        if self.num_steps is not None:
            checks.integer("num_steps", self.num_steps, low=0)
        checks.integer("fewest_steps", self.fewest_steps, low=0)
        checks.choice("symmetrize", self.symmetrize, SYMMETRIZATIONS)
        checks.choice("metric", self.metric, METRICS)

    def steps_for(self, num_points: int) -> int:
        """Returns T for a pool of `num_points`."""
        if self.num_steps is not None:
            return self.num_steps
        return max(self.fewest_steps, recommended_num_steps(num_points, self.num_neighbors))


def pool_graph(features: Float[Array, "n d"], settings: GraphSettings) -> AnyGraph:
    """Builds the weighted graph of a pool."""
    return affinity(pool_neighbors(features, settings), symmetrize=settings.symmetrize)


def pool_neighbors(features: Float[Array, "n d"], settings: GraphSettings) -> KNNGraph:
    """Finds the neighbours on which the graph of a pool stands."""
    return knn_graph(METRICS[settings.metric](features), num_neighbors=settings.num_neighbors)


def _as_given(features: Float[Array, "n d"]) -> Float[Array, "n d"]:
    return features


def _unit_length(features: Float[Array, "n d"]) -> Float[Array, "n d"]:
    sizes = jnp.abs(features).max(axis=1, keepdims=True)
    if array_checks.is_concrete(sizes) and not np.all(np.asarray(sizes) > 0):
        row = int(np.argmin(np.asarray(sizes)))
        raise ValueError(f"features must have no zero row when metric is 'cosine'; got zeros in row {row}.")
    # Scaled first, since the square of a small number may vanish.
    scaled = features / jnp.where(sizes > 0, sizes, 1.0)
    lengths = jnp.linalg.norm(scaled, axis=1, keepdims=True)
    return scaled / jnp.where(lengths > 0, lengths, 1.0)


METRICS = {"euclidean": _as_given, "cosine": _unit_length}
