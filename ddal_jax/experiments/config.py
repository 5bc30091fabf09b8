"""What an experiment is: plain settings, equal if their values are, written beside the results as JSON."""

import dataclasses
from typing import Any

from ddal_jax import checks
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.query import QuerySettings
from ddal_jax.training import TrainSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig:
    """One experiment.

    Attributes:
      data: name of a data set.
      strategies: names of the strategies compared; they share pools, starts and initial weights, seed by seed.
      widths: hidden layers of the network.
      batch_norm: BatchNorm before each hidden layer.
      training: how the network is trained after each query.
      graph: how diffusion builds and walks the graph.
      query: how diffusion picks points.
      start_per_class: labels of each class to start from, drawn with an oracle as the paper does.
      query_size: B.
      num_sub_batches: P.
      budget: labels in all, start included.
      num_seeds: repetitions, with seeds 0, 1, ...
      warm_start: go on from the previous network, as the paper does.
    """

    data: str
    strategies: tuple[str, ...]
    widths: tuple[int, ...]
    batch_norm: bool
    training: TrainSettings
    graph: GraphSettings
    query: QuerySettings
    start_per_class: int
    query_size: int
    num_sub_batches: int = 1
    budget: int
    num_seeds: int
    warm_start: bool = True

    def __post_init__(self) -> None:
        for name in ("start_per_class", "query_size", "num_sub_batches", "budget", "num_seeds"):
            checks.integer(name, getattr(self, name), low=1)
        if not self.strategies or len(set(self.strategies)) < len(self.strategies):
            raise ValueError(f"strategies must name at least one strategy, none twice; got {self.strategies}.")

    def as_dict(self) -> dict[str, Any]:
        """Returns the settings as JSON can hold them."""
        return dataclasses.asdict(self)
