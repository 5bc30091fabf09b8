"""The active-learning loop, Algorithm 1: train, embed, query P sub-batches, repeat until the budget is spent.

`cycle` is the one step: a training stage and a query stage, pure and with fixed shapes however many labels are known.
How it is driven over cycles and seeds stands in `drivers`.
"""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key

from ddal_jax import checks
from ddal_jax.networks.types import Network, TrainState
from ddal_jax.selection import Query
from ddal_jax.strategies.base import Pool, QueryStrategy
from ddal_jax.training import TrainSettings, fit, predict

# What the key of a cycle is folded with.
_TRAINING, _QUERYING = 0, 1


class Task(NamedTuple):
    """What one seed learns on; the labels of the pool play the annotator.

    Attributes:
      inputs: the pool.
      labels: its labels, revealed to training and strategies only once asked.
      test_inputs: held-out points, in no graph and in no query.
      test_labels: their labels.
      initial: the network before training, shared by all strategies.
    """

    inputs: Float[Array, "n ..."]
    labels: Int[Array, " n"]
    test_inputs: Float[Array, "v ..."]
    test_labels: Int[Array, " v"]
    initial: TrainState


class LoopState(NamedTuple):
    """What a cycle hands to the next.

    Attributes:
      train: the network.
      labeled: True where the label has been asked.
      chosen: rows in the order they were labelled; as long as the budget, -1 in places still free.
    """

    train: TrainState
    labeled: Bool[Array, " n"]
    chosen: Int[Array, " m"]


class CycleRecord(NamedTuple):
    """What a cycle reports.

    Attributes:
      num_labeled: labels the network was trained on.
      accuracy: share of held-out points it classifies rightly.
      queried: rows asked afterwards, sub-batch after sub-batch; -1 in places left empty at the end of the budget.
      reached: for each, whether some label reached it.
    """

    num_labeled: Int[Array, ""]
    accuracy: Float[Array, ""]
    queried: Int[Array, " b"]
    reached: Bool[Array, " b"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoopSettings:
    """How a loop runs.

    Attributes:
      network: what is trained.
      training: how.
      strategy: what decides the queries.
      query_size: B.
      num_sub_batches: P, queries between two retrainings on one graph; P x B labels a cycle.
      warm_start: go on from the previous network, as the paper does, or retrain from the initial one.
    """

    network: Network
    training: TrainSettings
    strategy: QueryStrategy
    query_size: int
    num_sub_batches: int = 1
    warm_start: bool = True

    def __post_init__(self) -> None:
        checks.integer("query_size", self.query_size, low=1)
        checks.integer("num_sub_batches", self.num_sub_batches, low=1)


def initial_state(task: Task, start: Int[Array, " l"], budget: int) -> LoopState:
    """Returns the state in which only the rows `start` are labelled, with room for `budget` labels in all."""
    labeled = jnp.zeros(task.labels.shape, bool).at[start].set(True)
    chosen = jnp.full((budget,), -1, jnp.int32).at[: start.shape[0]].set(start)
    return LoopState(task.initial, labeled, chosen)


def label_counts(num_start: int, budget: int, labels_per_cycle: int) -> list[int]:
    """Returns how many labels are known in each cycle; the last step shrinks to meet the budget."""
    return [*range(num_start, budget, labels_per_cycle), budget]


def cycle(
    key: Key[Array, ""], state: LoopState, task: Task, num_labeled: Int[Array, ""], *, settings: LoopSettings
) -> tuple[LoopState, CycleRecord]:
    """Trains once and asks P sub-batches, or fewer labels where the budget ends.

    Args:
      key: of this seed and cycle; used once.
      state: from the cycle before.
      task: what is learnt.
      num_labeled: labels known so far, the same for all seeds.
      settings: Static.

    Returns:
      The next state, and the record of this cycle.

    Paper: the outer loop of Algorithm 1, which prints R = Q / B for the number of sub-batches; read as P.
    """
    train, accuracy = train_stage(
        key, state, task, num_labeled,
        network=settings.network, training=settings.training, warm_start=settings.warm_start,
    )  # fmt: skip
    state, query = query_stage(key, state._replace(train=train), task, num_labeled, settings=settings)
    return state, CycleRecord(num_labeled, accuracy, query.indices, query.reached)


def train_stage(
    key, state: LoopState, task: Task, num_labeled, *, network: Network, training: TrainSettings, warm_start: bool
) -> tuple[TrainState, Float[Array, ""]]:
    """Trains on the labels known so far and judges on the held-out points; knows nothing of strategies."""
    start = state.train if warm_start else task.initial
    train = fit(
        jax.random.fold_in(key, _TRAINING), start, task.inputs, task.labels, state.chosen, num_labeled,
        network=network, settings=training,
    )  # fmt: skip
    guesses = predict(network, train, task.test_inputs).logits.argmax(axis=1)
    return train, jnp.mean(guesses == task.test_labels)


def query_stage(key, state: LoopState, task: Task, num_labeled, *, settings: LoopSettings) -> tuple[LoopState, Query]:
    """Asks P sub-batches with the network as it stands, or nothing once the budget is spent."""
    ask = functools.partial(_ask, jax.random.fold_in(key, _QUERYING), task=task, settings=settings)
    has_budget = num_labeled < state.chosen.shape[0]
    return lax.cond(has_budget, ask, functools.partial(_ask_nothing, settings=settings), state, num_labeled)


def _ask(key, state: LoopState, num_labeled, *, task: Task, settings: LoopSettings) -> tuple[LoopState, Query]:
    strategy = settings.strategy
    prepare_key, query_key = jax.random.split(key)
    pool = _view(strategy, settings.network, state.train, task, state.labeled)
    prepared = strategy.prepare(prepare_key, pool)

    def ask_sub_batch(state, sub_batch):
        known = pool._replace(labels=_known_labels(task, state.labeled), labeled=state.labeled)
        query_key_of_batch = jax.random.fold_in(query_key, sub_batch)
        query = strategy.query(query_key_of_batch, prepared, known, query_size=settings.query_size)
        place = num_labeled + sub_batch * settings.query_size + jnp.arange(settings.query_size)
        affordable = (place < state.chosen.shape[0]) & (query.indices >= 0)
        indices = jnp.where(affordable, query.indices, -1)
        labeled = state.labeled.at[jnp.where(affordable, indices, len(state.labeled))].set(True, mode="drop")
        chosen = state.chosen.at[place].set(indices, mode="drop")
        query = Query(indices, jnp.where(affordable, query.scores, jnp.nan), query.reached & affordable)
        return LoopState(state.train, labeled, chosen), query

    state, queries = lax.scan(ask_sub_batch, state, jnp.arange(settings.num_sub_batches))
    return state, jax.tree.map(jnp.ravel, queries)


def _ask_nothing(state: LoopState, num_labeled, *, settings: LoopSettings) -> tuple[LoopState, Query]:
    del num_labeled
    size = settings.num_sub_batches * settings.query_size
    return state, Query(jnp.full(size, -1, jnp.int32), jnp.full(size, jnp.nan), jnp.zeros(size, bool))


def _known_labels(task: Task, labeled: Bool[Array, " n"]) -> Int[Array, " n"]:
    return jnp.where(labeled, task.labels, -1)


def _view(strategy: QueryStrategy, network: Network, train: TrainState, task: Task, labeled) -> Pool:
    pool = Pool(None, None, None, _known_labels(task, labeled), labeled)
    if not strategy.requires:
        return pool
    outputs = predict(network, train, task.inputs)
    if "features" in strategy.requires:
        pool = pool._replace(features=outputs.features)
    if "probs" in strategy.requires:
        pool = pool._replace(probs=jax.nn.softmax(outputs.logits))
    return pool
