"""Runs rules on fixed graphs, one label at a time from a single one."""

import dataclasses
import functools
import hashlib
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from ddal_jax import checks
from ddal_jax.experiments.config import plain
from ddal_jax.experiments.fixed_graph.readout import accuracies
from ddal_jax.experiments.fixed_graph.rules import RULES, Rule, Setting
from ddal_jax.experiments.fixed_graph.settings import FixedGraphSettings
from ddal_jax.experiments.fixed_graph.tasks import TASKS, Problem, problem
from ddal_jax.experiments.results import Record, RunHeader, environment
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.selection import Query
from ddal_jax.strategies import Pool, QueryStrategy

# From key, features, labels and the first point known to the points asked.
Ask = Callable[..., Query]


class Asked(NamedTuple):
    """What a rule asked of one problem.

    Attributes:
      order: the first label and the points asked, in order.
      reached: whether some label reached each point asked.
      seconds: of all queries, the graph included and compilation not.
    """

    order: Int[np.ndarray, " m"]
    reached: Bool[np.ndarray, " q"]
    seconds: float


def problems(settings: FixedGraphSettings) -> list[Problem]:
    """Draws the seeds of a task.

    Raises:
      ValueError: more labels than points.
    """
    drawn = [problem(settings.task, seed) for seed in settings.seeds]
    checks.integer("checkpoints", settings.budget, low=1, high=len(drawn[0].labels) - 1, why="(the points but one)")
    return drawn


def header(settings: FixedGraphSettings, drawn: Sequence[Problem]) -> RunHeader:
    """Returns the header of a task about to be run here."""
    digest = hashlib.sha256()
    for own in drawn:
        for part in (own.features, own.labels, np.array([own.start, own.num_neighbors])):
            digest.update(f"{part.dtype}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).data)
    made = {name: RULES[name].make(_setting(settings, drawn[0])) for name in settings.rules}
    return RunHeader(
        task=settings.task,
        config=plain(settings.as_dict()),
        environment=environment(),
        strategies={
            name: {"kind": type(strategy).__name__, "settings": plain(dataclasses.asdict(strategy))}  # pyright: ignore[reportArgumentType]  # all are
            for name, strategy in made.items()
        },
        data={
            "num_points": len(drawn[0].labels),
            "num_classes": drawn[0].num_classes,
            "num_neighbors": [own.num_neighbors for own in drawn],
            "sha256": digest.hexdigest(),
        },
    )


def run_rule(settings: FixedGraphSettings, name: str, drawn: Sequence[Problem]) -> list[Record]:
    """Returns the records of a rule: seed by seed, one for each checkpoint."""
    programs: dict[int, Ask] = {}
    records = []
    for seed, own in zip(settings.seeds, drawn, strict=True):
        if own.num_neighbors not in programs:
            programs[own.num_neighbors] = compile_rule(RULES[name], own, settings)
        asked = ask(programs[own.num_neighbors], own, seed)
        records += _records(settings, name, seed, own, asked)
    return records


def compile_rule(rule: Rule, own: Problem, settings: FixedGraphSettings) -> Ask:
    """Compiles what asks all labels of a problem, one at a time; problems of one task and one K share it."""
    strategy = rule.make(_setting(settings, own))
    static = {"strategy": strategy, "num_queries": settings.budget - 1, "in_turn": rule.sees_classes}
    return _ask.lower(*_arguments(own, 0), **static).compile()


def ask(program: Ask, own: Problem, seed: int) -> Asked:
    """Asks the labels of a problem."""
    arguments = _arguments(own, seed)
    began = time.perf_counter()
    query = jax.block_until_ready(program(*arguments))
    seconds = time.perf_counter() - began
    return Asked(np.array([own.start, *np.asarray(query.indices)]), np.asarray(query.reached), seconds)


def _arguments(own: Problem, seed: int) -> tuple[Array, ...]:
    return jax.random.key(seed), jnp.asarray(own.features), jnp.asarray(own.labels), jnp.asarray(own.start, jnp.int32)


def _records(settings: FixedGraphSettings, name: str, seed: int, own: Problem, asked: Asked) -> list[Record]:
    counts = settings.checkpoints
    right, balanced = accuracies(own.graph, own.labels, asked.order, counts, num_classes=own.num_classes)
    seconds_each = asked.seconds / max(len(asked.reached), 1)
    return [
        Record(
            task=settings.task,
            strategy=name,
            seed=seed,
            cycle=cycle,
            num_labeled=count,
            accuracy=float(right[cycle]),
            balanced_accuracy=float(balanced[cycle]),
            queried=asked.order[count:until].tolist(),
            reached=asked.reached[count - 1 : until - 1].tolist(),
            acquisition_seconds=seconds_each * (until - count),
        )
        for cycle, (count, until) in enumerate(zip(counts, [*counts[1:], counts[-1]], strict=True))
    ]


def _setting(settings: FixedGraphSettings, own: Problem) -> Setting:
    graph = GraphSettings(num_neighbors=own.num_neighbors, num_steps=settings.num_steps)
    return Setting(graph, own.num_classes, TASKS[settings.task].num_clusters)


@functools.partial(jax.jit, static_argnames=("strategy", "num_queries", "in_turn"))
def _ask(
    key: jax.Array,
    features: Float[Array, "n d"],
    labels: Int[Array, " n"],
    start: Int[Array, ""],
    *,
    strategy: QueryStrategy,
    num_queries: int,
    in_turn: bool,
) -> Query:
    key, prepare_key = jax.random.split(key)
    labeled = jnp.zeros(labels.shape, bool).at[start].set(True)
    pool = _pool(features, labels, labeled)
    prepared = strategy.prepare(prepare_key, pool)
    if not in_turn:
        return strategy.query(key, prepared, pool, query_size=num_queries)

    def turn(labeled, query_key):
        query = strategy.query(query_key, prepared, _pool(features, labels, labeled), query_size=1)
        return labeled.at[query.indices[0]].set(True), query

    _, queries = lax.scan(turn, labeled, jax.random.split(key, num_queries))
    return jax.tree.map(lambda part: part[:, 0], queries)


def _pool(features: Float[Array, "n d"], labels: Int[Array, " n"], labeled: Bool[Array, " n"]) -> Pool:
    return Pool(features, None, None, labels=jnp.where(labeled, labels, -1), labeled=labeled, inputs=features)
