"""A simulation on a pool as people have it: files of features and labels, settings in the words of `ddal next`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ddal_jax.campaign.labeled_pools import LabeledPool
from ddal_jax.campaign.settings import settings_from
from ddal_jax.campaign.simulation import DEFAULT_STRATEGIES, Simulation, simulate
from ddal_jax.campaign.trials import sizes


def simulate_pool(
    pool: LabeledPool,
    *,
    strategies: Sequence[str] | None = None,
    num_seeds: int = 20,
    query_size: int = 20,
    budget: int | None = None,
    num_start: int | None = None,
    num_points: int | None = None,
    num_test: int | None = None,
    options: Mapping[str, Any] | None = None,
    name: str = "pool",
    on_seed: Callable[[int], None] | None = None,
) -> Simulation:
    """Labels the labelled rows of a pool again, strategy by strategy; see `simulation.simulate`.

    Args:
      pool: from `read_labeled_pool`; rows without a label are left out.
      strategies: names from `trials.STRATEGIES`; those of `DEFAULT_STRATEGIES` if None.
      num_seeds: as in `simulate`, like the other sizes.
      query_size: B.
      budget: labels in all.
      num_start: labels drawn at random first.
      num_points: pool of each seed.
      num_test: held-out points.
      options: how strategies on a graph build it and pick points, by the names that `Campaign.next` has for them, such
        as `{"num_neighbors": 5, "criterion": "margin"}`; None, of an option too, is the default.
      name: of the data.
      on_seed: called with each seed once it is done.

    Raises:
      ValueError: an unknown strategy or option, too few labels, sizes that do not fit.
      TypeError: a number that is none.
    """
    rows = np.flatnonzero(pool.labels >= 0)
    chosen = {
        "num_seeds": num_seeds, "query_size": query_size, "budget": budget, "num_start": num_start,
        "num_points": num_points, "num_test": num_test,
    }  # fmt: skip
    settings = settings_from(query_size, sizes(len(rows), **chosen).num_points, **(options or {}))
    return simulate(
        pool.features if len(rows) == len(pool.labels) else pool.features[rows],
        pool.labels[rows],
        strategies=DEFAULT_STRATEGIES if strategies is None else strategies,
        graph=settings.graph,
        query=settings.query,
        name=name,
        on_seed=on_seed,
        **chosen,
    )
