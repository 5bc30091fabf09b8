"""The active-learning loop, Algorithm 1: train, embed, query P sub-batches, repeat until the budget is spent.

`cycle` is the one step: a training stage and a query stage, pure and with fixed shapes however many labels are known.
How it is driven over cycles and seeds stands in `drivers`.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key

from ddal_jax import checks
from ddal_jax.inference import COMPILED, Learner
from ddal_jax.networks.types import Network, TrainState
from ddal_jax.selection import Query
from ddal_jax.strategies.base import Pool, QueryStrategy
from ddal_jax.training import TrainSettings

# What the key of a cycle is folded with.
_TRAINING, _QUERYING, _LOOKING = 0, 1, 2


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


class Grade(NamedTuple):
    """How well a network does on the held-out points.

    Attributes:
      accuracy: share it classifies rightly.
      balanced_accuracy: mean over the classes held out of the share of each that it classifies rightly.
      finite: False if training has diverged and the network answers with NaN or infinity.
    """

    accuracy: Float[Array, ""]
    balanced_accuracy: Float[Array, ""]
    finite: Bool[Array, ""]


class View(NamedTuple):
    """The pool as a trained network sees it; what the strategy does not require is None.

    Attributes:
      features: penultimate activations in evaluation mode.
      probs: class probabilities.
      mc_probs: class probabilities of repeated passes with dropout on.
    """

    features: Float[Array, "n d"] | None
    probs: Float[Array, "n c"] | None
    mc_probs: Float[Array, "r n c"] | None


class CycleRecord(NamedTuple):
    """What a cycle reports.

    Attributes:
      num_labeled: labels the network was trained on.
      grade: of the network.
      queried: rows asked afterwards, sub-batch after sub-batch; -1 in places left empty at the end of the budget.
      reached: for each, whether some label reached it.
    """

    num_labeled: Int[Array, ""]
    grade: Grade
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
      num_passes: looks at the pool with dropout on, for strategies that require them; the paper does not say.
    """

    network: Network
    training: TrainSettings
    strategy: QueryStrategy
    query_size: int
    num_sub_batches: int = 1
    warm_start: bool = True
    num_passes: int = 20

    def __post_init__(self) -> None:
        checks.integer("query_size", self.query_size, low=1)
        checks.integer("num_sub_batches", self.num_sub_batches, low=1)
        checks.integer("num_passes", self.num_passes, low=1)
        if "mc_probs" in self.strategy.requires and self.network.sample is None:
            raise ValueError(f"network must have dropout, which {self.strategy} requires; it has none.")


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
    train, grade = train_stage(
        key, state, task, num_labeled,
        network=settings.network, training=settings.training, warm_start=settings.warm_start,
    )  # fmt: skip
    state, query = query_stage(key, state._replace(train=train), task, num_labeled, settings=settings)
    return state, CycleRecord(num_labeled, grade, query.indices, query.reached)


def train_stage(
    key, state: LoopState, task: Task, num_labeled, *,
    network: Network, training: TrainSettings, warm_start: bool, learner: Learner = COMPILED,
) -> tuple[TrainState, Grade]:  # fmt: skip
    """Trains on the labels known so far and grades on the held-out points; knows nothing of strategies."""
    start = state.train if warm_start else task.initial
    train = learner.fit(
        jax.random.fold_in(key, _TRAINING), start, task.inputs, task.labels, state.chosen, num_labeled,
        network=network, settings=training,
    )  # fmt: skip
    return train, _grade(learner.predict(network, train, task.test_inputs).logits, task.test_labels)


def query_stage(key, state: LoopState, task: Task, num_labeled, *, settings: LoopSettings) -> tuple[LoopState, Query]:
    """Asks P sub-batches with the network as it stands, or nothing once the budget is spent."""

    def look_and_ask(state):
        return ask(key, state, look(key, state.train, task, settings=settings), task, num_labeled, settings=settings)

    def ask_none(state):
        return state, ask_nothing(settings)

    return lax.cond(num_labeled < state.chosen.shape[0], look_and_ask, ask_none, state)


def look(key, train: TrainState, task: Task, *, settings: LoopSettings, learner: Learner = COMPILED) -> View:
    """Returns the pool as the strategy needs to see it."""
    features = probs = mc_probs = None
    required = settings.strategy.requires
    if required & {"features", "probs"}:
        prediction = learner.predict(settings.network, train, task.inputs)
        features = prediction.features if "features" in required else None
        probs = jax.nn.softmax(prediction.logits) if "probs" in required else None
    if "mc_probs" in required:
        look_key = jax.random.fold_in(key, _LOOKING)
        mc_probs = learner.sample(look_key, settings.network, train, task.inputs, num_passes=settings.num_passes)
    return View(features, probs, mc_probs)


def ask(
    key, state: LoopState, view: View, task: Task, num_labeled, *, settings: LoopSettings
) -> tuple[LoopState, Query]:
    """Asks P sub-batches, the labels of one known to the next, or fewer points where the budget ends."""
    strategy = settings.strategy
    prepare_key, query_key = jax.random.split(jax.random.fold_in(key, _QUERYING))
    prepared = strategy.prepare(prepare_key, _pool(view, task, state.labeled))

    def ask_sub_batch(state, sub_batch):
        pool = _pool(view, task, state.labeled)
        query_key_of_batch = jax.random.fold_in(query_key, sub_batch)
        query = strategy.query(query_key_of_batch, prepared, pool, query_size=settings.query_size)
        place = num_labeled + sub_batch * settings.query_size + jnp.arange(settings.query_size)
        affordable = (place < state.chosen.shape[0]) & (query.indices >= 0)
        indices = jnp.where(affordable, query.indices, -1)
        labeled = state.labeled.at[jnp.where(affordable, indices, len(state.labeled))].set(True, mode="drop")
        chosen = state.chosen.at[place].set(indices, mode="drop")
        query = Query(indices, jnp.where(affordable, query.scores, jnp.nan), query.reached & affordable)
        return LoopState(state.train, labeled, chosen), query

    state, queries = lax.scan(ask_sub_batch, state, jnp.arange(settings.num_sub_batches))
    return state, jax.tree.map(jnp.ravel, queries)


def ask_nothing(settings: LoopSettings) -> Query:
    """Returns a query of empty places."""
    size = settings.num_sub_batches * settings.query_size
    return Query(jnp.full(size, -1, jnp.int32), jnp.full(size, jnp.nan), jnp.zeros(size, bool))


def _pool(view: View, task: Task, labeled: Bool[Array, " n"]) -> Pool:
    return Pool(*view, labels=jnp.where(labeled, task.labels, -1), labeled=labeled, inputs=task.inputs)


def _grade(logits: Float[Array, "v c"], labels: Int[Array, " v"]) -> Grade:
    right = (logits.argmax(axis=1) == labels).astype(jnp.float32)
    num_classes = logits.shape[1]
    sizes = jax.ops.segment_sum(jnp.ones_like(right), labels, num_segments=num_classes)
    recalls = jax.ops.segment_sum(right, labels, num_segments=num_classes) / jnp.maximum(sizes, 1)
    return Grade(right.mean(), recalls.sum() / jnp.sum(sizes > 0), jnp.isfinite(logits).all())
