"""One seed of a simulation: a pool without its labels, and a strategy that asks for them batch by batch."""

import dataclasses
import functools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped

from ddal_jax import checks
from ddal_jax.campaign import judge
from ddal_jax.campaign.judge import Grade
from ddal_jax.data.pools import hold_out
from ddal_jax.diffusion import diffuse, label_mass
from ddal_jax.experiments.catalog import as_printed
from ddal_jax.graph.affinity import affinity
from ddal_jax.graph.types import AnyGraph
from ddal_jax.pool_graph import GraphSettings, pool_neighbors
from ddal_jax.query import QuerySettings
from ddal_jax.selection import Query
from ddal_jax.strategies import BADGE, Coreset, Diffusion, Pool, QueryStrategy, Random, Scored, TypiClust

LARGEST_POOL, LARGEST_TEST, NUM_QUERIES = 10_000, 2_000, 10
_START = 3  # sets the draw of start labels apart from those of the pool and the held-out points


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is labelled again, and how often.

    Attributes:
      num_seeds: paired repetitions, with seeds 0, 1, ...
      num_points: size of the pool.
      num_test: held-out points.
      num_start: labels drawn at random to start from; 0 starts from none.
      query_size: B, labels asked between two trainings of the judge.
      budget: labels in all, start included; the last batch is smaller if need be.
    """

    num_seeds: int
    num_points: int
    num_test: int
    num_start: int
    query_size: int
    budget: int

    @property
    def counts(self) -> list[int]:
        """Labels known at each checkpoint."""
        return [*range(self.num_start, self.budget, self.query_size), self.budget]


@dataclasses.dataclass(frozen=True, kw_only=True)
class WantedSizes:
    """Sizes as they are asked for; None leaves the choice to the data.

    Attributes:
      num_seeds: paired repetitions.
      query_size: B.
      budget: labels in all, start included; by default the start and ten queries, or the whole pool.
      num_start: labels drawn at random to start from, 0 for none; by default one query, or half of a smaller pool.
      num_points: size of the pool; by default all rows that are not held out, at most 10,000.
      num_test: held-out rows; by default a quarter, at most 2,000.
    """

    num_seeds: int = 20
    query_size: int = 20
    budget: int | None = None
    num_start: int | None = None
    num_points: int | None = None
    num_test: int | None = None

    def for_rows(self, num_rows: int) -> Sizes:
        """Chooses what is not given for so many labelled rows, and refuses what does not fit.

        Raises:
          ValueError: fewer than 3 rows, a size that is out of its range.
          TypeError: one that is no integer.
        """
        if num_rows < 3:
            raise ValueError(f"labels must be there for at least 3 rows, two of them the pool; got {num_rows}.")
        num_seeds = checks.integer("num_seeds", self.num_seeds, low=1)
        query_size = checks.integer("query_size", self.query_size, low=1)
        num_test = self.num_test
        if num_test is None:
            num_test = min(LARGEST_TEST, max(1, num_rows // 4))
        num_test = checks.integer("num_test", num_test, low=1, high=num_rows - 2, why="(two points are the pool)")
        rest = num_rows - num_test
        num_points = self.num_points
        if num_points is None:
            num_points = min(LARGEST_POOL, rest)
        num_points = checks.integer("num_points", num_points, low=2, high=rest, why="(the rows that are not held out)")
        num_start = self.num_start
        if num_start is None:
            num_start = min(query_size, num_points // 2)
        num_start = checks.integer("num_start", num_start, low=0, high=num_points - 1, why="(the pool less one)")
        budget = self.budget
        if budget is None:
            budget = min(num_start + NUM_QUERIES * query_size, num_points)
        why = "(more than the start, at most the pool)"
        budget = checks.integer("budget", budget, low=num_start + 1, high=num_points, why=why)
        return Sizes(
            num_seeds=num_seeds, num_points=num_points, num_test=num_test, num_start=num_start, query_size=query_size,
            budget=budget,
        )  # fmt: skip


class Trial(NamedTuple):
    """What all strategies of one seed share.

    Attributes:
      seed: of the draws.
      num_classes: C, whether or not each class occurs here.
      features: of the pool, as strategies see them.
      scaled: the same for the judge.
      labels: of the pool.
      test_scaled: held-out points, for the judge.
      test_labels: their labels.
      start: rows labelled at the start.
      graphs: of the pool, by their settings; that of the read-out is the first.
    """

    seed: int
    num_classes: int
    features: Float[Array, "n d"]
    scaled: Float[np.ndarray, "n d"]
    labels: Int[np.ndarray, " n"]
    test_scaled: Float[np.ndarray, "m d"]
    test_labels: Int[np.ndarray, " m"]
    start: Int[np.ndarray, " s"]
    graphs: Mapping[GraphSettings, AnyGraph]


class Checkpoint(NamedTuple):
    """What a replay reports each time the judge has learnt.

    Attributes:
      cycle: from 0.
      num_labeled: labels known.
      judged: the judge on held-out points.
      read_out: the graph's own answer on the whole pool; points that no label reaches count as wrong.
      queried: rows asked next; none at the end.
      reached: for each, whether some label reached it; True for a strategy without a graph.
      training_seconds: the judge took to learn and to predict.
      acquisition_seconds: the strategy took to ask.
    """

    cycle: int
    num_labeled: int
    judged: Grade
    read_out: Grade
    queried: list[int]
    reached: list[bool]
    training_seconds: float
    acquisition_seconds: float


def trial(
    features: Shaped[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    seed: int,
    *,
    sizes: Sizes,
    num_classes: int,
    graphs: tuple[GraphSettings, ...],
) -> Trial:
    """Draws pool, held-out points and start labels without a look at labels, and builds the graphs of the pool."""
    pool, test = hold_out(labels, seed, num_points=sizes.num_points, num_test=sizes.num_test, num_classes=num_classes)
    own, held_out = (np.asarray(features[rows], np.float32) for rows in (pool, test))
    scaled, test_scaled = judge.scaled(own, held_out)
    start = np.random.default_rng([seed, _START]).permutation(len(pool))[: sizes.num_start]
    inputs = jnp.asarray(own)
    neighbors = {(each.metric, each.num_neighbors): each for each in graphs}
    found = {shared: pool_neighbors(inputs, each) for shared, each in neighbors.items()}
    built = {each: affinity(found[each.metric, each.num_neighbors], symmetrize=each.symmetrize) for each in graphs}
    return Trial(seed, num_classes, inputs, scaled, labels[pool], test_scaled, labels[test], start, built)


def replay(trial: Trial, strategy: QueryStrategy, *, sizes: Sizes) -> Iterator[Checkpoint]:
    """Lets one strategy ask until the budget is spent."""
    labeled = np.zeros(len(trial.labels), bool)
    labeled[trial.start] = True
    for cycle, (count, after) in enumerate(zip(sizes.counts, [*sizes.counts[1:], sizes.budget], strict=True)):
        begun = time.perf_counter()
        probabilities, held_out = judge.learnt_probabilities(
            trial.scaled[labeled], trial.labels[labeled], trial.scaled, trial.test_scaled,
            num_classes=trial.num_classes,
        )  # fmt: skip
        learnt = time.perf_counter()
        queried, reached = _ask(trial, strategy, labeled, probabilities, cycle=cycle, query_size=after - count)
        yield Checkpoint(
            cycle=cycle,
            num_labeled=count,
            judged=judge.grade(held_out, trial.test_labels),
            read_out=_read_out(trial, labeled),
            queried=queried.tolist(),
            reached=reached.tolist(),
            training_seconds=learnt - begun,
            acquisition_seconds=time.perf_counter() - learnt,
        )
        labeled[queried] = True


def _ask(
    trial: Trial,
    strategy: QueryStrategy,
    labeled: Bool[np.ndarray, " n"],
    probabilities: Float[np.ndarray, "n c"],
    *,
    cycle: int,
    query_size: int,
) -> tuple[Int[np.ndarray, " b"], Bool[np.ndarray, " b"]]:
    if not query_size:
        return np.zeros(0, np.int32), np.zeros(0, bool)
    graph = trial.graphs[strategy.graph] if isinstance(strategy, Diffusion) else None
    known = np.where(labeled, trial.labels, -1).astype(np.int32)
    pool = Pool(trial.features, jnp.asarray(probabilities, jnp.float32), None, jnp.asarray(known), jnp.asarray(labeled))
    key = jax.random.fold_in(jax.random.key(trial.seed), cycle)
    found = jax.device_get(_queried(key, pool, graph, strategy=strategy, query_size=query_size))
    return found.indices, found.reached


@functools.partial(jax.jit, static_argnames=("strategy", "query_size"))
def _queried(key: jax.Array, pool: Pool, graph: AnyGraph | None, *, strategy: QueryStrategy, query_size: int) -> Query:
    prepare_key, query_key = jax.random.split(key)
    prepared = strategy.prepare(prepare_key, pool) if graph is None else graph
    return strategy.query(query_key, prepared, pool, query_size=query_size)


def _read_out(trial: Trial, labeled: Bool[np.ndarray, " n"]) -> Grade:
    settings, graph = next(iter(trial.graphs.items()))
    mass = label_mass(trial.labels, labeled, num_classes=trial.num_classes)
    mass = np.asarray(diffuse(graph, mass, labeled, num_steps=settings.steps_for(len(labeled))))
    right = (mass.max(axis=1) > 0) & (mass.argmax(axis=1) == trial.labels)
    return judge.grade_of_credit(right.astype(np.float64), trial.labels)


def _diffusion(**changes: str) -> Callable[[GraphSettings, QuerySettings, int], QueryStrategy]:
    def make(graph: GraphSettings, query: QuerySettings, num_classes: int) -> Diffusion:
        return Diffusion(num_classes=num_classes, graph=graph, settings=dataclasses.replace(query, **changes))

    return make


def _as_printed(graph: GraphSettings, query: QuerySettings, num_classes: int) -> Diffusion:
    del query
    settings = QuerySettings(criterion="min_abs", diversity="none", ties="random")
    return Diffusion(num_classes=num_classes, graph=as_printed(graph), settings=settings)


# The names of `experiments.catalog`, those whose judge needs no dropout.
STRATEGIES: dict[str, Callable[[GraphSettings, QuerySettings, int], QueryStrategy]] = {
    "random": lambda *_: Random(),
    "margin": lambda *_: Scored(score="margin"),
    "coreset": lambda *_: Coreset(),
    "diffusion": _diffusion(),
    "diffusion-local-minima": _diffusion(diversity="local_minima"),
    "diffusion-coverage": _diffusion(diversity="coverage"),
    "diffusion-plain": _diffusion(diversity="none", ties="random"),
    "diffusion-paper": _as_printed,
    "uncertainty": lambda *_: Scored(score="uncertainty"),
    "entropy": lambda *_: Scored(score="entropy"),
    "badge": lambda *_: BADGE(),
    "typiclust": lambda *_: TypiClust(),
}
