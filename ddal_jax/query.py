"""One query on a given graph: diffuse what is known, score what is not, pick the weakest."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ddal_jax import checks, scores
from ddal_jax.diffusion import diffuse, reach
from ddal_jax.graph.types import AnyGraph
from ddal_jax.selection import Query, lowest

Criterion = Callable[[Float[Array, "n c"]], Float[Array, " n"]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuerySettings:
    """How points are picked.

    Attributes:
      criterion: a name from `ddal_jax.scores`.
      diversity: the batch rule; "none" takes the lowest scores at once.
      ties: what settles equal scores; "random" draws lots.
    """

    criterion: str = "root_reach_margin"
    diversity: str = "none"
    ties: str = "random"

    def __post_init__(self) -> None:
        checks.choice("criterion", self.criterion, scores.CRITERIA)
        checks.choice("diversity", self.diversity, DIVERSITIES)
        checks.choice("ties", self.ties, TIES)


@functools.partial(jax.jit, static_argnames=("settings", "query_size", "num_steps"))
def query(
    key: jax.Array,
    graph: AnyGraph,
    mass: Float[Array, "n c"],
    labeled: Bool[Array, " n"],
    eligible: Bool[Array, " n"],
    *,
    settings: QuerySettings,
    query_size: int,
    num_steps: int,
) -> tuple[Query, Float[Array, "n c"]]:
    """Queries the B eligible unlabelled points whose diffused label is weakest.

    Args:
      key: decides ties; used once.
      graph: neighbourhoods of the pool.
      mass: known labels, from `label_mass`.
      labeled: True where the label is known.
      eligible: True where a point may be asked.
      settings: criterion, batch rule and ties. Static.
      query_size: B. Static.
      num_steps: T. Static.

    Returns:
      The query and the diffused mass it was read from.

    Paper: the inner loop of Algorithm 1 with Eq. (6).
    """
    diffused = diffuse(graph, mass, labeled, num_steps=num_steps)
    pick = DIVERSITIES[settings.diversity]
    return pick(key, diffused, labeled | ~eligible, scores.CRITERIA[settings.criterion], query_size), diffused


def _lowest_at_once(key, diffused, excluded, criterion: Criterion, query_size: int) -> Query:
    values = criterion(diffused)
    indices = lowest(key, values, excluded, query_size=query_size)
    found = indices >= 0
    return Query(indices, jnp.where(found, values[indices], jnp.nan), found & (reach(diffused)[indices] > 0))


DIVERSITIES = {"none": _lowest_at_once}
TIES = ("random",)
