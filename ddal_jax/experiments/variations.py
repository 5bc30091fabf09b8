"""Settings of one's own for `diffusion`, in its name: `diffusion:num_steps=8:ties=coverage`."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax

from ddal_jax.diffusion import label_mass
from ddal_jax.diversity.redistribution import redistribute
from ddal_jax.graph.types import AnyGraph
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.query import QuerySettings
from ddal_jax.scores import CRITERIA
from ddal_jax.selection import Query
from ddal_jax.strategies import Diffusion, Pool

SEPARATOR = ":"
_NONE = "none"


@dataclasses.dataclass(frozen=True, kw_only=True)
class WeighedDiffusion(Diffusion):
    """Diffusion by `redistribute` with another weight of the pick mass.

    Attributes:
      pick_weight: factor of the pick mass, at least 0.
    """

    pick_weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (math.isfinite(self.pick_weight) and self.pick_weight >= 0):
            raise ValueError(f"pick_weight must be at least 0 and finite; got {self.pick_weight}.")

    def query(self, key: jax.Array, prepared: AnyGraph, pool: Pool, *, query_size: int) -> Query:
        """Diffuses all known labels and picks a batch of the weakest points."""
        mass = label_mass(pool.labels, pool.labeled, num_classes=self.num_classes)
        return redistribute(
            key, prepared, mass, pool.labeled, ~pool.labeled,
            query_size=query_size,
            num_steps=self.graph.steps_for(pool.labeled.shape[0]),
            num_rediffusions=self.settings.num_rediffusions,
            criterion=CRITERIA[self.settings.criterion],
            ties=self.settings.ties,
            pick_weight=self.pick_weight,
            num_refine_steps=self.settings.num_refine_steps,
        )  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class Variation:
    """What a name changes, by the words of the settings that hold it.

    Attributes:
      graph: changes of `GraphSettings`.
      query: changes of `QuerySettings`.
      pick_weight: another weight of the pick mass; None keeps 1.
      space: what the graph stands on.
      query_size: labels asked at once; None keeps the task's. Between two retrainings as many are asked as before.
    """

    graph: dict[str, Any] = dataclasses.field(default_factory=dict)
    query: dict[str, Any] = dataclasses.field(default_factory=dict)
    pick_weight: float | None = None
    space: str = "features"
    query_size: int | None = None

    def strategy(self, graph: GraphSettings, query: QuerySettings, num_classes: int) -> Diffusion:
        """Makes the strategy from the settings of a task.

        Raises:
          ValueError: settings out of range, or a pick weight for a rule without pick mass.
        """
        graph = dataclasses.replace(graph, **self.graph)
        query = dataclasses.replace(query, **self.query)
        if self.pick_weight is None:
            return Diffusion(num_classes=num_classes, graph=graph, settings=query, space=self.space)
        if query.diversity != "redistribute":
            raise ValueError(f"pick_weight goes with diversity=redistribute only; got {query.diversity!r}.")
        return WeighedDiffusion(
            num_classes=num_classes, graph=graph, settings=query, space=self.space, pick_weight=self.pick_weight
        )


def read(name: str) -> Variation:
    """Reads the changes in a name: words with their values, behind `diffusion`.

    Raises:
      ValueError: an unknown word, one given twice, or a value of the wrong kind.
    """
    parts = [part.partition("=") for part in name.split(SEPARATOR)[1:]]
    changes = {word: text for word, _, text in parts}
    unknown = [word for word in changes if word not in _KINDS]
    if unknown or len(changes) < len(parts):
        what = f"no {unknown[0]!r}" if unknown else "a word twice"
        raise ValueError(f"strategies may vary diffusion by {', '.join(_KINDS)}, each once; got {what} in {name!r}.")
    values = {word: _value(word, text, name) for word, text in changes.items()}
    return Variation(
        graph={word: value for word, value in values.items() if word in _GRAPH},
        query={word: value for word, value in values.items() if word in _QUERY},
        pick_weight=values.get("pick_weight"),
        space=values.get("space", "features"),
        query_size=values.get("query_size"),
    )


def _value(word: str, text: str, name: str) -> Any:
    if text == _NONE and word in _MAY_BE_NONE:
        return None
    try:
        return _KINDS[word](text)
    except ValueError:
        kind = "a whole number" if _KINDS[word] is int else "a number"
        raise ValueError(f"{word} must be {kind} in the strategy {name!r}; got {text!r}.") from None


_GRAPH: dict[str, Callable[[str], Any]] = {"num_neighbors": int, "num_steps": int, "symmetrize": str, "metric": str}
_QUERY: dict[str, Callable[[str], Any]] = {
    "criterion": str, "diversity": str, "ties": str, "num_rediffusions": int, "num_refine_steps": int,
}  # fmt: skip
_KINDS: dict[str, Callable[[str], Any]] = {**_GRAPH, **_QUERY, "pick_weight": float, "space": str, "query_size": int}
_MAY_BE_NONE = ("num_steps", "num_rediffusions", "num_refine_steps")
