"""What the labels of a campaign say of its whole pool now, for status, export and map."""

import sqlite3
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from ddal_jax.campaign import store
from ddal_jax.campaign.graphs import campaign_graph
from ddal_jax.campaign.propagation import Propagated, propagate
from ddal_jax.campaign.settings import RoundSettings, settings_from, settings_of
from ddal_jax.campaign.state import State, read_state
from ddal_jax.graph.types import AnyGraph


class Knowledge(NamedTuple):
    """The labels, the graph they spread on, and what they say.

    Attributes:
      state: labels and the rest.
      settings: those of the last round, or the defaults before the first.
      graph: of the pool.
      propagated: labels of the whole pool.
    """

    state: State
    settings: RoundSettings
    graph: AnyGraph
    propagated: Propagated

    @property
    def num_steps(self) -> int:
        """T."""
        return self.settings.graph.steps_for(len(self.state.labels))


def current_state(connection: sqlite3.Connection, *, soft: bool = False) -> State:
    """Returns what is known at the end of the log."""
    with store.reading(connection):
        next_round = len(store.rounds(connection)) + 1
        return read_state(connection, position=store.last_position(connection), next_round=next_round, soft=soft)


def current_settings(connection: sqlite3.Connection) -> RoundSettings:
    """Returns the settings of the last round, or the defaults before the first."""
    asked = store.rounds(connection)
    if asked:
        return settings_of(asked[-1].config)
    return settings_from(1, store.facts(connection).pool.rows)


def current_knowledge(connection: sqlite3.Connection, campaign: Path) -> Knowledge:
    """Returns what the labels say of the pool now.

    Raises:
      ValueError: the graph has to be built and the pool is not what it was.
      OSError: the graph has to be built and the disk is full.
    """
    settings = current_settings(connection)
    state = current_state(connection, soft=settings.soft_labels)
    graph = campaign_graph(connection, campaign, settings.graph)
    num_steps = settings.graph.steps_for(len(state.labels))
    return Knowledge(state, settings, graph, _propagated(graph, state, num_steps))


def previously_predicted(connection: sqlite3.Connection, now: Knowledge) -> Int[np.ndarray, " n"] | None:
    """Returns the classes predicted at the last round that knew less, in the codes of now; None if there is none.

    A class that no label has any more gets a code of its own.
    """
    earlier = [record for record in store.rounds(connection) if record.position < now.state.position]
    if not earlier:
        return None
    state = read_state(
        connection, position=earlier[-1].position, next_round=earlier[-1].number, soft=now.settings.soft_labels
    )
    codes = {name: code for code, name in enumerate(now.state.classes)}
    translated = [codes.get(name, now.state.num_classes) for name in state.classes]
    predicted = _propagated(now.graph, state, now.num_steps).predicted
    return np.asarray([*translated, -1], np.int32)[predicted]


def _propagated(graph: AnyGraph, state: State, num_steps: int) -> Propagated:
    return propagate(
        graph, state.labels, num_classes=state.num_classes, num_steps=num_steps, soft_labels=state.soft_labels
    )
