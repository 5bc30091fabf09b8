"""What a strategy on a graph saw, kept cycle by cycle for the first seed: what the paper's Figs. 1 and 2 draw.

The graph and the diffusion are computed again from the network and labels of the cycle; with sub-batches it is the
first that is shown.
"""

import functools
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ddal_jax.diffusion import diffuse, label_mass
from ddal_jax.disk import whole
from ddal_jax.experiments.build import Trial
from ddal_jax.experiments.journal import SNAPSHOTS
from ddal_jax.experiments.run import Finished
from ddal_jax.graph.affinity import affinity
from ddal_jax.inference import predict
from ddal_jax.networks.types import Network, TrainState
from ddal_jax.pool_graph import pool_neighbors
from ddal_jax.strategies import Diffusion

# The edges of a larger graph would only make a blot.
_LARGEST_GRAPH_KEPT = 500


class Snapshot(NamedTuple):
    """One cycle as the strategy saw it.

    Attributes:
      points: the pool, where it is planar.
      truth: its classes.
      mass: labels known before the query, diffused, in half precision.
      reached: True where any arrived.
      labeled: True where the label was known.
      queried: rows asked.
      neighbors: edges of the graph on the features; none where the pool is large.
      accuracy: of the network, held-out.
    """

    points: Float[np.ndarray, "n 2"]
    truth: Int[np.ndarray, " n"]
    mass: Float[np.ndarray, "n c"]
    reached: Bool[np.ndarray, " n"]
    labeled: Bool[np.ndarray, " n"]
    queried: Int[np.ndarray, " b"]
    neighbors: Int[np.ndarray, "m k"]
    accuracy: Float[np.ndarray, ""]


def snapshot(trial: Trial, finished: Finished, folder: Path) -> None:
    """Keeps what the watched strategy saw in the cycle just finished."""
    settings = trial.settings[finished.position.strategy]
    strategy = settings.strategy
    assert isinstance(strategy, Diffusion)
    train, task, labeled = jax.tree.map(
        lambda part: part[0], (finished.states.train, trial.tasks, finished.states_before.labeled)
    )
    mass, neighbors = _see(train, task.inputs, task.labels, labeled, network=settings.network, strategy=strategy)
    record = finished.records[0]
    num_kept = len(mass) if len(mass) <= _LARGEST_GRAPH_KEPT else 0
    seen = Snapshot(
        points=np.asarray(task.inputs),
        truth=np.asarray(task.labels, np.int16),
        mass=np.asarray(mass, np.float16),
        reached=np.asarray(mass).sum(axis=1) > 0,
        labeled=np.asarray(labeled),
        queried=np.asarray(record.queried, np.int32),
        neighbors=np.asarray(neighbors[:num_kept], np.int32),
        accuracy=np.asarray(record.accuracy, np.float32),
    )
    with whole(folder / SNAPSHOTS / record.strategy / f"{record.cycle:04d}.npz") as file:
        np.savez_compressed(file, **seen._asdict())


def read_snapshots(folder: Path, strategy: str) -> list[Snapshot]:
    """Returns the snapshots of a strategy kept in an experiment's folder, cycle by cycle."""
    snapshots = []
    for path in sorted((folder / SNAPSHOTS / strategy).glob("*.npz")):
        with np.load(path, allow_pickle=False) as kept:
            snapshots.append(Snapshot(*(kept[name] for name in Snapshot._fields)))
    return snapshots


@functools.partial(jax.jit, static_argnames=("network", "strategy"))
def _see(
    train: TrainState, inputs, labels, labeled, *, network: Network, strategy: Diffusion
) -> tuple[Float[Array, "n c"], Int[Array, "n k"]]:
    features = predict(network, train, inputs).features
    knn = pool_neighbors(features, strategy.graph)
    graph = affinity(knn, symmetrize=strategy.graph.symmetrize)
    mass = label_mass(labels, labeled, num_classes=strategy.num_classes)
    diffused = diffuse(graph, mass, labeled, num_steps=strategy.graph.steps_for(len(labeled)))
    return diffused, knn.neighbors
