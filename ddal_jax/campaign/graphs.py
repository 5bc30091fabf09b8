"""The graph of a campaign's pool: neighbours are found once and kept beside the record."""

import json
import sqlite3
import zipfile
import zlib
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32

import ddal_jax
from ddal_jax.campaign import store
from ddal_jax.campaign.facts import Facts
from ddal_jax.campaign.folders import GRAPH
from ddal_jax.campaign.rereading import reread
from ddal_jax.disk import whole
from ddal_jax.graph.affinity import affinity
from ddal_jax.graph.types import AnyGraph, KNNGraph
from ddal_jax.pool_graph import GraphSettings, pool_neighbors


def campaign_graph(
    connection: sqlite3.Connection,
    campaign: Path,
    settings: GraphSettings,
    features: Float32[np.ndarray, "n d"] | None = None,
) -> AnyGraph:
    """Returns the graph of the pool, from the neighbours kept if they are those of these settings.

    Args:
      connection: to the record.
      campaign: its folder.
      settings: how the graph is built.
      features: of the pool, where they are at hand; else they are read only if nothing is kept. float32, since JAX
        would cut wider integers off without a word.

    Raises:
      ValueError: the pool is not what it was, or cannot have such a graph.
      OSError: the disk is full.
    """
    facts = store.facts(connection)
    key = _key(facts, settings)
    path = campaign / GRAPH
    knn = _kept(path, key, facts.pool.rows, settings.num_neighbors)
    if knn is None:
        features = reread(campaign, facts) if features is None else features
        knn = pool_neighbors(jnp.asarray(features), settings)
        # Within the transaction, so that another command can tell a file left over from one being written.
        with store.writing(connection), whole(path) as file:
            np.savez(
                file,
                key=np.frombuffer(key.encode(), np.uint8),
                neighbors=np.asarray(knn.neighbors),
                sq_distances=np.asarray(knn.sq_distances),
            )
    return affinity(knn, symmetrize=settings.symmetrize)


def _key(facts: Facts, settings: GraphSettings) -> str:
    return json.dumps(
        {
            "data": facts.pool.sha256,
            "shape": [facts.pool.rows, facts.pool.columns],
            "dtype": facts.pool.dtype,
            "num_neighbors": settings.num_neighbors,
            "metric": settings.metric,
            "ddal_jax": ddal_jax.__version__,
        }
    )


def _kept(path: Path, key: str, num_points: int, num_neighbors: int) -> KNNGraph | None:
    """Returns the neighbours kept; None where there are none, those of something else, or damaged ones."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            if kept["key"].tobytes().decode() != key:
                return None
            knn = KNNGraph(kept["neighbors"], kept["sq_distances"])
    except (KeyError, ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error):
        return None
    if not knn.neighbors.shape == knn.sq_distances.shape == (num_points, num_neighbors):
        return None
    return KNNGraph(*map(jnp.asarray, knn))
