"""Optimal design on a graph: points whose labels leave least uncertain of a Gaussian field, whatever the labels are.

The field has the precision L, the graph's Laplacian, so given labels its covariance on the other points is
G = (L_uu)^-1, and one more label at i takes G_:i G_i: / G_ii from it. Two rivals differ in what they want small: the
sum of all entries of G, or its trace. Neither looks at a class, so a batch is what one label at a time would ask.
Where this differs from the publications:

1. G is held densely, N x N, inverted once and then updated by rank one, where they invert anew.
2. L has no diagonal added. A component without a label, whose covariance is infinite, holds the pseudo-inverse of its
   L instead and comes first, the largest first; there the point of smallest variance is asked, which is the limit of
   an added diagonal that vanishes.
3. Ties are drawn by lot.

Reference: Ji and Han, "A variance minimization criterion to active learning on graphs", AISTATS 2012; Ma, Garnett and
Schneider, "Sigma-optimality for active learning on Gaussian random fields", NeurIPS 2013.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from ddal_jax import checks
from ddal_jax.graph.components import components
from ddal_jax.graph.table import weighted_sums
from ddal_jax.graph.types import Graph
from ddal_jax.pool_graph import GraphSettings, pool_graph
from ddal_jax.selection import Query
from ddal_jax.strategies.base import Pool
from ddal_jax.strategies.picking import draw_lots, smallest

# From the covariance to how much of it a label at each point would take away.
Gain = Callable[[Float[Array, "n n"]], Float[Array, " n"]]


class Field(NamedTuple):
    """A Gaussian field on a graph, given labels at some points.

    Attributes:
      covariance: G, 0 in the rows and columns of known points; in a component without a label, the pseudo-inverse of
        its Laplacian.
      known: True where the field is known.
      free: True in components without a label.
      components: lowest index of the nodes connected to each node.
    """

    covariance: Float[Array, "n n"]
    known: Bool[Array, " n"]
    free: Bool[Array, " n"]
    components: Int[Array, " n"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimalDesign:
    """Asks the points that take most from the covariance, one after the other; the score is minus what they take.

    A point counts as reached when its component of the graph holds a label; elsewhere it takes infinitely much.
    Memory is N^2 and `prepare` N^3 / 3 times a constant; each pick and each label that is new since `prepare` costs
    N^2.

    Attributes:
      criterion: "sigma" makes the sum of the covariance small, "variance" its trace.
      graph: how the graph is built; its number of steps is not used.
      max_points: larger pools are refused, as the covariance of all pairs of points would be held.
    """

    criterion: str
    graph: GraphSettings = GraphSettings()
    max_points: int = 10_000

    def __post_init__(self) -> None:
        checks.choice("criterion", self.criterion, GAINS)
        checks.integer("max_points", self.max_points, low=1)
        if self.graph.symmetrize == "none":
            raise ValueError("graph.symmetrize must give symmetric weights for OptimalDesign; got 'none'.")

    @property
    def requires(self) -> frozenset[str]:
        """See `QueryStrategy`."""
        return frozenset({"features"})

    def prepare(self, key: jax.Array, pool: Pool) -> Field:
        """Builds the graph of the pool and inverts its Laplacian.

        Raises:
          ValueError: a pool of more than `max_points`.
        """
        del key
        assert pool.features is not None
        num_points = pool.features.shape[0]
        if num_points > self.max_points:
            raise ValueError(
                f"features must have at most {self.max_points} rows for OptimalDesign, which holds a matrix of all "
                f"pairs; got {num_points}. Raise max_points if {num_points**2 * 4 / 1e9:.1f} GB are there for it."
            )
        graph = pool_graph(pool.features, self.graph)
        assert isinstance(graph, Graph)
        return field_of(graph, pool.labeled)

    def query(self, key: jax.Array, prepared: Field, pool: Pool, *, query_size: int) -> Query:
        """Conditions on labels that are new, then picks the largest gains one after the other."""
        lots = draw_lots(key, pool.labeled.shape[0])
        given_labels = _condition_on(prepared, pool.labeled)

        def pick(field: Field, _):
            values, eligible = self._values(field)
            picked = smallest(values, eligible, lots)
            score = jnp.where(field.free[picked], -jnp.inf, values[picked])
            return _condition(field, picked), (picked, score)

        _, (indices, values) = lax.scan(pick, given_labels, length=query_size)
        found = indices >= 0
        return Query(indices, jnp.where(found, values, jnp.nan), found & ~given_labels.free[indices])

    def _values(self, field: Field) -> tuple[Float[Array, " n"], Bool[Array, " n"]]:
        """Returns what is smallest at the next pick, and where to look for it."""
        sizes = jnp.zeros(field.free.shape, jnp.int32).at[field.components].add(field.free)[field.components]
        foremost = field.free & (sizes == jnp.where(field.free, sizes, 0).max())
        gains = GAINS[self.criterion](field.covariance)
        values = jnp.where(field.free, jnp.diagonal(field.covariance), -gains)
        return values, jnp.where(field.free.any(), foremost, ~field.known)


def field_of(graph: Graph, labeled: Bool[Array, " n"]) -> Field:
    """Returns the field given the labels: the dense inverse of L without their rows."""
    component = components(graph)
    n = labeled.shape[0]
    everyone = jnp.arange(n, dtype=jnp.int32)
    has_label = jnp.zeros(n, bool).at[component].max(labeled)
    free = ~has_label[component]
    # A component without labels is grounded at one node; centred in rows and columns that is the pseudo-inverse.
    absent = labeled | (free & (component == everyone))
    eye = jnp.eye(n, dtype=graph.weights.dtype)
    laplacian = jnp.diag(graph.degrees) - weighted_sums(graph, eye)
    covariance = jnp.linalg.inv(jnp.where(absent[:, None] | absent[None, :], eye, laplacian))
    covariance = jnp.where(absent[:, None] | absent[None, :], 0.0, (covariance + covariance.T) / 2)
    covariance = _centred(_centred(covariance, component, free).T, component, free)
    return Field(covariance, labeled, free, component)


def _centred(rows: Float[Array, "n n"], component: Int[Array, " n"], free: Bool[Array, " n"]) -> Float[Array, "n n"]:
    """Takes the mean over its component from each row that is free."""
    n = rows.shape[0]
    sizes = jnp.zeros(n, rows.dtype).at[component].add(1.0)
    means = jax.ops.segment_sum(rows, component, num_segments=n) / jnp.maximum(sizes, 1.0)[:, None]
    return jnp.where(free[:, None], rows - means[component], rows)


def _condition_on(field: Field, labeled: Bool[Array, " n"]) -> Field:
    added = labeled & ~field.known
    rows = jnp.nonzero(added, size=added.shape[0], fill_value=-1)[0]
    return lax.fori_loop(0, added.sum(), lambda place, current: _condition(current, rows[place]), field)


def _condition(field: Field, index: Int[Array, ""]) -> Field:
    """Makes the field known at one more point, by (I - m e^T) G (I - e m^T); nothing changes at -1."""
    chosen = jnp.arange(field.known.shape[0], dtype=jnp.int32) == index
    column, variance = field.covariance[:, index], field.covariance[index, index]
    in_component = (field.components == field.components[index]) & (index >= 0)
    regression = jnp.where(variance > 0, column / jnp.where(variance > 0, variance, 1.0), 0.0)
    # Where nothing was known, the point's value is the best guess of all others: m = 1.
    m = jnp.where(field.free[index], 1.0, regression) * in_component
    remainder = column - variance * m
    covariance = field.covariance - column[:, None] * m[None, :] - m[:, None] * remainder[None, :]
    covariance = jnp.where(chosen[:, None] | chosen[None, :], 0.0, covariance)
    return Field(covariance, field.known | chosen, field.free & ~in_component, field.components)


def _sigma(covariance: Float[Array, "n n"]) -> Float[Array, " n"]:
    return _over_variance(jnp.sum(covariance, axis=1) ** 2, covariance)


def _variance(covariance: Float[Array, "n n"]) -> Float[Array, " n"]:
    return _over_variance(jnp.sum(covariance**2, axis=1), covariance)


def _over_variance(taken: Float[Array, " n"], covariance: Float[Array, "n n"]) -> Float[Array, " n"]:
    variances = jnp.diagonal(covariance)
    return jnp.where(variances > 0, taken / jnp.where(variances > 0, variances, 1.0), 0.0)


GAINS: dict[str, Gain] = {"sigma": _sigma, "variance": _variance}
