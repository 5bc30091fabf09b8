"""A campaign's pool as an interactive page."""

import sqlite3
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from ddal_jax import scores
from ddal_jax.campaign import store
from ddal_jax.campaign.knowledge import current_knowledge, current_settings
from ddal_jax.campaign.propagation import named_probabilities
from ddal_jax.campaign.replays import queries_of
from ddal_jax.campaign.rereading import reread
from ddal_jax.maps import Asked, MapSettings, write_map


def draw_map(connection: sqlite3.Connection, campaign: Path, path: Path, *, layout: str, color: str) -> Path:
    """Writes the page: where labels reach, what they say, and what the last round asked.

    Raises:
      ValueError: an unknown layout or colour, one that the graph of the last round cannot have, or a pool that is not
        what it was.
      OSError: the file cannot be written.
    """
    settings = MapSettings(layout=layout, color=color)
    if layout == "diffusion" and current_settings(connection).graph.symmetrize == "none":
        raise ValueError(
            "layout must be 'pca' while the last round is one with symmetrize 'none', whose edges lead one way and "
            "have no such layout; got 'diffusion'. The next round asked with another symmetrize allows it again."
        )
    features = reread(campaign, store.facts(connection))
    known = current_knowledge(connection, campaign)
    rounds = store.rounds(connection)
    queries = queries_of(connection, campaign, rounds[-1]) if rounds else []
    criterion = scores.CRITERIA[known.settings.query.criterion]
    values = np.asarray(criterion(jnp.asarray(known.propagated.mass)))
    open_to_question = (known.state.labels < 0) & ~known.state.ignored
    probabilities = named_probabilities(known.propagated, num_named=len(known.state.classes))
    return write_map(
        path,
        features=np.asarray(features, np.float32),
        graph=known.graph,
        ids=store.ids(connection),
        classes=known.state.classes,
        propagated=known.propagated._replace(probabilities=probabilities),
        scores=np.where(open_to_question, values, np.float32(np.nan)),
        queried=[Asked(query["id"], query["rank"], query["reason"]) for query in queries],
        settings=settings,
    )
