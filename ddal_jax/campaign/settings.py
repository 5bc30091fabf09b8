"""How a round is asked: the house defaults unless told otherwise, each round for itself."""

import dataclasses
from typing import Any

from ddal_jax import checks
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.query import QuerySettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class RoundSettings:
    """Settings of one round, K and T in numbers. Options of an earlier round are not remembered.

    Attributes:
      query_size: points asked for.
      graph: how the pool graph is built and walked.
      query: how points are picked.
      soft_labels: whether shares of votes replace the majority.
      avoid_outstanding: whether points that labels are waited for keep those near them out of the batch.
      ask_again: whether points that labels are waited for may be asked again, as if they had never been asked.
    """

    query_size: int
    graph: GraphSettings
    query: QuerySettings
    soft_labels: bool = False
    avoid_outstanding: bool = True
    ask_again: bool = False

    def __post_init__(self) -> None:
        checks.integer("query_size", self.query_size, low=1)


def settings_from(
    query_size: int, num_points: int, *, soft_labels: bool = False, ask_again: bool = False, **options: Any
) -> RoundSettings:
    """Returns settings from the words of `ddal next`; None stands for the default.

    The default K is 10, or what a pool of fewer points allows; T goes by the rule.

    Raises:
      ValueError: an option out of its range, an unknown name.
      TypeError: an option of another type.
    """
    given = {name: value for name, value in options.items() if value is not None}
    graph_names, query_names = (
        [field.name for field in dataclasses.fields(kind)] for kind in (GraphSettings, QuerySettings)
    )
    for name in given:
        checks.choice("options", name, [*graph_names, *query_names])
    query = QuerySettings(**{name: value for name, value in given.items() if name in query_names})
    graph = GraphSettings(**{name: value for name, value in given.items() if name in graph_names})
    if "num_neighbors" not in given:
        graph = dataclasses.replace(graph, num_neighbors=min(graph.num_neighbors, num_points - 1))
    checks.num_neighbors(graph.num_neighbors, num_points)
    graph = dataclasses.replace(graph, num_steps=graph.steps_for(num_points))
    return RoundSettings(query_size=query_size, graph=graph, query=query, soft_labels=soft_labels, ask_again=ask_again)


def settings_of(config: dict[str, Any]) -> RoundSettings:
    """Returns the settings that a `config.json` holds.

    Rounds recorded before there was `avoid_outstanding` did not, nor did those before `ask_again` ask again.
    """
    found = config["settings"]
    return RoundSettings(
        query_size=found["query_size"],
        graph=GraphSettings(**found["graph"]),
        query=QuerySettings(**found["query"]),
        soft_labels=found["soft_labels"],
        avoid_outstanding=found.get("avoid_outstanding", False),
        ask_again=found.get("ask_again", False),
    )
