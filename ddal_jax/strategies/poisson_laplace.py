"""Poisson-reweighted Laplace learning, asked where the solution is smallest.

The rival closest to diffusion: a label's mass also explores first and refines later, but it is solved for to
convergence, on weights that grow towards the labels, and a diagonal tau makes it decay away from them. Where this
differs from the publication and its program:

1. Classes without labels are columns of zeros, and no label at all gives u = 0 everywhere: a lottery.
2. On a graph in several components the Poisson equation has no solution unless each component's source has mean 0. So
   the mean is taken within the component, and so is the minimum of the shift. On a connected graph nothing changes.
3. tau decays with the number of labels beyond one per class (theirs with the number of queries after such a start),
   and ends at a floor; theirs ends at 0.
4. The graph is that of `GraphSettings`, its weights in [1/e, 1]; theirs are Gaussian with another width.
5. u is clipped to [0, 1], where the exact solution lies.

Reference: Miller and Calder, "Poisson reweighted Laplacian uncertainty sampling for graph-based active learning",
arXiv 2210.15786, 2022.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ddal_jax import checks
from ddal_jax.conjugate_gradients import Search, solve
from ddal_jax.diffusion import label_mass
from ddal_jax.graph.components import components
from ddal_jax.graph.table import weighted_sums
from ddal_jax.graph.types import Graph
from ddal_jax.pool_graph import GraphSettings, pool_graph
from ddal_jax.selection import Query, lowest
from ddal_jax.strategies.base import Pool

# What the authors' program adds, so that no reweighted edge vanishes.
_SMALLEST_POTENTIAL = 1e-5


class ConnectedGraph(NamedTuple):
    """A graph and which of its nodes hang together.

    Attributes:
      graph: neighbourhoods of the pool.
      components: lowest index of the nodes connected to each node.
    """

    graph: Graph
    components: Int[Array, " n"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PoissonLaplace:
    """Asks where the Poisson-reweighted solution u has the smallest 2-norm over classes, the score.

    A point counts as reached when its component of the graph holds a label; elsewhere u is exactly 0.

    Attributes:
      num_classes: C.
      graph: how the graph is built; its number of steps is not used.
      tau: diagonal at one label per class; the authors' .001.
      tau_floor: what tau decays to.
      num_clusters: K; after 2 K further labels tau is at its floor. None takes C. The authors set it by hand, to the
        number of clusters in the data.
      tolerance: relative residual at which a solve stops; float32 allows no less.
      max_steps: steps after which it stops at the latest.
    """

    num_classes: int
    graph: GraphSettings = GraphSettings()
    tau: float = 1e-3
    tau_floor: float = 1e-9
    num_clusters: int | None = None
    tolerance: float = 1e-6
    max_steps: int = 1000

    def __post_init__(self) -> None:
        checks.integer("num_classes", self.num_classes, low=1)
        if self.graph.symmetrize == "none":
            raise ValueError("graph.symmetrize must give symmetric weights for PoissonLaplace; got 'none'.")
        tau = checks.positive_float("tau", self.tau)
        if checks.positive_float("tau_floor", self.tau_floor) > tau:
            raise ValueError(f"tau_floor must be at most tau = {tau}; got {self.tau_floor}.")
        if self.num_clusters is not None:
            checks.integer("num_clusters", self.num_clusters, low=1)
        checks.positive_float("tolerance", self.tolerance)
        checks.integer("max_steps", self.max_steps, low=1, high=checks.INT32_MAX)

    @property
    def requires(self) -> frozenset[str]:
        """See `QueryStrategy`."""
        return frozenset({"features"})

    def prepare(self, key: jax.Array, pool: Pool) -> ConnectedGraph:
        """Builds the graph of the pool and finds its components."""
        del key
        assert pool.features is not None
        graph = pool_graph(pool.features, self.graph)
        assert isinstance(graph, Graph)
        return ConnectedGraph(graph, components(graph))

    def query(self, key: jax.Array, prepared: ConnectedGraph, pool: Pool, *, query_size: int) -> Query:
        """Reweights the graph by all known labels, solves, and picks the smallest norms."""
        mass = label_mass(pool.labels, pool.labeled, num_classes=self.num_classes)
        potential = poisson_potential(prepared, pool.labeled, tolerance=self.tolerance, max_steps=self.max_steps)
        solution = reweighted_laplace(
            prepared.graph, potential, mass, pool.labeled, self.tau_at(pool.labeled.sum()),
            tolerance=self.tolerance, max_steps=self.max_steps,
        )  # fmt: skip
        score = jnp.sqrt(jnp.sum(solution * solution, axis=1))
        indices = lowest(key, score, pool.labeled, query_size=query_size)
        found = indices >= 0
        reached = _in_component(prepared.components, pool.labeled)[0] > 0
        return Query(indices, jnp.where(found, score[indices], jnp.nan), found & reached[indices])

    def tau_at(self, num_labels: Int[Array, ""]) -> Float[Array, ""]:
        """Returns tau for a number of labels: tau (tau_floor / tau)^(m / 2 K) for m labels beyond one per class."""
        num_clusters = self.num_classes if self.num_clusters is None else self.num_clusters
        share = jnp.clip((num_labels - self.num_classes) / (2 * num_clusters), 0.0, 1.0)
        return self.tau * (self.tau_floor / self.tau) ** share


def poisson_potential(
    prepared: ConnectedGraph, labeled: Bool[Array, " n"], *, tolerance: float, max_steps: int
) -> Float[Array, " n"]:
    """Solves L gamma = sum over labels of (delta - mean), shifted to a smallest value just above 0 in each component.

    Reference: Calder, Cook, Thorpe and Slepcev, "Poisson learning", 2020.
    """
    graph, components = prepared
    num_labels, size = _in_component(components, labeled)
    source = labeled.astype(graph.weights.dtype) - num_labels / size

    def laplacian(signal):
        return graph.degrees[:, None] * signal - weighted_sums(graph, signal)

    everywhere = jnp.ones(labeled.shape, bool)
    search = solve(
        laplacian, graph.degrees, source[:, None], everywhere, is_met=_falls_to(tolerance), max_steps=max_steps
    )
    potential = search.solution[:, 0]
    lowest_each = jax.ops.segment_min(potential, components, num_segments=labeled.shape[0])
    return potential - lowest_each[components] + _SMALLEST_POTENTIAL


def reweighted_laplace(
    graph: Graph,
    potential: Float[Array, " n"],
    mass: Float[Array, "n c"],
    labeled: Bool[Array, " n"],
    tau: Float[Array, ""],
    *,
    tolerance: float,
    max_steps: int,
) -> Float[Array, "n c"]:
    """Solves (D' - W' + tau) u = 0 with u one-hot at the labels, on weights W'_ij = gamma_i gamma_j W_ij."""

    def weighted(signal):
        return potential[:, None] * weighted_sums(graph, potential[:, None] * signal)

    diagonal = weighted(jnp.ones((labeled.shape[0], 1), mass.dtype))[:, 0] + tau

    def perturbed_laplacian(signal):
        return diagonal[:, None] * signal - weighted(signal)

    search = solve(
        perturbed_laplacian, diagonal, weighted(mass), ~labeled, is_met=_falls_to(tolerance), max_steps=max_steps
    )
    return jnp.where(labeled[:, None], mass, jnp.clip(search.solution, 0.0, 1.0))


def _falls_to(tolerance: float) -> Callable[[Search, Float[Array, " c"]], Bool[Array, ""]]:
    """Tells a search to stop when the residual of each column is this small a part of its start."""
    return lambda search, start_energy: (search.energy <= tolerance**2 * start_energy).all()


def _in_component(
    components: Int[Array, " n"], labeled: Bool[Array, " n"]
) -> tuple[Int[Array, " n"], Int[Array, " n"]]:
    """Returns the number of labels and of nodes in the component of each node."""
    none = jnp.zeros(labeled.shape, jnp.int32)
    labels_each = none.at[components].add(labeled.astype(jnp.int32))
    return labels_each[components], none.at[components].add(1)[components]
