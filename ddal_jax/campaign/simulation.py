"""Will it help me? A fully labelled pool is labelled again from the start, strategy by strategy, and judged.

For each seed points are held out and the rest is the pool; all strategies share both, the start labels and one graph.
They are judged twice, and apart: by logistic regression on the features, which is what most labels are used for, and by
the graph's own answer, the class with the most diffused mass.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import threadpoolctl
from jaxtyping import Int, Shaped

from ddal_jax import array_checks, checks
from ddal_jax.campaign.trials import STRATEGIES, Checkpoint, Sizes, WantedSizes, replay, trial
from ddal_jax.experiments.config import plain
from ddal_jax.experiments.results import Record, Results, RunHeader, environment
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.query import QuerySettings
from ddal_jax.strategies import Diffusion, QueryStrategy

DEFAULT_STRATEGIES = ("random", "margin", "coreset", "diffusion")
JUDGE, READ_OUT = "logistic regression", "the graph's own answer on the whole pool, nothing held out"


class Simulation(NamedTuple):
    """What a simulation found, each part in the form that `evaluate` reads.

    Attributes:
      judged: logistic regression on the features, on held-out points.
      read_out: the graph's own answer on the whole pool: labels given count as right, since a user takes away both,
        and points that no label reaches as wrong.
    """

    judged: Results
    read_out: Results


def simulate(
    features: Shaped[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    *,
    strategies: Sequence[str] = DEFAULT_STRATEGIES,
    wanted: WantedSizes | None = None,
    graph: GraphSettings | None = None,
    query: QuerySettings | None = None,
    name: str = "pool",
    on_seed: Callable[[int], None] | None = None,
) -> Simulation:
    """Labels a pool again from the start, once for each seed and strategy, and judges what came of it.

    Strategies that need predictions read those of the logistic regression; coreset and diffusion read the features as
    given. No draw looks at labels, so a class may be missing among the start labels, in the pool or among the held-out
    points.

    Args:
      features: float16, float32, float64 or integers, used as float32.
      labels: class of each row from 0, none unlabelled.
      strategies: names from `trials.STRATEGIES`, none twice.
      wanted: sizes; all by default if None.
      graph: how the graph is built and walked; by default K = 10, or what a smaller pool allows.
      query: how `diffusion` picks points; by default as `suggest` does.
      name: of the data.
      on_seed: called with each seed once it is done.

    Raises:
      ValueError: features or labels that cannot be used, labels of a single class, an unknown strategy, sizes that do
        not fit.
      TypeError: labels or sizes that are no integers.
    """
    features, labels = _checked(features, labels)
    chosen = (wanted or WantedSizes()).for_rows(len(labels))
    graph = GraphSettings(num_neighbors=min(10, chosen.num_points - 1)) if graph is None else graph
    checks.num_neighbors(graph.num_neighbors, chosen.num_points)
    num_classes = int(labels.max()) + 1
    made = _made(strategies, graph, query or QuerySettings(), num_classes)
    graphs = (graph, *(asks.graph for asks in made.values() if isinstance(asks, Diffusion)))
    rows: list[tuple[str, int, Checkpoint]] = []
    # A regression on some hundred labels is too small to share: two threads take ten times as long as one.
    with threadpoolctl.threadpool_limits(1):
        for seed in range(chosen.num_seeds):
            shared = trial(features, labels, seed, sizes=chosen, num_classes=num_classes, graphs=graphs)
            for strategy, asks in made.items():
                rows.extend((strategy, seed, point) for point in replay(shared, asks, sizes=chosen))
            if on_seed is not None:
                on_seed(seed)
    headers = [_header(features, labels, made, chosen, graph, judge=judge, name=name) for judge in (JUDGE, READ_OUT)]
    return Simulation(
        *(Results([header], _records(header.task, rows, of_graph=header is headers[1])) for header in headers)
    )


def _checked(
    features: Shaped[np.ndarray, "n d"], labels: Int[np.ndarray, " n"]
) -> tuple[Shaped[np.ndarray, "n d"], Int[np.ndarray, " n"]]:
    array_checks.features("features", features)
    features, labels = np.asarray(features), np.asarray(labels)
    checks.rank("labels", labels, 1, "[n]")
    checks.length("labels", labels, len(features), "row of features")
    array_checks.labels("labels", labels, num_classes=None, low=0)
    found = np.unique(labels)
    if len(found) < 2:
        raise ValueError(f"labels must be of at least two classes; got {found.tolist()} alone.")
    return features, labels.astype(np.int32)


def _made(
    strategies: Sequence[str], graph: GraphSettings, query: QuerySettings, num_classes: int
) -> dict[str, QueryStrategy]:
    for name in strategies:
        checks.choice("strategies", name, STRATEGIES)
    if not strategies or len(set(strategies)) < len(strategies):
        raise ValueError(f"strategies must name at least one strategy, none twice; got {tuple(strategies)}.")
    return {name: STRATEGIES[name](graph, query, num_classes) for name in strategies}


def _header(
    features: Shaped[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    made: dict[str, QueryStrategy],
    chosen: Sizes,
    graph: GraphSettings,
    *,
    judge: str,
    name: str,
) -> RunHeader:
    digest = hashlib.sha256()
    for part in (features, labels):
        digest.update(f"{part.dtype}{part.shape}".encode())
        digest.update(np.ascontiguousarray(part).data)
    about: dict[str, Any] = {
        "task": f"{name}, judged by {judge}",
        "data": {"name": name},
        "judge": judge,
        "strategies": list(made),
        "graph": plain(dataclasses.asdict(graph)),
        **dataclasses.asdict(chosen),
    }
    return RunHeader(
        task=about["task"],
        config=about,
        environment=environment(),
        strategies={
            strategy: {
                "kind": type(asks).__name__,
                "settings": plain(dataclasses.asdict(asks)),  # pyright: ignore[reportArgumentType]  # all are
                "query_size": chosen.query_size,
            }
            for strategy, asks in made.items()
        },
        data={
            "num_rows": len(labels), "num_points": chosen.num_points, "num_test": chosen.num_test,
            "num_classes": int(labels.max()) + 1, "sha256": digest.hexdigest(),
        },
    )  # fmt: skip


def _records(task: str, rows: Sequence[tuple[str, int, Checkpoint]], *, of_graph: bool) -> list[Record]:
    """Returns the checkpoints as records, whose seconds are of all seeds together."""
    totals: dict[tuple[str, int], list[float]] = {}
    for strategy, _, point in rows:
        total = totals.setdefault((strategy, point.cycle), [0.0, 0.0])
        total[0] += point.training_seconds
        total[1] += point.acquisition_seconds
    records = []
    for strategy, seed, point in rows:
        grade = point.read_out if of_graph else point.judged
        training, acquisition = totals[strategy, point.cycle]
        records.append(
            Record(
                task=task, strategy=strategy, seed=seed, cycle=point.cycle, num_labeled=point.num_labeled,
                accuracy=grade.accuracy, balanced_accuracy=grade.balanced_accuracy, queried=point.queried,
                reached=point.reached, training_seconds=training, acquisition_seconds=acquisition,
            )
        )  # fmt: skip
    return records
