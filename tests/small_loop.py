"""A loop so small that what is tested is the loop."""

import jax
import jax.numpy as jnp
import numpy as np

from ddal_jax.drivers import run_stepwise
from ddal_jax.loop import LoopSettings, Task, initial_state, label_counts
from ddal_jax.networks.types import Network, Outputs, TrainState
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.strategies import Diffusion, Scored
from ddal_jax.training import TrainSettings

NUM_POINTS, NUM_CLASSES = 50, 2


def _apply_linear(params, state, x, key, *, train, mask):
    del key, train, mask
    return Outputs(x @ params, x, state)


# The least that is a network: what is tested here is the loop, and a larger one only compiles longer.
NETWORK = Network(lambda key: TrainState(jax.random.normal(key, (3, NUM_CLASSES)), ()), _apply_linear)
TRAINING = TrainSettings(num_epochs=2, minibatch_size=4, optimizer="sgd", learning_rate=1e-2)
DIFFUSION = Diffusion(num_classes=NUM_CLASSES, graph=GraphSettings(num_neighbors=5))
MARGIN = Scored(score="margin")
SETTINGS = LoopSettings(network=NETWORK, training=TRAINING, strategy=DIFFUSION, query_size=2)
BUDGET = 11  # four to start with, three batches of two, and one that has to shrink


def trial(num_seeds: int, budget: int, num_points: int = NUM_POINTS):
    """Returns seeds, states and tasks, stacked, with the four first points of each pool labelled."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(num_seeds, num_points + 20, 3)).astype(np.float32)
    labels = (inputs[:, :, 0] > 0).astype(np.int32)
    seeds = jnp.arange(num_seeds, dtype=jnp.uint32)
    initial = jax.vmap(lambda seed: NETWORK.init(jax.random.key(seed)))(seeds)
    tasks = Task(
        *(jnp.asarray(part) for part in (inputs[:, 20:], labels[:, 20:], inputs[:, :20], labels[:, :20])), initial
    )
    states = jax.vmap(lambda task: initial_state(task, jnp.arange(4, dtype=jnp.int32), budget))(tasks)
    return seeds, states, tasks


def run(settings: LoopSettings, *, num_seeds: int = 2, budget: int = BUDGET):
    seeds, states, tasks = trial(num_seeds, budget)
    counts = label_counts(4, budget, settings.query_size * settings.num_sub_batches)
    return [jax.device_get(step.record) for step in run_stepwise(seeds, states, tasks, counts, settings=settings)]
