"""The paper's strategy: a graph on the features, known labels diffused over it, the weakest points asked."""

import dataclasses

import jax

from ddal_jax import checks
from ddal_jax.diffusion import label_mass
from ddal_jax.graph.types import AnyGraph
from ddal_jax.pool_graph import GraphSettings, pool_graph
from ddal_jax.query import QuerySettings, query
from ddal_jax.selection import Query
from ddal_jax.strategies.base import SPACES, Pool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Diffusion:
    """DDAL, by default with the house's batch rule.

    Attributes:
      num_classes: C.
      graph: how the graph is built and walked.
      settings: how points are picked.
      space: what the graph stands on, "features" of the network or its "inputs".

    Paper: Algorithm 1; the sub-batches between two retrainings share a graph and each diffuse all labels afresh.
    """

    num_classes: int
    graph: GraphSettings = GraphSettings()
    settings: QuerySettings = QuerySettings()
    space: str = "features"

    def __post_init__(self) -> None:
        checks.choice("space", self.space, SPACES)

    @property
    def requires(self) -> frozenset[str]:
        """See `QueryStrategy`."""
        return frozenset({self.space})

    def prepare(self, key: jax.Array, pool: Pool) -> AnyGraph:
        """Builds the graph of the pool."""
        del key
        return pool_graph(pool.points(self.space), self.graph)

    def query(self, key: jax.Array, prepared: AnyGraph, pool: Pool, *, query_size: int) -> Query:
        """Diffuses all known labels and picks a batch of the weakest points."""
        mass = label_mass(pool.labels, pool.labeled, num_classes=self.num_classes)
        picked, _ = query(
            key, prepared, mass, pool.labeled, ~pool.labeled,
            settings=self.settings, query_size=query_size, num_steps=self.graph.steps_for(pool.labeled.shape[0]),
        )  # fmt: skip
        return picked
