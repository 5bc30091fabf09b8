"""What an experiment is: plain settings, equal if their values are, written with the results as JSON."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ddal_jax import checks
from ddal_jax.networks.architectures import Architecture
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.query import QuerySettings
from ddal_jax.training import TrainSettings

EMBEDDINGS = ("none", "vgg16", "vgg16-random")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSettings:
    """What is learnt on.

    Attributes:
      name: of a data set, or the path of an .npz file.
      num_points: size of the pool; None takes the data set's own.
      num_test: held-out points; None takes the data set's own.
      balanced: draw the pool with as many points of each class, which looks at labels, as the paper does.
      embedding: what turns inputs into what the network sees: "none", "vgg16" (features of the pre-trained frozen
        convolutional part, computed once) or "vgg16-random" (the same with random weights, to try it without them).
    """

    name: str
    num_points: int | None = None
    num_test: int | None = None
    balanced: bool = False
    embedding: str = "none"

    def __post_init__(self) -> None:
        for name in ("num_points", "num_test"):
            if getattr(self, name) is not None:
                checks.integer(name, getattr(self, name), low=1)
        checks.choice("embedding", self.embedding, EMBEDDINGS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig:
    """One task of an experiment.

    Attributes:
      task: its name, different from those of the experiment's other tasks.
      data: what is learnt on.
      strategies: names of the strategies compared; they share pools, starts and initial weights, seed by seed.
      network: what is trained. Strategies that need dropout train it with dropout added where it has none (appendix h).
      training: how, after each query.
      graph: how strategies on a graph build and walk it.
      query: how `diffusion` picks points; the other diffusion strategies say so in their names.
      start_per_class: labels of each class to start from, drawn with an oracle as the paper does; 0 for none of these.
      num_start: labels to start from whatever their class, drawn uniformly; 0 for none of these.
      query_size: B, labels asked at once by strategies on a graph; the others ask P x B at once.
      num_sub_batches: P.
      budget: labels in all, start included.
      num_seeds: repetitions.
      first_seed: the seeds are this and those that follow it.
      warm_start: go on from the previous network, as the paper does.
      watch: strategies whose graph and diffused labels are kept cycle by cycle for the first seed, to draw them.
    """

    task: str
    data: DataSettings
    strategies: tuple[str, ...]
    network: Architecture
    training: TrainSettings
    graph: GraphSettings
    query: QuerySettings = QuerySettings()
    start_per_class: int = 0
    num_start: int = 0
    query_size: int
    num_sub_batches: int = 1
    budget: int
    num_seeds: int
    first_seed: int = 0
    warm_start: bool = True
    watch: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("query_size", "num_sub_batches", "budget", "num_seeds"):
            checks.integer(name, getattr(self, name), low=1)
        for name in ("start_per_class", "num_start", "first_seed"):
            checks.integer(name, getattr(self, name), low=0)
        if (self.start_per_class == 0) == (self.num_start == 0):
            raise ValueError(
                f"one of start_per_class and num_start must be above 0, the other 0; got {self.start_per_class} "
                f"and {self.num_start}."
            )
        if not self.strategies or len(set(self.strategies)) < len(self.strategies):
            raise ValueError(f"strategies must name at least one strategy, none twice; got {self.strategies}.")
        for name in self.watch:
            checks.choice("watch", name, self.strategies)

    @property
    def seeds(self) -> range:
        """One per repetition."""
        return range(self.first_seed, self.first_seed + self.num_seeds)

    @property
    def labels_per_cycle(self) -> int:
        """P x B."""
        return self.query_size * self.num_sub_batches

    def as_dict(self) -> dict[str, Any]:
        """Returns the settings as JSON can hold them."""
        settings = plain(dataclasses.asdict(self))
        settings["network"]["kind"] = type(self.network).__name__
        return settings


def plain(value: Any) -> Any:
    """Returns nested settings as they come back from JSON."""
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, tuple | list) else value
