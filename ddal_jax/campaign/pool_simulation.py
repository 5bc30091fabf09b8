"""A simulation on a pool as people have it: files of features and labels, settings in the words of `ddal next`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ddal_jax.campaign.labeled_pools import LabeledPool
from ddal_jax.campaign.settings import settings_from
from ddal_jax.campaign.simulation import DEFAULT_STRATEGIES, Simulation, simulate
from ddal_jax.campaign.trials import WantedSizes


def simulate_pool(
    pool: LabeledPool,
    *,
    strategies: Sequence[str] | None = None,
    wanted: WantedSizes,
    options: Mapping[str, Any] | None = None,
    name: str = "pool",
    on_seed: Callable[[int], None] | None = None,
) -> Simulation:
    """Labels the labelled rows of a pool again, strategy by strategy; see `simulation.simulate`.

    Args:
      pool: from `read_labeled_pool`; rows without a label are left out.
      strategies: names from `trials.STRATEGIES`; those of `DEFAULT_STRATEGIES` if None.
      wanted: sizes.
      options: how strategies on a graph build it and pick points, by the names that `Campaign.next` has for them, such
        as `{"num_neighbors": 5, "criterion": "margin"}`; None, of an option too, is the default.
      name: of the data.
      on_seed: called with each seed once it is done.

    Raises:
      ValueError: an unknown strategy or option, too few labels, sizes that do not fit.
      TypeError: a number that is none.
    """
    rows = np.flatnonzero(pool.labels >= 0)
    num_points = wanted.for_rows(len(rows)).num_points
    settings = settings_from(wanted.query_size, num_points, **(options or {}))
    return simulate(
        pool.features if len(rows) == len(pool.labels) else pool.features[rows],
        pool.labels[rows],
        strategies=DEFAULT_STRATEGIES if strategies is None else strategies,
        graph=settings.graph,
        query=settings.query,
        name=name,
        wanted=wanted,
        on_seed=on_seed,
    )
